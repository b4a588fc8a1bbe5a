"""Label and field selectors, as query parameters and as the LabelSelector of an object."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from xpk.emulator.kubernetes.errors import bad_request

Json = dict[str, Any]
Predicate = Callable[[Json], bool]
_KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_TERM = re.compile(
    rf"\s*(?:!\s*(?P<absent>{_KEY})|(?P<key>{_KEY})\s*(?:(?P<choice>notin|in)\s*\((?P<choices>[^()]*)\)"
    rf"|(?P<operator>==|=|!=)\s*(?P<value>{_VALUE})|(?P<order>[<>])\s*(?P<number>-?\d+))?)\s*"
)
_SELECTABLE = {
    "pods": (
        "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork "
        "status.phase status.podIP status.podIPs status.nominatedNodeName"
    ),
    "nodes": "spec.unschedulable",
    "namespaces": "status.phase",
    "secrets": "type",
    "jobs.batch": "status.successful",
    "replicasets.apps": "status.replicas",
    "events": (
        "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid "
        "involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath reason "
        "reportingComponent source type"
    ),
}
"""Fields by which the objects of a kind can be selected, besides name and namespace."""
_ZEROS = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.successful": "0"}


def labels(text: str) -> Predicate | None:
    """A predicate for ``labelSelector``: ``a=b,c!=d,e,!f,g in (h,i),j notin (k),l>3``; None when it selects
    all. Raises 400 for what is none.
    """
    if not text.strip():
        return None
    terms = [_label_term(term) for term in re.split(r",(?![^(]*\))", text)]
    return lambda item: all(term(item["metadata"].get("labels") or {}) for term in terms)


def _label_term(term: str) -> Callable[[Mapping[str, str]], bool]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise bad_request(f"unable to parse requirement: found '{term.strip()}'")
    if absent := match["absent"]:
        return lambda found: absent not in found
    key = match["key"]
    if match["choice"]:
        wanted = {choice.strip() for choice in match["choices"].split(",")}
        inside = match["choice"] == "in"
        return lambda found: (found.get(key) in wanted) == inside
    if match["operator"]:
        value, same = match["value"], match["operator"] != "!="
        return lambda found: (found.get(key) == value) == same
    if match["order"]:
        return _compared(key, match["order"] == ">", int(match["number"]))
    return lambda found: key in found


def _compared(key: str, above: bool, limit: int) -> Callable[[Mapping[str, str]], bool]:
    def holds(found: Mapping[str, str]) -> bool:
        value = found.get(key, "")
        if not re.fullmatch(r"-?\d+", value):
            return False
        return int(value) > limit if above else int(value) < limit

    return holds


def fields(text: str, resource: str, custom: bool) -> Predicate | None:
    """A predicate for ``fieldSelector`` on a kind (``plural.group``); None when it selects all.

    Raises 400 for a field that cannot be selected.
    """
    known = ("metadata.name", "metadata.namespace", *_SELECTABLE.get(resource, "").split())
    terms: list[tuple[str, bool, str]] = []
    for part in text.split(","):
        if not part.strip():
            continue
        match = re.fullmatch(r"\s*([\w.]+)\s*(==|=|!=)\s*(.*?)\s*", part)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        name, operator, value = match.groups()
        if name not in known:
            if custom or resource in _SELECTABLE:
                raise bad_request(f"field label not supported: {name}")
            names = '"metadata.name", "metadata.namespace"'
            raise bad_request(f'"{name}" is not a known field selector: only {names}')
        terms.append((name, operator != "!=", value))
    if not terms:
        return None
    return lambda item: all((_field(item, name) == value) == same for name, same, value in terms)


def _field(item: Json, path: str) -> str:
    value: Any = item
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value is not None else _ZEROS.get(path, "")


def matches(selector: Json | None, found: Mapping[str, str]) -> bool:
    """Whether a LabelSelector object (matchLabels, matchExpressions) selects these labels.

    None selects nothing.
    """
    if selector is None:
        return False
    if any(found.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(expression(item, found) for item in selector.get("matchExpressions") or ())


def expression(item: Json, found: Mapping[str, str]) -> bool:
    """Whether one ``{key, operator, values}`` holds for these labels."""
    value, values = found.get(item["key"]), item.get("values") or []
    match item["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return value is not None and value.isdigit() and int(value) > int(values[0])
        case "Lt":
            return value is not None and value.isdigit() and int(value) < int(values[0])
        case _:
            return False
