"""`python -m xpk` is the same program as the console script `xpk`."""

from xpk.cli.main import main

if __name__ == "__main__":
    main()
