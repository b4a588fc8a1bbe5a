"""The query parameters of a write, as the API server reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xpk.emulator.kubernetes import errors
from xpk.emulator.kubernetes.errors import Cause, bad_request

Json = dict[str, Any]
VALIDATIONS = ("Ignore", "Warn", "Strict")
POLICIES = ("Background", "Foreground", "Orphan")
LONGEST_MANAGER = 128


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """``manager`` is the field manager, from the query or from the client's name; ``validation`` of unknown
    fields.
    """

    manager: str
    dry_run: bool
    force: bool
    validation: str
    warnings: list[str]

    @classmethod
    def read(
        cls, query: Mapping[str, list[str]], headers: Mapping[str, str], what: str, *, apply: bool = False
    ) -> WriteOptions:
        """The options of a write; `what` is their kind, such as PatchOptions.

        Raises 400 for what cannot be read, 422 for a value that is none of the known ones.
        """
        force = truth(query, "force")
        named = first(query, "fieldManager")
        agent = next((value for name, value in headers.items() if name.lower() == "user-agent"), "")
        dry_run = first(query, "dryRun")
        validation = first(query, "fieldValidation")
        causes = []
        if len(named.encode()) > LONGEST_MANAGER:
            text = f"Too long: may not be more than {LONGEST_MANAGER} bytes"
            causes.append(Cause("FieldValueTooLong", "fieldManager", text))
        elif apply and not named:
            causes.append(errors.required("fieldManager", "is required for apply patch"))
        if dry_run not in ("", "All"):
            causes.append(errors.unsupported("dryRun", dry_run, ["All"]))
        if validation not in ("", *VALIDATIONS):
            causes.append(errors.unsupported("fieldValidation", validation, ["", *VALIDATIONS]))
        if causes:
            raise errors.invalid(what, "meta.k8s.io", "", causes)
        manager = named or agent.split("/")[0] or "unknown"
        return cls(manager, bool(dry_run), force, validation or "Warn", [])


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How to delete; ``propagation`` is empty, and ``grace`` None, when the request does not say."""

    propagation: str
    uid: str
    version: str
    dry_run: bool
    grace: int | None = None

    @classmethod
    def read(cls, query: Mapping[str, list[str]], body: Any) -> DeleteOptions:
        """From the body's DeleteOptions, else from the query. Raises 400 and 422 for what is none."""
        if not isinstance(body, dict) or not isinstance(body.get("preconditions") or {}, dict):
            raise bad_request("the body is not a DeleteOptions object")
        grace = body.get("gracePeriodSeconds", _grace(query))
        if grace is not None and not isinstance(grace, int):
            raise bad_request(
                "json: cannot unmarshal into field DeleteOptions.gracePeriodSeconds of type int64"
            )
        propagation = body.get("propagationPolicy") or first(query, "propagationPolicy")
        orphan = body.get("orphanDependents")
        dry_run = body.get("dryRun") or query.get("dryRun") or []
        causes = []
        if propagation and orphan is not None:
            text = "Invalid value: both orphanDependents and propagationPolicy are set"
            causes.append(Cause("FieldValueInvalid", "propagationPolicy", text))
        if propagation not in ("", *POLICIES):
            causes.append(errors.unsupported("propagationPolicy", propagation, [*POLICIES]))
        causes += [errors.unsupported("dryRun", word, ["All"]) for word in dry_run if word not in ("", "All")]
        if causes:
            raise errors.invalid("DeleteOptions", "meta.k8s.io", "", causes)
        conditions = body.get("preconditions") or {}
        policy = propagation or ("" if orphan is None else "Orphan" if orphan else "Background")
        return cls(
            policy, conditions.get("uid", ""), conditions.get("resourceVersion", ""), any(dry_run), grace
        )


def _grace(query: Mapping[str, list[str]]) -> int | None:
    """The grace in the query. Raises 400 for what is no number."""
    text = first(query, "gracePeriodSeconds")
    if text and not text.removeprefix("-").isdecimal():
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text) if text else None


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
