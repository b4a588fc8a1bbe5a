"""Which project and zone a command means, and where they came from."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]
CREATE = ("cluster", "create", "--cluster", "c1", "--tpu-type", "v6e-16", "--dry-run", "-o", "text")
LIST = ("workload", "list", "--cluster", "c1")


def configure(home: Path, text: str) -> None:
    folder = home / ".config" / "gcloud" / "configurations"
    folder.mkdir(parents=True)
    (folder / "config_default").write_text(text)


def test_gclouds_configuration_is_read_and_named(xpk: Xpk, home: Path) -> None:
    configure(home, "[core]\nproject = my-project\n[compute]\nzone = us-east5-b\n")
    done = xpk(*CREATE)
    assert done.returncode == 0, done.stderr
    assert "project my-project, us-east5-b" in done.stdout
    assert "note: project my-project, from ~/.config/gcloud/configurations/config_default" in done.stderr


def test_nothing_is_known(xpk: Xpk, home: Path) -> None:
    done = xpk(*CREATE)
    assert done.returncode == 2
    assert "error: --project: no project given, and gcloud has no default\n" in done.stderr
    assert "       add --project P, or: gcloud config set project P\n" in done.stderr
    assert "gcloud config set compute/zone" in done.stderr
    assert "2 faults" in done.stderr


def test_a_region_is_enough_to_look_but_not_to_create(
    xpk: Xpk, home: Path, monkeypatch: pytest.MonkeyPatch, reached: type[BaseException]
) -> None:
    monkeypatch.setenv("CLOUDSDK_CORE_PROJECT", "my-project")
    monkeypatch.setenv("CLOUDSDK_COMPUTE_REGION", "us-east5")
    with pytest.raises(reached):
        xpk(*LIST)
    with pytest.raises(reached):
        xpk(*LIST, "--zone", "us-central1")
    assert "--zone" in xpk(*CREATE).stderr
    assert xpk(*CREATE, "--zone", "us-east5").returncode == 2


def test_a_broken_configuration_is_said(xpk: Xpk, home: Path) -> None:
    configure(home, "[core]\nproject = my-project\nnonsense\n[compute]\nzone = us-east5-b\n")
    done = xpk(*CREATE)
    assert done.returncode == 0
    assert "line 3 is not `key = value`" in done.stderr


def test_a_list_of_clusters_needs_no_zone(xpk: Xpk, project: Path, reached: type[BaseException]) -> None:
    with pytest.raises(reached):
        xpk("cluster", "list", "--project", "my-project")


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:1", "http://10.0.0.1:1", "http://127.0.0.1:1/path", "nonsense"]
)
def test_a_bad_emulator_address(url: str, xpk: Xpk, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XPK_EMULATOR", url)
    done = xpk(*CREATE)
    assert done.returncode == 2
    assert f"XPK_EMULATOR={url}" in done.stderr
    assert "unset it" in done.stderr


def test_no_emulator_there(xpk: Xpk, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XPK_EMULATOR", "  ")
    assert "emulator" not in xpk(*CREATE).stderr
