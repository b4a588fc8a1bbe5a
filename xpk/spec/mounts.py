"""Cloud Storage buckets that a workload mounts through GCS FUSE: `--mount gs://b[/dir]=/path[:ro]`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xpk.errors import Fault, FaultCollector, UsageError
from xpk.frozen import dataclass
from xpk.spec.container_path import check_container_path, tidy, within

_EXAMPLE = "gs://my-bucket/data=/data:ro"


@dataclass(frozen=True, slots=True)
class BucketMount:
    """One bucket, or one directory of it, at one path of the container."""

    bucket: str
    path: str
    directory: str | None = None
    read_only: bool = False

    @property
    def text(self) -> str:
        """The mount as a person types it."""
        source = self.bucket if self.directory is None else f"{self.bucket}/{self.directory}"
        return f"gs://{source}={self.path}{':ro' if self.read_only else ''}"


def parse_mount(text: str, flag: str = "--mount") -> BucketMount:
    """Read `gs://bucket[/dir]=/path[:ro]` (`:rw` says the default).

    Raises `UsageError` with all faults of the one mount.
    """
    what = f"{flag} {text or repr('')}"
    source, equals, target = text.rpartition("=")
    if not equals or not source.startswith("gs://"):
        why = "a mount is a bucket, =, and a path in the container"
        raise UsageError(Fault(what, why, f"write {flag} gs://BUCKET[/DIR]=/PATH[:ro], such as {_EXAMPLE}"))
    path, mode = tidy(target), "rw"
    if target.endswith((":ro", ":rw")):
        path, mode = tidy(target[:-3]), target[-2:]
    elif ":" in target:
        why = f":{target.rpartition(':')[2]} is not a mode of a mount"
        raise UsageError(Fault(what, why, "end it with :ro for read only, or with nothing"))
    bucket, _, directory = source.removeprefix("gs://").partition("/")
    directory = directory.rstrip("/")
    faults = FaultCollector()
    bucket_problem, directory_problem = _bucket_problem(bucket), _directory_problem(directory)
    if bucket_problem is not None:
        faults.add(what, bucket_problem, f"write {flag} {_EXAMPLE}")
    if directory_problem is not None:
        faults.add(what, directory_problem, "name a directory without these, or mount the whole bucket")
    with faults.gather():
        check_container_path(path, what, f"{flag} {source}=/data")
    faults.raise_if_any()
    return BucketMount(bucket, path, directory or None, mode == "ro")


def overlap_faults(mounts: Sequence[BucketMount], ramdisk: str | None) -> tuple[Fault, ...]:
    """A fault for every two volumes of one workload on one path, or one below the other."""
    taken = [("--ramdisk-directory", ramdisk)] if ramdisk is not None else []
    faults = []
    for mount in mounts:
        for owner, path in taken:
            if within(mount.path, path) or within(path, mount.path):
                same = mount.path == path
                why = f"{owner} {'is' if same else 'has'} {path} already" + (
                    "" if same else ", and one hides the other"
                )
                faults.append(Fault(f"--mount {mount.text}", why, "give each volume a path of its own"))
        taken.append((f"--mount {mount.text}", mount.path))
    return tuple(faults)


def _bucket_problem(bucket: str) -> str | None:
    """Cloud Storage's rules for bucket names (cloud.google.com/storage/docs/buckets#naming)."""
    if not bucket:
        return "the name of the bucket is missing"
    if re.fullmatch(r"[a-z0-9][a-z0-9._-]*[a-z0-9]", bucket, re.ASCII) is None:
        return f"{bucket} is not a bucket's name: a-z, 0-9, -, _ and ., with a letter or digit at both ends"
    longest = 222 if "." in bucket else 63
    if not 3 <= len(bucket) <= longest or any(len(part) > 63 for part in bucket.split(".")):
        return f"{bucket} is not a bucket's name: it has 3 to 63 characters, 63 between dots"
    return None


def _directory_problem(directory: str) -> str | None:
    """`only-dir` is one option in a comma list without blanks (GCS FUSE CSI driver, mountOptions)."""
    if re.search(r"[\s,:\x00-\x1f\x7f]", directory):
        return "the driver takes the directory in a comma list, so it has no comma, colon or blank"
    if directory and any(part in ("", ".", "..") for part in directory.split("/")):
        return "the directory has no empty, . or .. steps"
    return None
