"""Field names that no real client sends: they must not break the emulator's own HTTP headers.

What is refused is tested on both servers, in tests/controlplane/test_both_checks.py and test_both_strict.py.
"""

from __future__ import annotations

from typing import Any


def test_a_warning_cannot_break_the_header(rig: Any) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "i"}], "ä\nSet-Cookie: x": 1},
    }
    response = rig.call("POST", rig.path("Pod") + "?fieldValidation=Warn", body)
    warning = response.headers["Warning"]
    assert warning.isascii()
    assert "\n" not in warning
