"""The reader of shell text, held against bash itself where bash can say."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpk.spec.shell_words import simple_commands


def read(text: str) -> list[list[str]]:
    return [[f"{word.text}{'?' * word.opaque}" for word in command] for command in simple_commands(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a b; c && d | e 2>&1 | tee /tmp/o.log", [["a", "b"], ["c"], ["d"], ["e"], ["tee", "/tmp/o.log"]]),
        ("a 'b c'\"d $E\"f # g\nh", [["a", "b cd f?"], ["h"]]),
        ("x=a#b c#d", [["x=a#b", "c#d"]]),
        ("cat <<EOF\nrun_name=x\nEOF\nb", [["cat"], ["b"]]),
        ("cat <<-'E F' | c\n\tx\n\tE F\nb", [["cat"], ["c"], ["b"]]),
        ("a \\\n  b=c\\ d", [["a", "b=c d"]]),
        ('p=${X:-"}"} q', [["p=?", "q"]]),
        ("a $(b ')' $(c)) d", [["a", "?", "d"]]),
        ("a `b c` d", [["a", "?", "d"]]),
        ("a 5>f <(ls) z &> o w >&- v", [["a", "?", "z", "w", "v"]]),
        ("a $ $1 $? b$", [["a", "$", "?", "?", "b$"]]),
        ("( a; b ) & c", [["a"], ["b"], ["c"]]),
        ("set -xue;export A=1 &&   b", [["set", "-xue"], ["export", "A=1"], ["b"]]),
        ("a 'open", [["a", "open"]]),
        ("", []),
        ("# only", []),
        ("a ''", [["a", ""]]),
    ],
)
def test_words(text: str, wanted: list[list[str]]) -> None:
    assert read(text) == wanted


PIECES = st.lists(
    st.sampled_from(
        ["a", "=", "'", '"', "\\", " ", "\t", "#", "é", "{", "}", ":", "'b c'", '"d\\"e"', "\\\n"]
    )
).map("".join)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(PIECES)
def test_words_are_those_of_bash(text: str) -> None:
    script = 'eval "set -- x $1" || exit; shift; printf "%s\\0" "$#" "$@"'
    ran = subprocess.run(
        ["bash", "--norc", "-fc", script, "bash", text], capture_output=True, timeout=10, check=False
    )
    if ran.returncode != 0 or ran.stderr:
        return
    if text.endswith("\\") and "\n" in text:
        return  # bash keeps a lone \ at the end of one line, and drops it after several
    count, *words = ran.stdout.decode().split("\0")
    wanted = words[: int(count)]
    assert read(f"x {text}")[0] == ["x", *wanted]  # a line end after a comment starts another command


@given(st.text())
def test_any_text_ends(text: str) -> None:
    simple_commands(text)
