"""Which project, which zone, and whether it is the real Google Cloud."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from xpk.cli import output
from xpk.cli.words import Words
from xpk.cloud.endpoints import Endpoints, emulated, real
from xpk.cloud.local import LocalDefault, default_project, default_region, default_zone, problems
from xpk.errors import UsageError
from xpk.spec.cluster import Place, parse_place

EMULATOR = "XPK_EMULATOR"
_STAND_IN = Place("p1", "us-east5", "us-east5-b")


def endpoints(words: Words) -> Endpoints:
    """Google Cloud, or the emulator that `XPK_EMULATOR` names; a bad address is a fault."""
    url = os.environ.get(EMULATOR, "").strip()
    if not url:
        return real()
    try:
        return emulated(url)
    except UsageError as error:
        for fault in error.faults:
            words.faults.add(f"{EMULATOR}={url}", fault.why, f"{EMULATOR}={fault.fix}, or unset it")
        return real()


def say_where(found: Endpoints) -> None:
    """Say so when nothing is real."""
    if found.emulated:
        output.say(f"emulator: {found.container}, nothing here is real")


def place(words: Words, *, zone_needed: bool = False) -> tuple[Place, bool]:
    """The project and the zone, and whether they are known; a stand-in where they are not.

    A default's source goes to the notes of `words`, what is missing or wrong to its faults.
    """
    environ = os.environ
    project = _flag_or_default(words, "--project", default_project, environ)
    if project is None and not words.given("--project"):
        why = "; ".join(["no project given, and gcloud has no default", *problems(environ)])
        words.faults.add("--project", why, "add --project P, or: gcloud config set project P")
    zone = _zone(words, environ, zone_needed)
    if project is None or zone is None:
        return _STAND_IN, False
    try:
        found = parse_place(project, zone)
    except UsageError as error:
        words.faults.extend(error.faults)
        return _STAND_IN, False
    return found, True


def project_only(words: Words) -> tuple[str, str | None]:
    """The project, and the region if one was named by a flag: what `cluster list` needs."""
    environ = os.environ
    project = _flag_or_default(words, "--project", default_project, environ)
    if project is None:
        if not words.given("--project"):
            why = "no project given, and gcloud has no default"
            words.faults.add("--project", why, "add --project P, or: gcloud config set project P")
        return _STAND_IN.project, None
    zone = words.text("--zone")
    try:
        parsed = parse_place(project, zone.strip() if zone is not None else _STAND_IN.region)
    except UsageError as error:
        words.faults.extend(error.faults)
        return _STAND_IN.project, None
    return parsed.project, parsed.region if zone is not None else None


def _zone(words: Words, environ: Mapping[str, str], zone_needed: bool) -> str | None:
    zone = _flag_or_default(words, "--zone", default_zone, environ)
    if zone is None and not zone_needed and not words.given("--zone"):
        zone = _flag_or_default(words, "--zone", default_region, environ, "region")
    if zone is None and not words.given("--zone"):
        why = "no zone given, and gcloud has no default"
        words.faults.add(
            "--zone", why, "add --zone us-east5-b, or: gcloud config set compute/zone us-east5-b"
        )
    return zone


def _flag_or_default(
    words: Words,
    flag: str,
    default: Callable[[Mapping[str, str]], LocalDefault | None],
    environ: Mapping[str, str],
    noun: str = "",
) -> str | None:
    typed = words.text(flag)
    if typed is not None:
        if typed.strip():
            return typed.strip()
        words.faults.add(f"{flag} ''", "the value is empty", f"write {flag} VALUE, or leave it out")
        return None
    if words.given(flag):
        return None
    found = default(environ)
    if found is None:
        return None
    words.notes.append(f"{noun or flag.removeprefix('--')} {found.value}, from {found.source}")
    words.notes.extend(found.warnings)
    return found.value
