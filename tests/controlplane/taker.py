"""Hands printed manifests to the API server as kubectl does, and counts what it takes.

The text goes as it is, so that Kubernetes' own YAML reader reads it. Of a JobSet the server is also
given the Jobs that JobSet's controller would make of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tests.controlplane.api import Json, Refused
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.jobs import jobs_of
from tests.controlplane.manifests import collection

APPLY = "application/apply-patch+yaml"
_STRICT = {"fieldValidation": "Strict", "dryRun": "All"}


def documents(text: str) -> Iterator[str]:
    """The objects of a YAML stream; blocks of comments alone are left out."""
    for block in re.split(r"^---$", text, flags=re.MULTILINE):
        if re.search(r"^kind: ", block, re.MULTILINE):
            yield block.strip("\n") + "\n"


def path_of(plane: ControlPlane, text: str) -> str:
    """Where the object of a printed text belongs; its namespace is there afterwards."""
    namespace = _field(text, "namespace") if re.search(r"^  namespace: ", text, re.MULTILINE) else ""
    if namespace:
        plane.has_namespace(namespace)
    kind, version = _field(text, "kind"), _field(text, "apiVersion")
    head = {"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace}}
    return f"{collection(head)}/{_field(text, 'name')}"


class Taker:
    """The counts are by the name of a source. Nothing is stored."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.tried: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.jobs: Counter[str] = Counter()
        self.refused_by_xpk: Counter[str] = Counter()

    def take(self, source: str, text: str) -> Json:
        """The object as the server reads it. Raises Refused."""
        self.tried[source] += 1
        query = {"fieldManager": "kubectl", "force": "true", **_STRICT}
        path = path_of(self._plane, text)
        stored = self._plane.api.request("PATCH", path, text, query=query, content_type=APPLY)
        if stored["kind"] == "JobSet":
            self.take_jobs(source, stored)
        self.taken[source] += 1
        return stored

    def take_jobs(self, source: str, jobset: Json) -> None:
        """Have the server check the Jobs of a JobSet. Raises Refused."""
        for job in jobs_of(jobset):
            self._plane.api.request("POST", collection(job), job, query=_STRICT)
            self.jobs[source] += 1

    def try_to_take(self, source: str, text: str) -> str | None:
        """Take it; what the server had against it, or None."""
        try:
            self.take(source, text)
        except Refused as refused:
            return str(refused)
        return None

    def all_taken(self) -> bool:
        """Whether nothing was refused by the server."""
        return self.tried == self.taken

    def figures(self) -> Iterator[str]:
        """A table of the counts."""
        yield f"{'source':<14}{'tried':>8}{'taken':>8}{'Jobs':>8}  plans that xpk itself refuses"
        rows = [(name, *(c[name] for c in self._counts())) for name in self.tried]
        for name, *counts in (*rows, ("all", *(c.total() for c in self._counts()))):
            yield f"{name:<14}" + "".join(f"{count:>8}" for count in counts[:3]) + f"  {counts[3]}"

    def _counts(self) -> tuple[Counter[str], ...]:
        return self.tried, self.taken, self.jobs, self.refused_by_xpk


def _field(text: str, name: str) -> str:
    """The first value of a field in a text that the printer wrote: plain, at most one level deep."""
    match = re.search(rf"^(?:  )?{name}: (.*)$", text, re.MULTILINE)
    assert match is not None, f"no {name} in {text[:200]}"
    return match[1].strip("'\"")
