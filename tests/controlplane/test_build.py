"""Building once, whatever happens meanwhile; with a `go` that is a shell script and builds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.controlplane import build
from tests.controlplane.processes import Deadline

_GO = """#!/bin/sh
# Writes what `go build -o FOLDER` writes, and answers `go list` with a module's folder.
echo "$1" >>"$LOG"
case $1 in
version)
  [ "$GOTOOLCHAIN" = local ] || [ -z "$FETCHED" ] || { echo "go version go$FETCHED linux/amd64"; exit; }
  [ "$GOTOOLCHAIN" = local ] || [ -z "$OFFLINE" ] || { echo "toolchain not available" >&2; exit 1; }
  echo "go version go${GO_VERSION:-9.0.1} linux/amd64" ;;
build)
  [ -z "$FAILS" ] || { echo "lookup proxy.example: no such host" >&2; exit 1; }
  [ -n "$GOTMPDIR" ] && touch "$GOTMPDIR/half"
  printf half >"$5"testcluster
  trap 'echo interrupted >>"$LOG"; exit 1' INT
  while [ -n "$WAITS" ] && [ ! -e "$WAITS" ]; do sleep 0.02; done
  for name in testcluster jobset kueue kwok; do
    printf '#!/bin/sh\\necho "[]"\\n' >"$5$name" && chmod +x "$5$name"
  done ;;
list) echo "$MODULES" ;;
esac
"""
_ONE_TEST = "tests/controlplane/test_tier.py::test_the_versions_are_those_of_the_catalog"
_ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the stand-in for Go was asked; it is the only `go` in PATH."""
    for folder in ("bin", "modules/kustomize/stage/node/fast", "modules/kustomize/stage/pod/fast"):
        (tmp_path / folder).mkdir(parents=True)
    for stage in ("node/fast/node-initialize.yaml", "pod/fast/pod-ready.yaml"):
        (tmp_path / "modules/kustomize/stage" / stage).write_text("kind: Stage\n")
    program = tmp_path / "bin" / "go"
    program.write_text(_GO)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("XPK_TEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MODULES", str(tmp_path / "modules"))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    for name in ("FAILS", "WAITS", "OFFLINE", "FETCHED", "GO_VERSION", "GOTOOLCHAIN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "log"


def until(done: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline = Deadline(120)
    while not done():
        assert deadline.pause(), what


def tier() -> subprocess.CompletedProcess[str]:
    """One test of the tier, run by a pytest of its own with the environment of this test."""
    command = [sys.executable, "-m", "pytest", "-q", "--color=no", _ONE_TEST]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)


def test_two_at_once_build_once(log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first announces how long it takes, the second that it waits."""
    monkeypatch.setenv("WAITS", str(tmp_path / "go-on"))
    said: list[str] = []
    found: list[build.Build] = []
    threads = [threading.Thread(target=lambda: found.append(build.build(said.append))) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: len(said) == 2, "both said something")
    (tmp_path / "go-on").touch()
    for thread in threads:
        thread.join()
    assert log.read_text().split().count("build") == 1
    first, second = sorted(said, key=lambda text: text.startswith("another run"))
    assert first.startswith(f"building Kubernetes {build.KUBERNETES}, JobSet, Kueue and KWOK into ")
    assert "about 5 minutes" in first
    assert second.endswith("waiting for it")
    assert found[0] == found[1]
    assert found[0].objects("jobset") == []
    assert {path.name for path in found[0].folder.iterdir()} == {
        *("testcluster", "jobset", "kueue", "kwok", "jobset.json", "kueue.json"),
        *("node-initialize.yaml", "pod-ready.yaml"),
    }


def test_a_failed_build_says_why_and_leaves_nothing(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILS", "1")
    with pytest.raises(build.BuildFailed) as caught:
        build.build(lambda _: None)
    assert str(caught.value).startswith("cannot build the control plane of the tests: ")
    assert "needs the network" in str(caught.value)
    assert str(caught.value).endswith("\nlookup proxy.example: no such host")
    assert [path.name for path in build.cache().iterdir()] == ["controlplane.lock"]
    monkeypatch.delenv("FAILS")
    assert build.build(lambda _: None).program("kwok").is_file()


def test_a_run_that_is_killed_while_it_builds_leaves_nothing(
    log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its Go is told to end, its half-written files go, and the next run builds anew."""
    monkeypatch.setenv("WAITS", str(tmp_path / "never"))
    program = "from tests.controlplane import build; build.build(lambda _: None)"
    run = subprocess.Popen([sys.executable, "-c", program], cwd=_ROOT, start_new_session=True)
    until(lambda: any(build.cache().glob("partial-*/testcluster")), "the build is half done")
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    until(lambda: "interrupted" in log.read_text().split(), "Go was told to end")
    until(lambda: not any(build.cache().glob("partial-*")), "the half-written folder is removed")
    assert [path.name for path in build.cache().iterdir()] == ["controlplane.lock"]
    monkeypatch.delenv("WAITS")
    assert build.build(lambda _: None).program("kueue").read_text().startswith("#!/bin/sh")


def test_what_a_machine_left_that_went_down_is_cleared(log: Path) -> None:
    build.cache().mkdir()
    (build.cache() / "partial-old").mkdir()
    build.build(lambda _: None)
    assert sorted(path.name for path in build.cache().iterdir()) == [
        f"controlplane-{build.key()}",
        "controlplane.lock",
    ]


def test_without_go_the_tier_is_skipped_and_says_so(
    log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = tier()
    assert (done.returncode, "1 skipped" in done.stdout) == (0, True), done.stdout
    assert "no Go toolchain: `go` (1.26 or later) is not in PATH" in done.stdout


def test_with_a_go_that_is_too_old_the_tier_is_skipped_and_says_so(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GO_VERSION", "1.25.9")
    for offline in ("", "1"):  # it is told to fetch no newer one, or cannot
        monkeypatch.setenv("OFFLINE", offline)
        done = tier()
        assert (done.returncode, "1 skipped" in done.stdout) == (0, True), done.stdout
        assert "the Go toolchain is too old: " in done.stdout
        assert "is 1.25, needed is 1.26 or later" in done.stdout
    assert "build" not in log.read_text().split()


def test_an_old_go_that_fetches_a_newer_one_builds(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GO_VERSION", "1.21.0")
    monkeypatch.setenv("FETCHED", "1.26.0")
    assert build.build(lambda _: None).program("kwok").is_file()


def test_with_go_a_failing_build_fails_the_tier(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILS", "1")
    done = tier()
    assert (done.returncode, "1 error" in done.stdout) == (1, True), done.stdout
    assert " skipped" not in done.stdout.splitlines()[-1]
    assert "lookup proxy.example: no such host" in done.stdout
    assert "about 5 minutes" in done.stderr  # announced while it would be captured


def test_what_is_built_needs_no_go_any_more(
    log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built = build.build(lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.build(pytest.fail) == built
