"""Building once, whatever happens meanwhile; with a `go` that is a shell script and builds nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.controlplane import build

_GO = """#!/bin/sh
# Writes what `go build -o FOLDER` writes, and answers `go list` with a module's folder.
echo "$1" >>"$LOG"
case $1 in
build)
  sleep 0.2
  [ -z "$FAILS" ] || { echo "cannot build" >&2; exit 1; }
  for name in testcluster jobset kueue kwok; do
    printf '#!/bin/sh\\necho "[]"\\n' >"$5$name" && chmod +x "$5$name"
  done ;;
list) echo "$MODULES" ;;
esac
"""


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
    monkeypatch.delenv("FAILS", raising=False)
    return tmp_path / "log"


def test_two_at_once_build_once(log: Path) -> None:
    said: list[str] = []
    found: list[build.Build] = []
    threads = [threading.Thread(target=lambda: found.append(build.build(said.append))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.read_text().split().count("build") == 1
    assert len(said) == 1
    assert "about 5 minutes" in said[0]
    assert found[0] == found[1]
    assert found[0].objects("jobset") == []
    assert found[0].program("kueue").is_file()


def test_a_failed_build_says_why_and_leaves_nothing(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILS", "1")
    with pytest.raises(build.BuildFailed, match="cannot build"):
        build.build(lambda _: None)
    assert [path.name for path in build.cache().iterdir()] == ["controlplane.lock"]
    monkeypatch.delenv("FAILS")
    assert build.build(lambda _: None).program("kwok").is_file()


def test_what_a_killed_build_left_is_cleared(log: Path) -> None:
    build.cache().mkdir()
    (build.cache() / "partial-old").mkdir()
    build.build(lambda _: None)
    assert sorted(path.name for path in build.cache().iterdir()) == [
        f"controlplane-{build.key()}",
        "controlplane.lock",
    ]


def test_without_go_it_says_so(log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(build.NoGo, match="no Go toolchain"):
        build.build(lambda _: None)


def test_what_is_built_needs_no_go_any_more(
    log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built = build.build(lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.build(pytest.fail) == built
