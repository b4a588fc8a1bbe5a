"""How words are sorted into flags and values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.cli.flag import Flag
from xpk.cli.reader import Decision, Reader
from xpk.cli.words import Words
from xpk.errors import UsageError

FLAGS = (
    Flag("--cluster"),
    Flag("--command"),
    Flag("--custom-nodepool-arguments"),
    Flag("--env", kind="many"),
    Flag("--authorized-networks", kind="list"),
    Flag("--dry-run", kind="switch", off="--no-dry-run"),
    Flag("--spot", kind="switch"),
    Flag("-o", "--output"),
    Flag("-tgps", "--termination-grace-period-seconds"),
)
DECIDED = {
    "--skip-validation": Decision(False, "there is nothing to check", ""),
    "--kept": Decision(True, "it has no effect", ""),
    "--storage": Decision(True, "not here", "--mount"),
}


def read(*argv: str, positionals: int | None = 0) -> Words:
    return Reader("x create", FLAGS, positionals, DECIDED.get).read(argv)


def faults(words: Words) -> list[str]:
    with pytest.raises(UsageError) as raised:
        words.faults.raise_if_any()
    return str(raised.value).split("; ")


@pytest.mark.parametrize(
    ("argv", "name", "value"),
    [
        (["--cluster", "c1"], "--cluster", "c1"),
        (["--cluster=c1"], "--cluster", "c1"),
        (["--cluster="], "--cluster", ""),
        (["--command", " --foo"], "--command", " --foo"),
        (["--command= --foo"], "--command", " --foo"),
        (["--command=--spot"], "--command", "--spot"),
        (["--command=a=b --c=d"], "--command", "a=b --c=d"),
        (["--command", "--spot x"], "--command", "--spot x"),
        (
            ["--custom-nodepool-arguments", "--disk-size=100"],
            "--custom-nodepool-arguments",
            "--disk-size=100",
        ),
        (["--custom-nodepool-arguments", "--enable-gvnic"], "--custom-nodepool-arguments", "--enable-gvnic"),
        (["--custom-nodepool-arguments=--network=n"], "--custom-nodepool-arguments", "--network=n"),
        (["-o", "json"], "-o", "json"),
        (["-ojson"], "-o", "json"),
        (["-o=json"], "-o", "json"),
        (["--output", "json"], "-o", "json"),
        (["-tgps", "30"], "-tgps", "30"),
        (["-tgps=30"], "-tgps", "30"),
        (["--cluster", "-1"], "--cluster", "-1"),
        (["--cluster", "a", "--cluster", "b"], "--cluster", "b"),
        (["--command", "x", "--cluster", "c1"], "--cluster", "c1"),
    ],
)
def test_a_value_is_found(argv: list[str], name: str, value: str) -> None:
    words = read(*argv)
    words.faults.raise_if_any()
    assert words.text(name) == value


def test_a_flag_of_the_command_is_no_value() -> None:
    words = read("--cluster", "--spot", "--command")
    assert faults(words) == [
        "--cluster: needs a value, but the next word is the flag --spot",
        "--command: needs a value",
    ]
    assert words.on("--spot")
    assert words.required("fix", "--cluster") is None
    assert len(faults(words)) == 2  # not said twice


def test_repeated_flags() -> None:
    words = read("--env", "A=1", "--env=B=2 3", "--authorized-networks", "1.2.3.4/32", "5.6.7.8/32", "--spot")
    words.faults.raise_if_any()
    assert words.many("--env") == ("A=1", "B=2 3")
    assert words.many("--authorized-networks") == ("1.2.3.4/32", "5.6.7.8/32")
    assert words.on("--spot")


def test_the_last_switch_counts() -> None:
    assert read("--dry-run").on("--dry-run")
    assert not read("--dry-run", "--no-dry-run").on("--dry-run")
    assert read("--no-dry-run", "--dry-run").on("--dry-run")


def test_a_value_given_twice_is_said() -> None:
    assert read("--cluster", "a", "--cluster=b").notes == [
        "--cluster is given more than once, the last one counts: b"
    ]
    assert read("--cluster", "a", "--cluster=a").notes == []


def test_decided_flags() -> None:
    words = read("--skip-validation", "--kept", "v", "--storage", "s1", "--storage=s2", "--cluster", "c1")
    assert words.notes == [
        "--skip-validation: accepted, without effect: there is nothing to check",
        "--kept v: accepted, without effect: it has no effect",
    ]
    assert faults(words) == ["--storage s1: not here", "--storage s2: not here"]
    assert words.text("--cluster") == "c1"


def test_an_unknown_flag_takes_its_value_with_it() -> None:
    words = read("--clutser", "c1", "--wrong=2", "--odd", "--spot", "free")
    assert faults(words) == [
        "--clutser c1: xpk x create has no such flag",
        "--wrong=2: xpk x create has no such flag",
        "--odd: xpk x create has no such flag",
        "free: a word that belongs to no flag",
    ]
    assert words.on("--spot")


def test_free_words() -> None:
    assert read("v6e-256", "-ojson", positionals=1).rest == ("v6e-256",)
    assert faults(read("a", "b", positionals=1)) == ["b: a word that belongs to no flag"]
    endless = read("--spot", "cmd", "--spot", "-x", "--", "y", positionals=None)
    assert endless.rest == ("cmd", "--spot", "-x", "--", "y")
    assert read("--", "cmd", "--help", positionals=None).rest == ("cmd", "--help")
    assert not read("--", "cmd", "--help", positionals=None).help
    assert read("--cluster", "c", "--help").help


@given(
    st.lists(
        st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)
    )
)
def test_nothing_is_lost_and_nothing_raises(values: list[str]) -> None:
    """Any values with `=` arrive as they were, in their order, whatever they hold."""
    argv = [f"--env={value}" for value in values]
    words = read(*argv)
    words.faults.raise_if_any()
    assert words.many("--env") == tuple(values)


@given(st.lists(st.text(max_size=8), max_size=8))
def test_any_argv_is_read(argv: list[str]) -> None:
    words = read(*argv)
    assert words.command == "x create"
