from __future__ import annotations
from xpk.emulator.http import Request, Response


class Nothing:
    def __init__(self, clock, name, wake):
        self.s = {}

    def handle(self, r):
        return Response(200, {"kind": "Status"})

    def tick(self):
        return None

    def add_pool(self, *a):
        pass

    remove_pool = set_addon = lose_host = exit_pod = finish = load = add_pool

    def dump(self):
        return {}
