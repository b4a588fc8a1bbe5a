"""Project, zone and region as gcloud's users expect them, from variables and files alone.

No gcloud is started, nothing is sent, no Google library is imported. Not credentials: of
the application default credentials only the project is read.

Order, first hit wins (gcloud's own order, then the client libraries'):

1. `CLOUDSDK_CORE_PROJECT`: gcloud itself puts it above every file, and it is the more
   deliberate of the two variables.
2. `GOOGLE_CLOUD_PROJECT`, then its old name `GCLOUD_PROJECT`: the client libraries' variables,
   which Cloud Shell and CI systems set.
3. gcloud's active configuration, then the `properties` file of very old installations.
4. The project in application default credentials.

Zone and region: `CLOUDSDK_COMPUTE_ZONE`, `CLOUDSDK_COMPUTE_REGION`, then the active configuration.
An empty value counts as absent, as in gcloud. A file that cannot be read or understood is
skipped with a warning in the result: it may have nothing to do with what is asked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from xpk.frozen import dataclass

_MAX_FILE_BYTES = 1 << 20
_NO_CONFIGURATION = "NONE"


@dataclass(frozen=True, slots=True)
class LocalDefault:
    """A default and where it came from, in words that a person can act on."""

    value: str
    source: str
    warnings: tuple[str, ...] = ()


def default_project(env: Mapping[str, str]) -> LocalDefault | None:
    """The project, or None; see the module's docstring for the order."""
    variables = ("CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
    warnings: list[str] = []
    found = (
        _from_variables(env, *variables)
        or _from_configuration(env, "core", "project", warnings)
        or _from_credentials(env, warnings)
    )
    return _with_warnings(found, warnings)


def default_zone(env: Mapping[str, str]) -> LocalDefault | None:
    """The zone, or None."""
    warnings: list[str] = []
    found = _from_variables(env, "CLOUDSDK_COMPUTE_ZONE") or _from_configuration(
        env, "compute", "zone", warnings
    )
    return _with_warnings(found, warnings)


def default_region(env: Mapping[str, str]) -> LocalDefault | None:
    """The region, else the region that the default zone lies in, or None."""
    warnings: list[str] = []
    found = _from_variables(env, "CLOUDSDK_COMPUTE_REGION") or _from_configuration(
        env, "compute", "region", warnings
    )
    if found is None and (zone := default_zone(env)) is not None and zone.value.count("-") == 2:
        found = LocalDefault(zone.value.rpartition("-")[0], zone.source)
    return _with_warnings(found, warnings)


def problems(env: Mapping[str, str]) -> tuple[str, ...]:
    """Warnings about every file that was skipped, for when there is no default to carry them."""
    warnings: list[str] = []
    _from_configuration(env, "core", "project", warnings)
    _from_credentials(env, warnings)
    return tuple(dict.fromkeys(warnings))


def config_dir(env: Mapping[str, str]) -> Path:
    """gcloud's folder: `CLOUDSDK_CONFIG`, else `%APPDATA%\\gcloud` on Windows, else ~/.config/gcloud."""
    if env.get("CLOUDSDK_CONFIG"):
        return Path(env["CLOUDSDK_CONFIG"])
    if os.name == "nt" and env.get("APPDATA"):
        return Path(env["APPDATA"]) / "gcloud"
    return Path(env.get("HOME") or os.path.expanduser("~")) / ".config" / "gcloud"


def credentials_file(env: Mapping[str, str]) -> Path:
    """The file of application default credentials; it need not exist."""
    named = env.get("GOOGLE_APPLICATION_CREDENTIALS")
    return Path(named) if named else config_dir(env) / "application_default_credentials.json"


def _with_warnings(found: LocalDefault | None, warnings: list[str]) -> LocalDefault | None:
    if found is None or not warnings:
        return found
    return LocalDefault(found.value, found.source, tuple(dict.fromkeys(warnings)))


def _from_variables(env: Mapping[str, str], *names: str) -> LocalDefault | None:
    for name in names:
        if value := env.get(name, "").strip():
            return LocalDefault(value, name)
    return None


def _from_configuration(
    env: Mapping[str, str], section: str, key: str, warnings: list[str]
) -> LocalDefault | None:
    for path in _configuration_files(env, warnings):
        text = _read(path, env, warnings)
        if text is None:
            continue
        values, broken = _parse_properties(text)
        if broken:
            warnings.append(f"{_shown(path, env)} line {broken} is not `key = value`; it was skipped")
        if value := values.get((section, key)):
            return LocalDefault(value, _shown(path, env))
    return None


def _configuration_files(env: Mapping[str, str], warnings: list[str]) -> Iterator[Path]:
    """The active configuration's file, then the legacy one."""
    folder = config_dir(env)
    name = env.get("CLOUDSDK_ACTIVE_CONFIG_NAME", "").strip()
    if not name:
        name = (_read(folder / "active_config", env, warnings) or "").strip() or "default"
    if name == _NO_CONFIGURATION:
        return
    if any(c in name for c in "/\\\0") or not name.isprintable():
        warnings.append("the name of gcloud's active configuration is not a file name; it was skipped")
    else:
        path = folder / "configurations" / f"config_{name}"
        if name != "default" and not path.is_file():
            warnings.append(f"gcloud's active configuration {name!r} has no file {_shown(path, env)}")
        yield path
    yield folder / "properties"


def _parse_properties(text: str) -> tuple[dict[tuple[str, str], str], int | None]:
    """Values by (section, key), and the number of the first line that is neither."""
    values: dict[tuple[str, str], str] = {}
    section, broken = "", None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped[0] == "[" and stripped[-1] == "]":
            section = stripped[1:-1].strip()
            continue
        at = min((i for i in (stripped.find("="), stripped.find(":")) if i > 0), default=-1)
        if at < 0 or not section:
            broken = broken or number
            continue
        values[section, stripped[:at].strip().lower()] = stripped[at + 1 :].strip()
    return values, broken


def _from_credentials(env: Mapping[str, str], warnings: list[str]) -> LocalDefault | None:
    path = credentials_file(env)
    text = _read(path, env, warnings)
    if text is None:
        if env.get("GOOGLE_APPLICATION_CREDENTIALS") and not path.exists():
            warnings.append(f"GOOGLE_APPLICATION_CREDENTIALS names {_shown(path, env)}, which does not exist")
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        warnings.append(f"{_shown(path, env)} is not a JSON object; it was skipped")
        return None
    for key in ("project_id", "quota_project_id"):
        value = content.get(key)
        if isinstance(value, str) and value.strip():
            return LocalDefault(value.strip(), f"{_shown(path, env)} ({key})")
    return None


def _read(path: Path, env: Mapping[str, str], warnings: list[str]) -> str | None:
    """The file's text; None without a warning when there is no such file."""
    try:
        if not path.exists():
            return None
        if not path.is_file() or path.stat().st_size > _MAX_FILE_BYTES:
            warnings.append(f"{_shown(path, env)} is not a small text file; it was skipped")
            return None
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not UTF-8 text"
        warnings.append(f"{_shown(path, env)} cannot be read ({reason}); it was skipped")
        return None


def _shown(path: Path, env: Mapping[str, str]) -> str:
    text, home = str(path), env.get("HOME") or os.path.expanduser("~")
    if home and home != "/" and text.startswith(home.rstrip("/") + "/"):
        text = "~" + text[len(home.rstrip("/")) :]
    return "".join(c if c.isprintable() else "?" for c in text)
