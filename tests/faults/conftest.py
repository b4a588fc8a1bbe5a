"""What all fault tests share: each release file is read once, and the figures of the matrix at the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.table import COLUMN, Cell, lines


@pytest.fixture(scope="session", autouse=True)
def known_files(release_files_once: None) -> None:
    """Each release file is read once."""


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
