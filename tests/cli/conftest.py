"""Runs the program in this process, as a shell would: words in, exit code, stdout and stderr out."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xpk.cli import output, run
from xpk.cli.main import root

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def known_files(release_files_once: None) -> None:
    """Each release file is read once."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: no gcloud configuration, no credentials, no project."""
    for name in (
        "CLOUDSDK_CORE_PROJECT",
        "CLOUDSDK_COMPUTE_ZONE",
        "CLOUDSDK_COMPUTE_REGION",
        "CLOUDSDK_ACTIVE_CONFIG_NAME",
        "CLOUDSDK_CONFIG",
        "GOOGLE_CLOUD_PROJECT",
        "GCLOUD_PROJECT",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "XPK_EMULATOR",
        "NO_COLOR",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(output.Colour, "wanted", True)
    monkeypatch.setattr(output.Looked, "at_project", False)
    return tmp_path


@pytest.fixture
def project(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where gcloud's defaults name a project and a zone."""
    monkeypatch.setenv("CLOUDSDK_CORE_PROJECT", "my-project")
    monkeypatch.setenv("CLOUDSDK_COMPUTE_ZONE", "us-east5-b")
    return home


@pytest.fixture
def xpk(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Xpk:
    """Call it with the words behind `xpk`, and what stdin holds (nothing by default)."""

    monkeypatch.setattr(gc, "disable", lambda: None)  # for a short process, not for a test session

    def call(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            root.main(list(words))
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(list(words), code, out, err)

    return call


class Reached(BaseException):
    """The request was accepted, and the cloud would be contacted now."""


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> type[Reached]:
    """Stops a command where it would contact a cloud, by an exception of this type."""

    def connected(endpoints: object) -> object:
        raise Reached

    monkeypatch.setattr(run, "connected", connected)
    return Reached
