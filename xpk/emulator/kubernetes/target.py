"""What a path names: a kind in the version that the client speaks, and the place of an object."""

from __future__ import annotations

from dataclasses import dataclass

from xpk.emulator.kubernetes.kinds import Kind
from xpk.emulator.kubernetes.schema import Node
from xpk.emulator.kubernetes.store import Key


@dataclass(frozen=True, slots=True)
class Target:
    """The object that a path names: its kind, in which version the client speaks, and where it is."""

    kind: Kind
    version: str
    namespace: str
    name: str
    status: bool = False

    @property
    def key(self) -> Key:
        """Its place in the store."""
        return Key(self.kind.resource, self.namespace, self.name)

    @property
    def node(self) -> Node:
        """The schema of the client's version."""
        return self.kind.node(self.version)

    @property
    def stored(self) -> Node:
        """The schema of the stored version."""
        return self.kind.node()
