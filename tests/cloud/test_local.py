"""Project, zone and region from variables and files, in gcloud's order."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpk.cloud.local import default_project, default_region, default_zone, problems

Write = Callable[[str, str], None]
CONFIG = (
    "[core]\naccount = me@x.org\nproject = from-config\n\n[compute]\nzone = us-east5-a\nregion = us-west1\n"
)
DEFAULT = "configurations/config_default"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


@pytest.fixture
def gcloud(tmp_path: Path) -> Write:
    """Writes a file below ~/.config/gcloud."""

    def write(name: str, text: str) -> None:
        path = tmp_path / ".config" / "gcloud" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return write


def test_nothing_anywhere(env: dict[str, str]) -> None:
    assert default_project(env) is default_zone(env) is default_region(env) is None
    assert problems(env) == ()


def test_the_order_of_sources(env: dict[str, str], gcloud: Write) -> None:
    """Every source is there; the strongest is taken away one after the other."""
    gcloud(DEFAULT, CONFIG)
    gcloud("properties", "[core]\nproject = from-properties\n")
    gcloud("application_default_credentials.json", json.dumps({"quota_project_id": "from-adc"}))
    env |= {
        "CLOUDSDK_CORE_PROJECT": "from-cloudsdk",
        "GOOGLE_CLOUD_PROJECT": "from-google",
        "GCLOUD_PROJECT": "from-old-google",
    }
    seen = []
    removals: list[Callable[[], object]] = [
        lambda: env.pop("CLOUDSDK_CORE_PROJECT"),
        lambda: env.pop("GOOGLE_CLOUD_PROJECT"),
        lambda: env.pop("GCLOUD_PROJECT"),
        lambda: gcloud(DEFAULT, "[core]\nproject =\n"),
        lambda: gcloud("properties", ""),
        lambda: gcloud("application_default_credentials.json", "{}"),
    ]
    for remove in removals:
        found = default_project(env)
        assert found is not None
        assert found.warnings == ()
        seen.append((found.value, found.source))
        remove()
    assert seen == [
        ("from-cloudsdk", "CLOUDSDK_CORE_PROJECT"),
        ("from-google", "GOOGLE_CLOUD_PROJECT"),
        ("from-old-google", "GCLOUD_PROJECT"),
        ("from-config", "~/.config/gcloud/configurations/config_default"),
        ("from-properties", "~/.config/gcloud/properties"),
        ("from-adc", "~/.config/gcloud/application_default_credentials.json (quota_project_id)"),
    ]
    assert default_project(env) is None


@pytest.mark.parametrize(
    ("variables", "active", "value"),
    [
        ({}, None, "from-config"),
        ({}, "work\n", "from-work"),
        ({"CLOUDSDK_ACTIVE_CONFIG_NAME": "home"}, "work", "from-home"),
        ({"CLOUDSDK_ACTIVE_CONFIG_NAME": ""}, "work", "from-work"),
        ({"CLOUDSDK_ACTIVE_CONFIG_NAME": "NONE"}, "work", None),
    ],
)
def test_the_active_configuration(
    env: dict[str, str], gcloud: Write, variables: dict[str, str], active: str | None, value: str | None
) -> None:
    gcloud(DEFAULT, CONFIG)
    gcloud("configurations/config_work", "[core]\nproject = from-work\n")
    gcloud("configurations/config_home", "[core]\nproject = from-home\n")
    if active is not None:
        gcloud("active_config", active)
    found = default_project(env | variables)
    assert (found.value if found else None) == value


def test_zone_and_region(env: dict[str, str], gcloud: Write) -> None:
    gcloud(DEFAULT, CONFIG)
    zone, region = default_zone(env), default_region(env)
    assert zone is not None
    assert region is not None
    assert (zone.value, region.value) == ("us-east5-a", "us-west1")
    env |= {"CLOUDSDK_COMPUTE_ZONE": "europe-west4-b", "CLOUDSDK_COMPUTE_REGION": "europe-west4"}
    zone, region = default_zone(env), default_region(env)
    assert zone is not None
    assert region is not None
    assert (zone.source, region.source) == ("CLOUDSDK_COMPUTE_ZONE", "CLOUDSDK_COMPUTE_REGION")


def test_the_region_of_a_zone(env: dict[str, str]) -> None:
    region = default_region(env | {"CLOUDSDK_COMPUTE_ZONE": "us-east5-a"})
    assert region is not None
    assert (region.value, region.source) == ("us-east5", "CLOUDSDK_COMPUTE_ZONE")


def test_another_folder(env: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    (folder / "configurations").mkdir(parents=True)
    (folder / DEFAULT).write_text(CONFIG)
    found = default_project(env | {"CLOUDSDK_CONFIG": str(folder)})
    assert found is not None
    assert (found.value, found.source) == ("from-config", "~/elsewhere/" + DEFAULT)


def test_a_key_file(env: dict[str, str], tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"type": "service_account", "project_id": "from-key", "private_key": "secret"}))
    found = default_project(env | {"GOOGLE_APPLICATION_CREDENTIALS": str(key)})
    assert found is not None
    assert (found.value, found.source) == ("from-key", "~/key.json (project_id)")


@pytest.mark.parametrize(
    ("name", "content", "warning"),
    [
        (DEFAULT, b"\xff\xfe\x00", "cannot be read (not UTF-8 text)"),
        (DEFAULT, b"project = x\n", "line 1 is not"),
        (DEFAULT, b"[core]\njust words\n", "line 2 is not"),
        (DEFAULT, b"x" * (2 << 20), "not a small text file"),
        ("active_config", b"../../etc", "not a file name"),
        ("active_config", b"gone", "'gone' has no file"),
    ],
)
def test_a_broken_file_is_a_warning(
    env: dict[str, str], tmp_path: Path, name: str, content: bytes, warning: str
) -> None:
    path = tmp_path / ".config" / "gcloud" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    adc = tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    adc.write_text(json.dumps({"quota_project_id": "from-adc"}))
    found = default_project(env)
    assert found is not None
    assert found.value == "from-adc"
    assert any(warning in text for text in found.warnings)
    assert found.warnings == problems(env)


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, "null", ""])
def test_broken_credentials_are_a_warning(env: dict[str, str], gcloud: Write, content: str) -> None:
    gcloud("application_default_credentials.json", content)
    assert default_project(env) is None
    (warning,) = problems(env)
    assert "is not a JSON object" in warning


def test_a_folder_in_place_of_a_file(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".config" / "gcloud" / DEFAULT).mkdir(parents=True)
    assert default_project(env) is None
    assert "not a small text file" in problems(env)[0]


def test_a_named_key_that_does_not_exist(env: dict[str, str]) -> None:
    env["GOOGLE_APPLICATION_CREDENTIALS"] = "/nowhere/key.json"
    assert default_project(env) is None
    assert "does not exist" in problems(env)[0]


def test_a_good_line_after_a_bad_one_counts(env: dict[str, str], gcloud: Write) -> None:
    gcloud(DEFAULT, "; comment\n# comment\n[core]\nnoise\nProject: from-colon = x\n")
    found = default_project(env)
    assert found is not None
    assert found.value == "from-colon = x"
    assert "line 4" in found.warnings[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=200), st.text(max_size=20), st.binary(max_size=100))
def test_no_content_is_a_traceback(tmp_path: Path, config: bytes, active: str, adc: bytes) -> None:
    folder = tmp_path / "g"
    (folder / "configurations").mkdir(parents=True, exist_ok=True)
    (folder / DEFAULT).write_bytes(config)
    (folder / "active_config").write_text(active.replace("\0", ""), encoding="utf-8", errors="ignore")
    (folder / "application_default_credentials.json").write_bytes(adc)
    env = {"CLOUDSDK_CONFIG": str(folder), "HOME": str(tmp_path)}
    for found in (default_project(env), default_zone(env), default_region(env)):
        assert found is None or found.value
    assert all(warning.isprintable() for warning in problems(env))


def test_no_library_is_loaded() -> None:
    """Start-up: the dry run asks for defaults and must not pay for clients."""
    code = (
        "import sys, xpk.cloud.local, xpk.cloud.endpoints, xpk.cloud.errors\n"
        "bad = {'google', 'kubernetes', 'requests', 'urllib3', 'configparser', 'subprocess', 'socket'}\n"
        "print(sorted(bad & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=None
    ).stdout
    assert shown.strip() == "[]"
