"""Label and field selectors, as query parameters and as the LabelSelector of an object."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from xpk.emulator.kubernetes.errors import ApiError, bad_request

Json = dict[str, Any]
Predicate = Callable[[Json], bool]
_TERM = re.compile(
    r"\s*(?:(!?)([A-Za-z0-9][-A-Za-z0-9_./]*)\s*(?:(notin|in)\s*\(([^)]*)\)|(==|=|!=)\s*([^,]*))?)\s*"
)
_FIELDS = ("metadata.name", "metadata.namespace", "status.phase", "spec.nodeName", "type", "reason")


def labels(text: str) -> Predicate | None:
    """A predicate for ``labelSelector``: ``a=b,c!=d,e,!f,g in (h,i),j notin (k)``; None when it selects
    all.
    """
    terms = [_label_term(term) for term in _split(text)]
    if not terms:
        return None
    return lambda item: all(term(item["metadata"].get("labels") or {}) for term in terms)


def _split(text: str) -> list[str]:
    return [part for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _label_term(term: str) -> Callable[[Mapping[str, str]], bool]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise bad_request(f"unable to parse requirement: found '{term.strip()}'")
    negated, key, set_operator, choices, operator, value = match.groups()
    if set_operator:
        wanted = {choice.strip() for choice in choices.split(",")}
        if set_operator == "in":
            return lambda found: found.get(key) in wanted
        return lambda found: found.get(key) not in wanted
    if operator:
        text = value.strip()
        if operator == "!=":
            return lambda found: found.get(key) != text
        return lambda found: found.get(key) == text
    return (lambda found: key not in found) if negated else (lambda found: key in found)


def fields(text: str) -> Predicate | None:
    """A predicate for ``fieldSelector``; None when it selects all.

    Raises 400 for a field that cannot be selected.
    """
    terms: list[tuple[str, bool, str]] = []
    for part in text.split(","):
        if not part.strip():
            continue
        match = re.fullmatch(r"\s*([\w.]+)\s*(==|=|!=)\s*(.*?)\s*", part)
        if match is None:
            raise bad_request(f"invalid field selector: {part!r}")
        name, operator, value = match.groups()
        if name not in _FIELDS and not name.startswith("involvedObject."):
            raise ApiError(400, "BadRequest", f"field label not supported: {name}")
        terms.append((name, operator != "!=", value))
    if not terms:
        return None
    return lambda item: all((_field(item, name) == value) == same for name, same, value in terms)


def _field(item: Json, path: str) -> str:
    value: Any = item
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return str(value) if value is not None else ""


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
