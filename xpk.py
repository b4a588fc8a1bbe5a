"""Run xpk from a clone without installing it: `python3 xpk/xpk.py cluster create ...`.

Documents and scripts call Google's tool this way. The folder `xpk/` beside this file
is the program; its dependencies come from `pip install .` in this folder.
"""

import sys

if __name__ == "__main__":
    try:
        from xpk.cli.main import main
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] == "xpk":
            raise
        sys.stderr.write(
            f"error: the Python package '{missing.name}' is not installed\n"
            f"       {sys.executable} -m pip install {sys.path[0]}\n"
        )
        raise SystemExit(1) from None
    main()
