"""The program of one container's keeper; run by path, as `python -I -S keeper.py NAME`.

It finds this installation's modules wherever they are, and nothing else of it (-S): the keeper
(`keeping`) needs the standard library only. NAME is for those who read `ps`.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    sys.path.append(os.path.abspath(__file__).removesuffix("/xpk/rehearsal/hosts/keeper.py"))
    from xpk.rehearsal.hosts.keeping import main

    os._exit(main())
