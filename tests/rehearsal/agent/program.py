"""An agent as a program of its own, for a test that kills it: address and folder are its arguments."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from tests.rehearsal.agent.emulated import LABELS, client, make_agent
from xpk.rehearsal.hosts.space import Space


def main(url: str, folder: str) -> None:
    """Serve until killed."""
    with Space(root=Path(folder, "disk"), ramdisk_root=Path(folder, "memory")) as space:
        make_agent(client(url), space, [], [], LABELS).run(threading.Event())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
