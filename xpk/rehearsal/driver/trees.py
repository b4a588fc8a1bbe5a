"""Directories as the driver handles them: sizes, copies that appear whole, removal.

Every function may raise OSError; none raises for something that vanishes under its hands, because a
trainer writes and deletes in the same directories at the same time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from xpk.rehearsal.driver.names import TEMPORARY


def tree_bytes(path: Path) -> int:
    """Bytes of all files below `path`, links not followed; 0 for nothing.

    Lengths, not blocks: a tmpfs would count up to one page more for each file.
    """
    total = 0
    pending = [path]
    while pending:
        for entry in entries(pending.pop()):
            with contextlib.suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def entries(path: Path) -> list[os.DirEntry[str]]:
    """The entries of a directory by name; none when it is not there."""
    try:
        with os.scandir(path) as found:
            return sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def copy_whole(source: Path, target: Path, *, room: int | None = None) -> int:
    """Copy a directory so that `target` appears whole or not at all; the bytes copied.

    `room`: bytes that may still be written. Raises OSError (ENOSPC) when the copy is larger, as a
    full tmpfs would, and leaves nothing behind.
    """
    size = tree_bytes(source)
    if room is not None and size > room:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
    temporary = target.with_name(target.name + TEMPORARY)
    remove(temporary)
    try:
        shutil.copytree(source, temporary, symlinks=True)
        os.rename(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            remove(temporary)
        raise
    return size


def link_whole(target: Path, content: str) -> None:
    """Put a relative symbolic link at `target` by rename, over an old one."""
    temporary = target.with_name(target.name + TEMPORARY)
    remove(temporary)
    os.symlink(content, temporary)
    os.replace(temporary, target)


def write_whole(target: Path, text: str) -> None:
    """Put a file at `target` by rename, over an old one."""
    temporary = target.with_name(target.name + TEMPORARY)
    temporary.write_text(text)
    os.replace(temporary, target)


def remove(path: Path) -> None:
    """Remove a file, a link (not what it points to) or a whole directory; nothing when it is not there."""
    while path.is_dir() and not path.is_symlink():
        # rmtree gives up at the first entry that somebody else removed: then it begins again.
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)
    path.unlink(missing_ok=True)
