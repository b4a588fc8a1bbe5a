"""Which of Orbax's log lines a person sees: those that tell what is saved, found and restored."""

from __future__ import annotations

import logging

import pytest

from xpk.rehearsal.trainer.noise import _Quieter

MANAGER = "/venv/orbax/checkpoint/checkpoint_manager.py"
EMERGENCY = "/venv/orbax/checkpoint/experimental/emergency/checkpoint_manager.py"
HANDLER = "/venv/orbax/checkpoint/_src/handlers/pytree_checkpoint_handler.py"


@pytest.mark.parametrize(
    ("path", "level", "text", "shown"),
    [
        (
            EMERGENCY,
            logging.INFO,
            "emergency.CheckpointManager: restoring step=%s from local checkpoint",
            True,
        ),
        (EMERGENCY, logging.INFO, "Checking should_save at step: %d.", False),
        (MANAGER, logging.INFO, "[process=%s] Saving checkpoint at step %s", True),
        (MANAGER, logging.INFO, "[process=%s][thread=%s] CheckpointManager created,  primary_host=%s", False),
        (HANDLER, logging.INFO, "save_device_host_concurrent_bytes=%s", False),
        (HANDLER, logging.ERROR, "could not write", True),
        (MANAGER, logging.ERROR, "[process=%s][thread=%s][wait_until_finished] Save Finalize failed", True),
    ],
)
def test_what_tells_nothing_is_left_out(path: str, level: int, text: str, shown: bool) -> None:
    record = logging.LogRecord("absl", level, path, 1, text, None, None)
    assert _Quieter().filter(record) is shown
