from __future__ import annotations

from typing import Any

from xpk.emulator.http import Response


class Nothing:
    def __init__(self, *a: Any) -> None: ...
    def handle(self, *a: Any) -> Response:
        return Response(200, {"kind": "Status"})

    def tick(self) -> float | None:
        return None

    def add_pool(self, *a: Any) -> None: ...

    remove_pool = set_addon = lose_host = exit_pod = finish = load = close = add_pool

    def dump(self) -> dict[str, Any]:
        return {}
