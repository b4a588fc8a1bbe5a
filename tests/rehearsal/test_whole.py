"""`xpk rehearse` with a trainer, from the command line to the outcome: few runs, small arrays.

The own trainer's part is in every run. More moments and faults: `python -m tests.rehearsal.proof`. MaxText
itself: where XPK_MAXTEXT_PYTHON names the Python of an environment that has it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

Json = dict[str, Any]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rehearsal")]

MAXTEXT = os.environ.get("XPK_MAXTEXT_PYTHON", "")
needs_maxtext = pytest.mark.skipif(
    not MAXTEXT,
    reason="no MaxText: XPK_MAXTEXT_PYTHON names the Python of an environment with maxtext==0.2.5",
)
QUICK = ("--step-seconds", "0.1", "-tgps", "5")
ONE_HOST = ("--tpu-type", "v6e-4", "--hosts-per-slice", "1")
"""For what does not ask for more: half the processes. The run of multi-tier has slices of two hosts."""
SMALL = ("--local-checkpoint-period", "3", *QUICK)


def rehearsed(home: Path, *words: str, code: int = 0) -> Json:
    """The outcome of a rehearsal, which leaves nothing behind."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "xpk", "rehearse", "-o", "json", *words],
        env={**kept, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == code, done.stderr[-3000:]
    assert list(home.iterdir()) == []
    found: Json = json.loads(done.stdout)
    return found


def only(found: Json) -> Json:
    """The one recovery."""
    (recovery,) = found["recoveries"]
    assert isinstance(recovery, dict)
    return recovery


def test_emergency_a_process_is_killed(tmp_path: Path) -> None:
    page, drawing = tmp_path / "r.html", tmp_path / "r.svg"
    outputs = ("--report", str(page), "--record", str(drawing))
    words = ("--fail", "process", "--at-step", "7", "--checkpoint-period", "6", *ONE_HOST, *SMALL)
    found = rehearsed(tmp_path / "home", *words, *outputs)
    one = only(found)
    assert (one["ended"], one["step_failed"] >= 7, one["losses_equal"]) == ("recovered", True, True)
    assert one["step_restored"] % 3 == 0
    assert one["steps_lost"] <= 3
    assert sum(one["tiers"].values()) == 2
    assert not {"bucket", "nothing"} & one["tiers"].keys()
    seconds = one["seconds"]
    order = [seconds[name] for name in ("noticed", "running", "restored", "first_step", "caught_up")]
    assert order == sorted(order)
    assert (found["findings"], found["state"]) == ([], "succeeded")
    text = page.read_text(encoding="utf-8")
    assert "<svg" in text
    assert "://" not in text.replace("gs://", "").replace("http://www.w3.org", "")
    assert "<svg" in drawing.read_text(encoding="utf-8")


def test_multi_tier_a_slice_is_lost(tmp_path: Path) -> None:
    words = ("--mode", "multi-tier", "--fail", "slice", "--at-step", "7", *SMALL)
    one = only(rehearsed(tmp_path / "home", *words))
    assert one["tiers"] == {"ramdisk": 2, "peer": 2}
    assert (one["ended"], one["losses_equal"]) == ("recovered", True)
    assert one["steps_lost"] <= 3
    assert one["bytes_moved"] > 2 * (1 << 20)


def test_the_bucket_alone_serves(tmp_path: Path) -> None:
    words = ("--mode", "bucket", "--checkpoint-period", "3", "--fail", "process", "--at-step", "7")
    one = only(rehearsed(tmp_path / "home", *words, *ONE_HOST, *QUICK))
    assert one["tiers"] == {"bucket": 2}
    assert (one["ended"], one["losses_equal"]) == ("recovered", True)


@needs_maxtext
def test_maxtext_multi_tier(tmp_path: Path) -> None:
    words = ("--trainer", "maxtext", "--python", MAXTEXT, "--mode", "multi-tier", "-tgps", "10")
    one = only(rehearsed(tmp_path / "home", *words, "--fail", "process"))
    assert one["tiers"] == {"ramdisk": 4}
    assert (one["step_restored"], one["losses_equal"], one["ended"]) == (10, True, "recovered")


@needs_maxtext
def test_maxtexts_emergency_path_saves_nothing_to_the_ramdisk(tmp_path: Path) -> None:
    words = ("--trainer", "maxtext", "--python", MAXTEXT, "--mode", "emergency", "-tgps", "10")
    found = rehearsed(tmp_path / "home", *words, "--fail", "process", code=125)
    assert "ramdisk-empty" in [finding["id"] for finding in found["findings"]]
    (finding,) = [one for one in found["findings"] if one["id"] == "ramdisk-empty"]
    assert "mesh_axes" in finding["why"] + finding["fix"]
