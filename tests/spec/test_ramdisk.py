"""`--ramdisk-directory`: three spellings mount exactly that path; nothing odd gets through."""

from __future__ import annotations

import pytest

from xpk.errors import UsageError
from xpk.spec.ramdisk import Ramdisk, parse_ramdisk_directory, ramdisk_from_flags


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("ramdisk", "/ramdisk"),
        ("/ramdisk", "/ramdisk"),
        ("/mnt/ramdisk", "/mnt/ramdisk"),
        ("mnt/ramdisk", "/mnt/ramdisk"),
        ("/local/test", "/local/test"),
        ("local", "/local"),
        ("/usrlocal", "/usrlocal"),
        ("/home/me", "/home/me"),
        ("/ramdisk/", "/ramdisk"),
        ("ramdisk/", "/ramdisk"),
        ("//mnt//ramdisk//", "/mnt/ramdisk"),
    ],
)
def test_mounted_exactly_there(text: str, path: str) -> None:
    assert parse_ramdisk_directory(text) == Ramdisk(path)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("", "/ramdisk"),
        (" ", "/ramdisk"),
        ("/", "/ramdisk"),
        ("//", "/ramdisk"),
        ("../../etc", "/ramdisk"),
        ("/local/../etc", "/ramdisk"),
        ("/local/.", "/local"),
        ("/etc", "/ramdisk"),
        ("etc/x", "/ramdisk"),
        ("/usr/local/data", "/ramdisk"),
        ("/proc", "/ramdisk"),
        ("/dev/shm", "/ramdisk"),
        ("/dev/shm/x", "/ramdisk"),
        ("/dev", "/ramdisk"),
        ("/var", "/ramdisk"),
        ("/a:b", "/ramdisk"),
        ("/a b", "/ramdisk"),
        ("/a\nb", "/ramdisk"),
        ("/$HOME", "/ramdisk"),
    ],
)
def test_refused_with_what_to_type(text: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_ramdisk_directory(text)
    assert caught.value.faults[0].fix == f"write --ramdisk-directory {fix}"


def test_both_flags_or_neither() -> None:
    assert ramdisk_from_flags(False, None) is None
    assert ramdisk_from_flags(True, "local") == Ramdisk("/local")
    with pytest.raises(UsageError) as alone:
        ramdisk_from_flags(False, "local")
    assert alone.value.faults[0].fix == "add --mtc-enabled"
    with pytest.raises(UsageError) as missing:
        ramdisk_from_flags(True, None)
    assert missing.value.faults[0].fix == "add --ramdisk-directory /ramdisk"
