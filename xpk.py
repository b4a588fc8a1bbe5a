"""Run xpk from a clone without installing it: `python3 xpk/xpk.py cluster create ...`.

Documents and scripts call Google's tool this way. The folder `xpk/` beside this file
is the program; its dependencies come from `pip install .` in this folder.
"""

import runpy
import sys

if __name__ == "__main__":
    try:
        # By name and not by an import statement: here `xpk` is both this file and the folder.
        runpy.run_module("xpk", run_name="__main__", alter_sys=True)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] == "xpk":
            raise
        sys.stderr.write(
            f"error: the Python package '{missing.name}' is not installed\n"
            f"       {sys.executable} -m pip install {sys.path[0]}\n"
        )
        raise SystemExit(1) from None
