"""`python -m xpk.rehearsal.trainer`."""

from __future__ import annotations

import sys

from xpk.rehearsal.trainer.main import main

sys.exit(main(sys.argv[1:]))
