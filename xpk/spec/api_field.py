"""One field of a GKE API v1 request body, and how fields are laid over a body.

Not a list of which fields exist: those are the tables behind `gcloud.py`, and `private.py`.
This module is small, so that a spec can hold fields without loading the tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, TypeAlias

from xpk.frozen import dataclass

Json: TypeAlias = dict[str, Any]
JsonValue: TypeAlias = str | bool | int | float | list[Any] | dict[str, Any]
Path: TypeAlias = tuple[str, ...]

DEFAULT_POOL: Path = ("nodePools", "0")
"""Where the cluster's CPU pool stands inside a `Cluster` message."""

IP_ENDPOINTS: Path = ("controlPlaneEndpointsConfig", "ipEndpointsConfig")
AUTHORIZED: Path = (*IP_ENDPOINTS, "authorizedNetworksConfig")
PRIVATE_NODES: Path = ("networkConfig", "defaultEnablePrivateNodes")
"""Who may reach the control plane and how: both flags of ours and gcloud's end there."""


@dataclass(frozen=True, slots=True)
class ApiField:
    """A value that a user asked for, and its place in a `Cluster` or `NodePool` message.

    `path` holds the API's own camelCase names; a number is a place in a list. `flag` is
    what the user typed, for messages. `append` says that a list is added to, and a map
    merged into, what is there; else the value takes the place of what is there.
    """

    path: Path
    value: JsonValue
    flag: str
    append: bool = False


@dataclass(frozen=True, slots=True)
class GcloudArguments:
    """What a `--custom-*-arguments` text asks for. `notes` are to be said on stderr."""

    fields: tuple[ApiField, ...] = ()
    notes: tuple[str, ...] = ()


NO_ARGUMENTS = GcloudArguments()


def merge(body: Json, fields: Iterable[ApiField]) -> Json:
    """A new body with `fields` laid over `body`, later ones over earlier ones.

    `body` is left as it is. A list element that is appended twice stands there once.
    """
    merged = deepcopy(body)
    for field in fields:
        _place(merged, field)
    return merged


def _place(body: Json, field: ApiField) -> None:
    here: Any = body
    for part, following in zip(field.path, field.path[1:], strict=False):
        here = _step_into(here, part, [] if following.isdigit() else {})
    last = field.path[-1]
    value = deepcopy(field.value)
    if not field.append or last not in here:
        here[last] = value
    elif isinstance(value, dict):
        here[last] = {**here[last], **value}
    elif isinstance(value, list):
        here[last] = [*here[last], *(item for item in value if item not in here[last])]
    else:
        raise TypeError(f"{field.flag}: only lists and maps can be appended")


def _step_into(here: Any, part: str, empty: Any) -> Any:
    if isinstance(here, list):
        index = int(part)
        while len(here) <= index:
            here.append(deepcopy(empty))
        return here[index]
    return here.setdefault(part, empty)
