"""Orbax's log on stderr: what its checkpoint managers say, without what is always the same.

Only there does Orbax say what it restores from where; its own default is to say nothing.
"""

from __future__ import annotations

import logging
from typing import Any

_TELLING = ("/experimental/emergency/", "/orbax/checkpoint/checkpoint_manager.py")
_IDLE = (
    "Checking should_save",
    "Retrieving ",
    "Broadcast `saved`",
    "Maybe saving at step",
    "Missing metrics for step",
    "Waiting for checkpoint to complete",
    "[process=%s][thread=%s] CheckpointManager ",
    "[process=%s][thread=%s][wait_until_finished]",
)


class _Quieter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno > logging.INFO:
            return True
        if not any(part in record.pathname for part in _TELLING):
            return False
        return not str(record.msg).startswith(_IDLE)


def let_orbax_speak() -> None:
    """From INFO on, in absl's form (`I1124 06:05:04.123456 140 checkpoint_manager.py:887] ...`)."""
    from absl import flags as absl_flags
    from absl import logging as absl_logging

    known: Any = absl_flags.FLAGS
    known.mark_as_parsed()
    absl_logging.use_absl_handler()
    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.set_stderrthreshold(absl_logging.INFO)
    absl_logging.get_absl_handler().addFilter(_Quieter())
