"""What all fault tests share: each release file is read once, and the figures of the matrix at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import xpk.engine.observe
from tests.faults.table import COLUMN, Cell, lines
from xpk.plan.observed import ReleaseFile
from xpk.plan.releases import read_release_file


@pytest.fixture(scope="session", autouse=True)
def release_files_once() -> Iterator[None]:
    """Kueue's file is half a megabyte of YAML; its bytes are fetched each time, and read once."""
    read, known = read_release_file, dict[tuple[object, ...], ReleaseFile]()

    def remembered(release: object, source: str, data: bytes, sha256: str | None) -> ReleaseFile:
        key = (release, source, data, sha256)
        if key not in known:
            known[key] = read(release, source, data, sha256)  # type: ignore[arg-type]
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xpk.engine.observe, "read_release_file", remembered)
        yield


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[[str, str, bool], None]:
    """Put a case into the table: kind of request, what it met, whether it passed."""

    def add(kind: str, met: str, passed: bool) -> None:
        request.node.user_properties.append((COLUMN, Cell(kind, met, passed).text))

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The matrix: how many cases of each kind of request met each fault, and which did not pass."""
    cells = [
        Cell.parse(str(value))
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == COLUMN
    ]
    for line in lines(cells):
        terminalreporter.write_line(line)
