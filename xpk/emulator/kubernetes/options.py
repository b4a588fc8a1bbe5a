"""The query parameters of a write, as the API server reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xpk.emulator.kubernetes.errors import bad_request

Json = dict[str, Any]
VALIDATIONS = ("Ignore", "Warn", "Strict")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """``manager`` is the field manager, from the query or from the client's name; ``validation`` of unknown
    fields.
    """

    manager: str
    named: bool
    dry_run: bool
    force: bool
    validation: str
    warnings: list[str]

    @classmethod
    def read(cls, query: Mapping[str, list[str]], headers: Mapping[str, str]) -> WriteOptions:
        """Raises 400 for a value that is none of the known ones."""
        named = first(query, "fieldManager")
        agent = next((value for name, value in headers.items() if name.lower() == "user-agent"), "")
        dry_run = first(query, "dryRun")
        if dry_run not in ("", "All"):
            raise bad_request(
                f'invalid value for dryRun: Unsupported value: "{dry_run}": supported values: "All"'
            )
        validation = first(query, "fieldValidation") or "Warn"
        if validation not in VALIDATIONS:
            raise bad_request(
                f'fieldValidation: Unsupported value: "{validation}": supported values: {VALIDATIONS}'
            )
        manager = named or agent.split("/")[0] or "unknown"
        return cls(manager, bool(named), bool(dry_run), truth(query, "force"), validation, [])


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How to delete; ``propagation`` is empty when the request does not say."""

    propagation: str
    uid: str
    version: str
    dry_run: bool

    @classmethod
    def read(cls, query: Mapping[str, list[str]], body: Any) -> DeleteOptions:
        """From the body's DeleteOptions, else from the query. Raises 400 for what is none."""
        if not isinstance(body, dict) or not isinstance(body.get("preconditions") or {}, dict):
            raise bad_request("the body is not a DeleteOptions object")
        propagation = body.get("propagationPolicy") or first(query, "propagationPolicy")
        if propagation not in ("", "Foreground", "Background", "Orphan"):
            raise bad_request(f'invalid propagationPolicy: Unsupported value: "{propagation}"')
        conditions = body.get("preconditions") or {}
        dry_run = bool(body.get("dryRun")) or bool(first(query, "dryRun"))
        return cls(propagation, conditions.get("uid", ""), conditions.get("resourceVersion", ""), dry_run)


def first(query: Mapping[str, list[str]], name: str) -> str:
    """The first value of a parameter, empty when there is none."""
    values = query.get(name)
    return values[0] if values else ""


def truth(query: Mapping[str, list[str]], name: str) -> bool:
    """A boolean parameter; clients write true, True or 1. Raises 400 for anything else."""
    value = first(query, name)
    if value.lower() in ("", "false", "0", "f"):
        return False
    if value.lower() in ("true", "1", "t"):
        return True
    raise bad_request(f'strconv.ParseBool: parsing "{value}": invalid syntax')
