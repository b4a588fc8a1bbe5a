"""The last lines of a log."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rehearsal.agent.fakes import make_pod
from xpk.rehearsal.agent import logs


def test_where_logs_are(tmp_path: Path) -> None:
    assert logs.paths_of(tmp_path, make_pod()) == {"c": tmp_path / "ns_p1_c.log"}


def test_no_log_has_no_lines(tmp_path: Path) -> None:
    assert logs.tail(tmp_path / "none", 5) == []


@pytest.mark.parametrize("block", [1, 3, 7, 1 << 16])
@given(lines=st.lists(st.text(alphabet="ab\u00e9", max_size=5), max_size=8), wanted=st.integers(-1, 9))
def test_the_last_lines(
    tmp_path_factory: pytest.TempPathFactory, block: int, lines: list[str], wanted: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "x.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "_BLOCK", block)
        assert logs.tail(path, wanted) == (lines[-wanted:] if wanted > 0 else [])


def test_what_is_no_text_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"\xff\xfe\nlast")
    assert logs.tail(tmp_path / "x.log", 1) == ["last"]
