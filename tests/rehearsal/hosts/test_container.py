"""What a container is told and what it says: code, log, environment, reasons, SIGTERM."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xpk.rehearsal.hosts.container import Launcher
from xpk.rehearsal.hosts.isolation import Isolation
from xpk.rehearsal.hosts.launch import Bind, Launch, StartError

if TYPE_CHECKING:
    from tests.rehearsal.hosts.conftest import Starter

# Prints what is pending for it when it is asked with SIGUSR1.
ASKED = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
child = os.fork()
if child == 0:
    signal.sigwait([signal.SIGUSR1])
    print("child has SIGTERM:", signal.SIGTERM in signal.sigpending(), flush=True)
    os._exit(0)
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
os.kill(child, signal.SIGUSR1)
os.waitpid(child, 0)
os._exit(7)
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
        ("kill -ABRT $$", 134),
    ],
)
def test_the_code_is_as_kubernetes_says_it(start: Starter, words: str, code: int) -> None:
    running = start("bash", "-c", words)
    assert running.wait(120) == code
    assert running.poll() == code


def test_no_code_while_it_runs(start: Starter) -> None:
    running = start("sleep", "1000")
    assert running.poll() is None
    assert running.wait(0.01) is None
    running.kill()
    assert running.wait(120) == 137


def test_both_streams_go_to_the_log_behind_what_is_there(start: Starter) -> None:
    start.log.write_text("before\n")
    start("sh", "-c", "echo out; echo err >&2; cat; echo end").wait(120)
    assert start.said() == "before\nout\nerr\nend\n"


def test_the_environment_is_what_was_given_and_nothing_else(start: Starter) -> None:
    start("cat", "/proc/self/environ", env={"A": "ü $X", "B": ""}).wait(120)
    assert start.said() == "A=ü $X\0B=\0"


def test_nothing_of_the_keeper_reaches_it(start: Starter) -> None:
    program = """
import os
print(sorted(os.listdir("/proc/self/fd"))[:4] == ["0", "1", "2", "3"], len(os.listdir("/proc/self/fd")))
print(os.getsid(0) == os.getpid(), os.getcwd(), oct(os.umask(0)))
"""
    start.python(program).wait(120)
    assert start.said() == "True 4\nTrue / 0o22\n"


def test_no_signal_is_ignored_or_blocked_in_it(start: Starter) -> None:
    start("grep", "-E", "Sig(Blk|Ign)", "/proc/self/status").wait(120)
    assert [line.split()[1] for line in start.said().splitlines()] == ["0" * 16] * 2


def test_the_command_is_found_on_the_path_that_it_has(start: Starter, tmp_path: Path) -> None:
    tool = tmp_path / "xpk-test-tool"
    tool.write_text("#!/bin/sh\necho found $0 $1\n")
    tool.chmod(0o755)
    assert start("xpk-test-tool", "x", env={"PATH": f"/nowhere:{tmp_path}"}).wait(120) == 0
    assert start("./xpk-test-tool", "y", cwd=str(tmp_path)).wait(120) == 0
    assert start("true", env={}).wait(120) == 0
    assert start.said() == f"found {tool} x\nfound ./xpk-test-tool y\n"


@pytest.mark.parametrize(
    ("argv", "cwd", "why"),
    [
        (("nope",), None, 'exec: "nope": executable file not found in $PATH'),
        (("/nope",), None, 'exec: "/nope": stat /nope: no such file or directory'),
        (("/etc/passwd",), None, 'exec: "/etc/passwd": permission denied'),
        (("/etc/passwd/x",), None, 'exec: "/etc/passwd/x": stat /etc/passwd/x: no such file or directory'),
        (("true",), "/nope", "chdir to '/nope': no such file or directory"),
        ((), None, "no command is given, and a rehearsal has no image with one"),
        (("a\0b",), None, "a NUL character cannot be in a command or an environment"),
    ],
)
def test_why_it_did_not_start(start: Starter, argv: tuple[str, ...], cwd: str | None, why: str) -> None:
    with pytest.raises(StartError) as caught:
        start(*argv, cwd=cwd)
    assert caught.value.message == why
    assert (caught.value.code, caught.value.reason) == (128, "StartError")


def test_files_that_are_no_programs(start: Starter, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/nowhere/python\n")
    tool.chmod(0o755)
    with pytest.raises(StartError, match="its interpreter is missing"):
        start(str(tool))
    tool.write_bytes(b"\x00\x01\x02")
    with pytest.raises(StartError, match=r"[Ee]xec format error"):
        start(str(tool))
    tool.chmod(0o644)
    with pytest.raises(StartError, match=r'"tool": permission denied'):
        start("tool", env={"PATH": str(tmp_path)})


def test_what_shall_be_mounted_has_to_exist(start: Starter, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"mount /local: .*nope: no such file or directory"):
        start("true", binds=(Bind("/local", tmp_path / "nope"),))


@pytest.mark.parametrize("inside", ["local", "/", "", "/local/", "/a/../b", "//a", "/a//b"])
def test_where_nothing_can_be_mounted(inside: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a path where something can be mounted"):
        Bind(inside, tmp_path)


def test_sigterm_goes_to_the_first_process_only(start: Starter) -> None:
    running = start.python(ASKED)
    start.wait_for("ready")
    running.terminate()
    assert running.wait(120) == 7
    assert "child has SIGTERM: False" in start.said()
    assert not running.sigterm_ignored


def test_sigterm_without_a_handler_is_dropped_as_for_process_1(
    start: Starter, until: Callable[..., None]
) -> None:
    running = start("sleep", "1000")
    running.terminate()
    until(lambda: running.sigterm_ignored)
    assert running.poll() is None
    running.kill()
    assert running.wait(120) == 137


def test_stop_is_gentle_first(start: Starter) -> None:
    gentle = start("bash", "-c", "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done")
    start.wait_for("ready")
    assert gentle.stop(120) == 5
    assert "bye" in start.said()
    assert start("sleep", "1000").stop(0.01) == 137


def test_orders_after_the_end_do_nothing(start: Starter) -> None:
    running = start("true")
    assert running.wait(120) == 0
    running.terminate()
    running.kill()
    assert running.stop(0) == 0


def test_many_at_once(start: Starter) -> None:
    several = [start("sh", "-c", f"exit {code}") for code in range(8)]
    assert [running.wait(120) for running in several] == list(range(8))


def test_a_keeper_that_is_killed_takes_the_first_process_along(
    start: Starter, until: Callable[..., None], is_alive: Callable[[int], bool]
) -> None:
    running = start("sleep", "1000")
    keeper = int(Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(keeper, signal.SIGKILL)
    assert running.wait(120) == 137
    until(lambda: not is_alive(running.pid))


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    launcher = Launcher(Isolation("substitution", "test"))
    with pytest.raises(FileNotFoundError):
        launcher.start(Launch(("true",), {}, tmp_path / "nope" / "log"))


def test_paths_are_replaced_where_nothing_can_be_mounted(start_plain: Starter, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    words = 'echo one >/local/a; echo "$DIR" /usr/local $PWD'
    running = start_plain(
        "sh",
        "-c",
        words,
        env={"DIR": "/local/b", "PATH": "/bin"},
        cwd="/local",
        binds=(Bind("/local", volume),),
    )
    assert running.wait(120) == 0
    assert (volume / "a").read_text() == "one\n"
    assert start_plain.said() == f"{volume}/b /usr/local {volume}\n"
    (told,) = running.replaced
    assert (told.what, told.by, told.where) == ("/local", str(volume), ("command", "environment DIR"))
