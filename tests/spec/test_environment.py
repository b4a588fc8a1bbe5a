"""`--env` and `--env-file`: what is kept, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.errors import UsageError
from xpk.spec.environment import EnvVar, check_sources, parse_env, parse_env_file

VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(VALUES)
def test_any_value_survives(value: str) -> None:
    assert parse_env([f"NAME={value}"]) == (EnvVar("NAME", value),)


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        (["A=1", "B="], [("A", "1"), ("B", "")]),
        (["A=--x=1 --y=2"], [("A", "--x=1 --y=2")]),
        (["A=one\ntwo", 'C={"a": "$(B)"}'], [("A", "one\ntwo"), ("C", '{"a": "$(B)"}')]),
        (["A=1", "B=2", "A=3"], [("A", "3"), ("B", "2")]),
        (["my.name-1=x"], [("my.name-1", "x")]),
    ],
)
def test_env(items: list[str], wanted: list[tuple[str, str]]) -> None:
    assert [(variable.name, variable.value) for variable in parse_env(items)] == wanted


@pytest.mark.parametrize(
    ("item", "fix"),
    [
        ("X", "write --env X=VALUE"),
        ("", "write --env NAME=VALUE"),
        ("=x", "_"),
        ("1A=x", "_1A"),
        ("A B=x", "A_B"),
        ("..=x", "_"),
        ("Ä=x", "_"),
        ("A\n=x", "A"),
        ("A=x\0", "into a file"),
        ("A=\udcff", "into a file"),
        ("A=" + "x" * 131_072, "into a file"),
    ],
)
def test_env_refused(item: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_env([item])
    (fault,) = caught.value.faults
    assert fix in fault.fix
    assert len(fault.what) < 100


def test_no_value_is_shown() -> None:
    with pytest.raises(UsageError) as caught:
        parse_env(["A B=secret"])
    assert "secret" not in str(caught.value) + caught.value.faults[0].fix


def test_all_faults_of_env_together() -> None:
    with pytest.raises(UsageError) as caught:
        parse_env(["A", "B=1", "C", "9=1"])
    assert len(caught.value.faults) == 3


def test_env_file_is_read_as_docker_reads_it() -> None:
    text = '\ufeff# comment\n\nA=1 \n  B="two" # kept\r\n\tC=\nHOME\nA=2'
    found = parse_env_file(text, "env.txt", {"HOME": "/home/me"})
    assert [(variable.name, variable.value) for variable in found] == [
        ("A", "2"),
        ("B", '"two" # kept'),
        ("C", ""),
        ("HOME", "/home/me"),
    ]


def test_env_file_faults_name_their_lines() -> None:
    with pytest.raises(UsageError) as caught:
        parse_env_file("A=1\nGONE\nexport B=2\n=3\n", "env.txt", {})
    assert [fault.what for fault in caught.value.faults] == [
        "env.txt, line 2: GONE",
        "env.txt, line 3: export B=...",
        "env.txt, line 4: =...",
    ]
    assert "write B=... without export" in caught.value.faults[1].fix


def test_one_source_only() -> None:
    check_sources([], "env.txt")
    check_sources(["A=1"], None)
    with pytest.raises(UsageError):
        check_sources(["A=1"], "env.txt")
