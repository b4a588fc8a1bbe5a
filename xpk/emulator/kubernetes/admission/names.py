"""The rules for names, labels and annotations, with Kubernetes' own sentences."""

from __future__ import annotations

import re
from typing import Any

from xpk.emulator.kubernetes import errors
from xpk.emulator.kubernetes.errors import Cause

Json = dict[str, Any]
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_NAME = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])"

DNS_1123_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
    "start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
DNS_1123_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
DNS_1035_LABEL = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and "
    "end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
    "must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
    "validation is "
    f"'{_NAME}?')"
)
QUALIFIED_NAME = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    "an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
)
TOO_LONG_63 = "must be no more than 63 bytes"
TOO_LONG_253 = "must be no more than 253 bytes"


def dns_1123_label(text: str) -> list[str]:
    """Faults of a DNS-1123 label."""
    return _faults(text, _LABEL, 63, TOO_LONG_63, DNS_1123_LABEL)


def dns_1123_subdomain(text: str) -> list[str]:
    """Faults of a DNS-1123 subdomain."""
    return _faults(text, _SUBDOMAIN, 253, TOO_LONG_253, DNS_1123_SUBDOMAIN)


def dns_1035_label(text: str) -> list[str]:
    """Faults of a DNS-1035 label."""
    return _faults(text, "[a-z]([-a-z0-9]*[a-z0-9])?", 63, TOO_LONG_63, DNS_1035_LABEL)


def label_value(text: str) -> list[str]:
    """Faults of a label's value."""
    return _faults(text, f"({_NAME})?", 63, TOO_LONG_63, LABEL_VALUE)


def qualified_name(text: str) -> list[str]:
    """Faults of the key of a label or annotation."""
    prefix, slash, name = text.rpartition("/")
    faults = [f"prefix part {fault}" for fault in dns_1123_subdomain(prefix)] if slash else []
    if len(name) > 63:
        faults.append("name part " + TOO_LONG_63)
    if not re.fullmatch(_NAME, name):
        faults.append(QUALIFIED_NAME)
    return faults


def _faults(text: str, pattern: str, limit: int, long: str, wrong: str) -> list[str]:
    faults = [long] if len(text) > limit else []
    return faults if re.fullmatch(pattern, text) else [*faults, wrong]


def check_metadata(meta: Json, path: str = "metadata") -> list[Cause]:
    """Faults of labels and annotations."""
    found = check_labels(meta.get("labels"), f"{path}.labels")
    size = 0
    for key, value in (meta.get("annotations") or {}).items():
        size += len(key) + len(value)
        found += [
            errors.invalid_value(f"{path}.annotations", key, fault) for fault in qualified_name(key.lower())
        ]
    if size > 256 * 1024:
        text = "Too long: may not be more than 262144 bytes"
        found.append(Cause("FieldValueTooLong", f"{path}.annotations", text))
    return found


def check_labels(labels: Json | None, path: str) -> list[Cause]:
    """Faults of a map of labels."""
    found: list[Cause] = []
    for key, value in (labels or {}).items():
        found += [errors.invalid_value(path, key, fault) for fault in qualified_name(key)]
        found += [errors.invalid_value(path, value, fault) for fault in label_value(value)]
    return found


def check_name(resource: str, name: str) -> list[Cause]:
    """Faults of an object's name, by what Kubernetes asks of that kind."""
    if resource.endswith("rbac.authorization.k8s.io"):
        bad = name in (".", "..") or "/" in name or "%" in name
        faults = ["may not contain '/' or '%'"] if bad else []
    elif resource == "services":
        faults = dns_1035_label(name)
    elif resource == "namespaces":
        faults = dns_1123_label(name)
    else:
        faults = dns_1123_subdomain(name)
    return [errors.invalid_value("metadata.name", name, fault) for fault in faults]
