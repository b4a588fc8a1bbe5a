"""`--mount gs://bucket[/dir]=/path[:ro]`."""

from __future__ import annotations

import pytest

from xpk.errors import UsageError
from xpk.spec.mounts import BucketMount, overlap_faults, parse_mount


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("gs://bkt=/data", BucketMount("bkt", "/data")),
        ("gs://bkt/=/data", BucketMount("bkt", "/data")),
        ("gs://bkt=/data/:ro", BucketMount("bkt", "/data", read_only=True)),
        ("gs://bkt/a/b=/data:ro", BucketMount("bkt", "/data", "a/b", True)),
        ("gs://bkt/a/=/mnt/data:rw", BucketMount("bkt", "/mnt/data", "a")),
        ("gs://b.example.com/day=1=/data", BucketMount("b.example.com", "/data", "day=1")),
    ],
)
def test_mount(text: str, mount: BucketMount) -> None:
    assert parse_mount(text) == mount
    assert parse_mount(mount.text) == mount


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("bkt=/data", 1),
        ("gs://bkt", 1),
        ("gs://=/data", 1),
        ("gs://B=/data", 1),
        ("gs://bk=/data", 1),
        ("gs://bkt=data", 1),
        ("gs://bkt=/data:rx", 1),
        ("gs://bkt=/", 1),
        ("gs://bkt=/etc:ro", 1),
        ("gs://bkt/a,rw=/data", 1),
        ("gs://bkt/a b=/data", 1),
        ("gs://bkt/../x=/data", 1),
        ("gs://bkt//x=/data", 1),
        ("gs://B/a b=/", 3),
    ],
)
def test_refused(text: str, count: int) -> None:
    with pytest.raises(UsageError) as caught:
        parse_mount(text)
    assert len(caught.value.faults) == count


@pytest.mark.parametrize(
    ("paths", "ramdisk", "count"),
    [
        (["/a", "/b"], "/c", 0),
        (["/a", "/ab"], None, 0),
        (["/a", "/a"], None, 1),
        (["/a", "/a/b"], None, 1),
        (["/a/b", "/a"], None, 1),
        (["/local"], "/local", 1),
        (["/local/x"], "/local", 1),
        (["/local"], "/local/x", 1),
        (["/a", "/a", "/a"], None, 3),
    ],
)
def test_no_two_volumes_on_one_path(paths: list[str], ramdisk: str | None, count: int) -> None:
    assert len(overlap_faults([BucketMount("bkt", path) for path in paths], ramdisk)) == count
