"""Resource names of GKE and the places in them."""

from __future__ import annotations

import re

from xpk.emulator.errors import invalid

REGION = re.compile(r"[a-z]+(-[a-z]+)+\d+")
ZONE = re.compile(r"([a-z]+(-[a-z]+)+\d+)-[a-z][a-z0-9]*")
NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
API = "https://container.googleapis.com/v1/"


def check_location(location: str) -> None:
    """Raise 400 when a text is neither a region nor a zone."""
    if not (REGION.fullmatch(location) or ZONE.fullmatch(location)):
        raise invalid(f'Location "{location}" does not exist.')


def region_of(location: str) -> str:
    """The region of a zone; a region is its own."""
    match = ZONE.fullmatch(location)
    return match[1] if match else location


def default_zones(location: str) -> list[str]:
    """Where nodes go when nothing is said: a zone itself, or three zones of a region."""
    return [location] if ZONE.fullmatch(location) else [f"{location}-{letter}" for letter in "abc"]


def check_zones(zones: list[str], location: str) -> None:
    """Raise 400 when node locations are not zones of the cluster's region."""
    for zone in zones:
        if not ZONE.fullmatch(zone) or region_of(zone) != region_of(location):
            raise invalid(f'Node location "{zone}" is not a zone of the region of "{location}".')


def check_name(field: str, name: str) -> None:
    """Raise 400 when a cluster's or pool's name breaks GKE's rule (at most 40 characters)."""
    if len(name) > 40:
        raise invalid(f'Invalid value for field "{field}.name": "{name}": must be at most 40 characters.')
    if not NAME.fullmatch(name):
        raise invalid(
            f'Invalid value for field "{field}.name": "{name}": must start with a letter, end with '
            "a letter or digit and hold only lower-case letters, digits and hyphens."
        )
