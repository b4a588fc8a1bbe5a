"""The container's command line runs the user's text unchanged: real bash, after Kubernetes' expansion."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpk.catalog.slices import resolve
from xpk.render.workload import container_command, render_workload
from xpk.spec.environment import parse_env
from xpk.spec.restarts import restart_policy
from xpk.spec.workload import WorkloadSpec

Expand = Callable[[bytes], bytes]
Ran = tuple[int, bytes, bytes]
ANY = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


def run(argv: list[bytes], env: dict[str, bytes], folder: Path) -> Ran:
    """Exit code as a container runtime gives it, standard output, standard error."""
    done = subprocess.run(
        argv,
        env={b"PATH": b"/usr/bin:/bin", **{name.encode(): value for name, value in env.items()}},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    return done.returncode if done.returncode >= 0 else 128 - done.returncode, done.stdout, done.stderr


def settled(ran: Ran) -> tuple[int, bytes, list[int]]:
    """The same without the order of standard error, in which the parts of a pipe race."""
    return ran[0], ran[1], sorted(ran[2])


def in_bash(text: str, env: dict[str, bytes], folder: Path) -> Ran:
    return run([b"bash", b"-c", b"--", text.encode()], env, folder)


def in_container(text: str, env: dict[str, str], expand: Expand, folder: Path) -> Ran:
    """Runs what the manifest of a workload with this text says, as the kubelet would."""
    spec = WorkloadSpec(
        name="w1",
        cluster="c1",
        slice_type=resolve("v5p-128"),
        num_slices=2,
        image="i",
        command=text,
        env=parse_env([f"{name}={value}" for name, value in env.items()]),
        restarts=restart_policy(None, None, mtc=False),
        command_checks=False,
    )
    manifest = json.loads(json.dumps(render_workload(spec, fuse_host_network=True)))
    pod = manifest["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    variables = {v["name"]: expand(v["value"].encode()) for v in container["env"] if v["name"] in env}
    return run([expand(part.encode()) for part in container["command"]], variables, folder)


LINES = [
    "echo 'single' \"double\" $HOME ${A:-b} ${A#x} $((1 + 2)) $(echo '(sub)')",
    "echo $$ | tr -d 0-9; echo \\$\\$ '$$' '$(HOME)' '$$(HOME)' $(",
    "a=1; echo $a; exit 3",
    "false || exit 42",
    "python3 -c 'print(1)' # final run",
    "echo one \\\n  two\n# comment\necho three",
    "\n    echo     indented     $A",
    "cat <<EOF\n$A\n'quoted'\nEOF",
    "cat <<'EOF'\n$A $(x)\nEOF\nexit 7",
    "echo é ü 日本 😀 $é",
    "echo out; echo err >&2; exit 9",
    "set -euo pipefail; false | true; echo never",
    "kill -9 $$",
    "kill -TERM $$",
    "nosuchprogram",
    "echo 'open",
    "if then",
    "-e",
    "exit 300",
    "trap 'echo bye' EXIT; echo hi",
    'echo $0 $# $- "$@"',
    "printf '%s' x && exit 5",
    "(exit 4); echo $?",
    "f() { return 6; }; f",
    "exec sh -c 'exit 8'",
    'read x; echo "[$x]"',
    "echo '" + "x" * 5000 + "'",
    "for i in 1 2 3; do echo $i; done | tac; awk 'BEGIN {print \"$1\"}'",
    "shopt; set -o; ulimit -a; umask; trap",
    "env | grep -v ^_= | sort",
]


@pytest.mark.parametrize("text", LINES)
def test_lines_run_as_in_bash(text: str, expand: Expand, tmp_path: Path) -> None:
    wanted = in_bash(text, {"A": b"x y"}, tmp_path)
    assert in_container(text, {"A": "x y"}, expand, tmp_path) == wanted


def shell_text() -> st.SearchStrategy[str]:
    """Text of commands that end at once: with quoted text of any kind, comments, codes and pipes."""
    quoted = ANY.map(shlex.quote)
    piece = st.one_of(
        quoted.map(lambda word: f"printf '%s|' {word}"),
        quoted.map(lambda word: f"printf %s {word} | cat; printf %s {word} >&2"),
        st.integers(0, 255).map(lambda code: f"(exit {code})"),
        st.integers(0, 255).map(lambda code: f"exit {code}"),
        st.sampled_from(['printf %s "$A"', "false", "true", "nosuch", "x=$(echo $A)", "echo ${#A} $((2*3))"]),
        ANY.map(lambda text: "# " + text.replace("\n", " ").replace("\r", " ")),
        ANY.map(lambda text: f"cat <<'E-O-F'\n{text}\nE-O-F\n"),
    )
    ends = st.sampled_from(["\n", " ;\n", " &&\n", " ||\n", " |\n", "\n\n"])
    return st.lists(st.tuples(piece, ends).map("".join), min_size=1, max_size=4).map("".join)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=shell_text(), value=ANY)
def test_any_command_and_env_run_as_in_bash(
    expand: Expand, tmp_path_factory: pytest.TempPathFactory, text: str, value: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    wanted = in_bash(text, {"A": value.encode()}, folder)
    assert settled(in_container(text, {"A": value}, expand, folder)) == settled(wanted)


def same_twice(text: str) -> bool:
    """Whether bash itself does the same twice: no process id, also not in two lines, and no background."""
    return text.strip() != "" and "$$" not in text.replace("\\\n", "") and "&" not in text


SYNTAX = st.text(st.sampled_from("ab ='\"\\$(){}[]#;&|\n\t!*?~é😀"), min_size=1, max_size=25)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=SYNTAX.filter(same_twice))
def test_text_that_may_be_broken_fails_as_in_bash(
    expand: Expand, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    assert settled(in_container(text, {}, expand, folder)) == settled(in_bash(text, {}, folder))


def test_a_process_left_behind_does_not_hold_the_end(tmp_path: Path) -> None:
    argv = [part.encode() for part in container_command("sleep 30 >/dev/null 2>&1 & echo $!; exit 3")]
    code, out, _ = run(argv, {}, tmp_path)
    subprocess.run(["kill", out.strip()], check=True)
    assert code == 3


def test_functions_and_bash_env_reach_the_text_once(tmp_path: Path) -> None:
    (tmp_path / "rc").write_text("echo sourced\n")
    env = {"BASH_ENV": str(tmp_path / "rc").encode(), "BASH_FUNC_hi%%": b"() { echo hi; }", "A.B": b"1"}
    argv = [part.encode() for part in container_command("hi; env | grep -c ^A.B=1")]
    assert (
        run(argv, env, tmp_path)
        == in_bash("hi; env | grep -c ^A.B=1", env, tmp_path)
        == (0, b"sourced\nhi\n1\n", b"")
    )
