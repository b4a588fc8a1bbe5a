"""Paths are replaced by whole components, wherever a shell or a flag can have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.rehearsal.hosts.substitution import Replacement, substitute

BY = {"/local": "/s/ram", "/mnt/ckpt": "/s/bucket", "/mnt/ckpt/local": "/s/local", "gs://b": "/s/b"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/local", "/s/ram"),
        ("/local/", "/s/ram/"),
        ("/local/x/y", "/s/ram/x/y"),
        ("--dir=/local/x", "--dir=/s/ram/x"),
        ("/local:/local:/usr/local/bin", "/s/ram:/s/ram:/usr/local/bin"),
        ("a,/local,b", "a,/s/ram,b"),
        ('{"dir":"/local"}', '{"dir":"/s/ram"}'),
        ("['/local', '/mnt/ckpt']", "['/s/ram', '/s/bucket']"),
        ("python t.py d='/local' && ls /local;cd /local", "python t.py d='/s/ram' && ls /s/ram;cd /s/ram"),
        ('x="/local"', 'x="/s/ram"'),
        ('echo \\"/local\\"', 'echo \\"/s/ram\\"'),
        ("${DIR:-/local}/x ${DIR:=/local}", "${DIR:-/s/ram}/x ${DIR:=/s/ram}"),
        ("$(ls /local) `ls /local` >/local/x <(/local)", "$(ls /s/ram) `ls /s/ram` >/s/ram/x <(/s/ram)"),
        ("line\n/local\nline", "line\n/s/ram\nline"),
        ("/mnt/ckpt/local/1 /mnt/ckpt/locals /mnt/ckpt", "/s/local/1 /s/bucket/locals /s/bucket"),
        ("gs://b", "/s/b"),
        ("--out=gs://b/run/1 gs://b", "--out=/s/b/run/1 /s/b"),
    ],
)
def test_replaced(text: str, wanted: str) -> None:
    assert substitute([text], {}, BY).argv == (wanted,)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "/localhost",
            "/usr/local",
            "/usr/local/bin",
            "/local-ssd",
            "/local.d",
            "/local_1",
            "/local2",
            "local",
        ),
        *(
            "$HOME/local",
            "${HOME}/local",
            '"$HOME"/local',
            "'a'/local",
            "~/local",
            "./local",
            "../local",
            "//local",
        ),
        *("/LOCAL", "/local*", "/local$X", "/local~", "file:///local", "x/local/y", "/mnt/ckpts", "/mnt"),
        *("gs://b2", "gs://b-x/y", "gs://b.c", "gs://b_c", "gs:/b", "xgs://b", "gs://a/gs://b", "s3://b"),
    ],
)
def test_not_replaced(text: str) -> None:
    done = substitute([text], {"A": text}, BY)
    assert (done.argv, done.env, done.replaced) == ((text,), {"A": text}, ())


def test_it_is_told_what_was_replaced_and_where() -> None:
    done = substitute(["t", "/local", "/local gs://b/x"], {"A": "gs://b", "B": "c", "C": "gs://b:/x"}, BY)
    assert done.argv == ("t", "/s/ram", "/s/ram /s/b/x")
    assert done.env == {"A": "/s/b", "B": "c", "C": "/s/b:/x"}
    assert done.replaced == (
        Replacement("/local", "/s/ram", ("command",)),
        Replacement("gs://b", "/s/b", ("command", "environment A", "environment C")),
    )


def test_names_of_variables_stay() -> None:
    assert substitute([], {"/local": "x"}, BY).env == {"/local": "x"}


def test_what_was_put_in_is_not_looked_at_again() -> None:
    assert substitute(["/local /x"], {}, {"/local": "/x", "/x": "/local"}).argv == ("/x /local",)
    assert substitute(["/a"], {}, {"/a": r"/s/\1\g<key>"}).argv == (r"/s/\1\g<key>",)


def test_keys_may_end_with_a_slash_and_the_root_is_none() -> None:
    assert substitute(["/local/x /"], {}, {"/local/": "/s/", "/": "/t"}).argv == ("/s/x /",)
    assert substitute(["/local"], {}, {}).argv == ("/local",)


PARTS = st.sampled_from(["local", "localhost", "local2", "usr", "x", "mnt", "ckpt", "b"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
SEPARATORS = st.sampled_from([" ", ":", ",", "=", ";", "\n", " '", ":-", "("])


@given(st.lists(st.tuples(SEPARATORS, PATHS), max_size=6))
def test_every_path_and_no_other(pairs: list[tuple[str, str]]) -> None:
    def wanted(path: str) -> str:
        for key in sorted(BY, key=len, reverse=True):
            if path == key or path.startswith(key + "/"):
                return BY[key] + path.removeprefix(key)
        return path

    text = "".join(separator + path for separator, path in pairs)
    assert substitute([text], {}, BY).argv == ("".join(s + wanted(path) for s, path in pairs),)


@given(st.text(), st.text())
def test_text_without_a_key_stays(one: str, other: str) -> None:
    done = substitute([one], {"A": other}, {"/xpk-no-such": "/y"})
    assert (done.argv, dict(done.env)) == ((one,), {"A": other})
