"""The replicator's backups of one job in the bucket: `<bucket>/<job>/<YYYY-MM-DD_HH-MM>/`.

A backup is gathered in a directory of another name and appears by rename when all its parts are
there, which is what the bucket's hierarchical namespace is for. Backups are never deleted here, as
the published replicator never does. Every method may raise OSError.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from xpk.rehearsal.driver.names import RESTORE_VERSION, Part, backup_name, data_part, is_backup_name
from xpk.rehearsal.driver.trees import copy_whole, entries, remove

_RENAME_TEST: Final = "atomic-rename-test"


class Backups:
    """The folder of one job in the bucket."""

    def __init__(self, bucket: Path, job: str) -> None:
        self.job = job
        self.folder = bucket / job

    def test_rename(self) -> None:
        """Rename a directory with a file in it, as the replicator does to find a flat bucket."""
        test, passed = self.folder / _RENAME_TEST, self.folder / f"{_RENAME_TEST}-passed"
        remove(test)
        remove(passed)
        test.mkdir(parents=True)
        (test / "dummy-file").touch()
        test.rename(passed)
        remove(passed)

    def names(self) -> tuple[str, ...]:
        """All complete backups, the newest first."""
        found = (entry.name for entry in entries(self.folder) if entry.is_dir(follow_symlinks=False))
        return tuple(sorted(filter(is_backup_name, found), reverse=True))

    def parts(self, name: str) -> frozenset[Part]:
        """What a backup holds of this job; nothing for a name that is none."""
        if not is_backup_name(name):
            return frozenset()
        found = (data_part(entry.name) for entry in entries(self.folder / name))
        return frozenset(one[1] for one in found if one is not None and one[0] == self.job)

    def part_path(self, name: str, part: Part) -> Path:
        return self.folder / name / part.data_name(self.job)

    def forced(self) -> str | None:
        """The backup that `restore.version` demands; None without such a file."""
        try:
            return (self.folder / RESTORE_VERSION).read_text().strip()
        except FileNotFoundError:
            return None

    def clear_forced(self) -> bool:
        """Remove `restore.version`; whether there was one."""
        try:
            (self.folder / RESTORE_VERSION).unlink()
        except FileNotFoundError:
            return False
        return True

    def free_name(self, moment: datetime) -> str:
        """A name for a backup that begins now: that minute, or the next that no backup has.

        Only a rehearsal whose minutes are short can need the next one.
        """
        while (self.folder / backup_name(moment)).exists():
            moment += timedelta(minutes=1)
        return backup_name(moment)

    def add(self, name: str, part: Part, source: Path) -> int:
        """Copy one part into the backup under way; its bytes."""
        self._partial(name).mkdir(parents=True, exist_ok=True)
        return copy_whole(source, self._partial(name) / part.data_name(self.job))

    def finish(self, name: str) -> None:
        """All parts are there: the backup appears."""
        self._partial(name).rename(self.folder / name)

    def abandon(self, name: str) -> None:
        """Remove a backup that will not be finished."""
        remove(self._partial(name))

    def _partial(self, name: str) -> Path:
        return self.folder / f".{name}.partial"
