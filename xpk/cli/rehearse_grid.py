"""The grid of slices and hosts of the live view. It chooses the form that fits; it knows no events."""

from __future__ import annotations

from collections import Counter

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from xpk.cli.rehearse_board import Board, Cell, Doing
from xpk.rehearsal.record.events import Host

_STYLES: dict[Doing, str] = {
    "waiting": "dim",
    "starting": "yellow",
    "joined": "yellow",
    "restored": "cyan",
    "training": "green",
    "killed": "bold red",
    "stopped": "yellow",
    "failed": "bold red",
    "lost": "bold red",
    "done": "blue",
}
_ROOMY = 20
_MOST_COLUMNS = 4
_LEAST = 13
_EVENTS = 3
_WIDE = 60


def grid(board: Board, width: int, lines: int) -> tuple[RenderableType, int]:
    """The grid in at most so many columns and lines, and how many lines it takes.

    One column a host and one row a slice, or the other way round where that fits. Cells are two lines high
    where there is room; where not even cells of one line fit, a line a slice says how many hosts do what.
    """
    slices, hosts = board.setup.slices, board.setup.hosts
    turned = hosts > _MOST_COLUMNS >= slices
    columns, rows = (slices, hosts) if turned else (hosts, slices)
    inner = min((width - 10) // columns - 3, _ROOMY)
    if columns > _MOST_COLUMNS or inner < _LEAST or rows + 2 > lines:
        return _counts(board, width, max(lines - _EVENTS, 2))
    tall = 3 * rows + 3 <= lines
    table = Table(
        box=box.HORIZONTALS if tall else box.SIMPLE_HEAD,
        show_lines=tall,
        padding=(0, 1) if tall else (0, 1, 0, 0),
        width=width,
        border_style="dim",
        show_edge=tall,
    )
    table.add_column("host" if turned else "slice", no_wrap=True, style="dim")
    for column in range(columns):
        table.add_column(f"{'slice' if turned else 'host'} {column}", no_wrap=True, ratio=1)
    flat = (width - 10) // columns - 1
    for row in range(rows):
        cells = [board.cells[Host(column, row) if turned else Host(row, column)] for column in range(columns)]
        table.add_row(str(row), *(_tall(cell, inner) if tall else _flat(cell, flat) for cell in cells))
    return table, (3 * rows + 3 if tall else rows + 2)


def _step(step: int) -> str:
    return str(step) if step >= 0 else "-"


def _tall(cell: Cell, width: int) -> Text:
    """Two lines: what it does and its step; its ramdisk's newest step."""
    text = Text(cell.doing, style=_STYLES[cell.doing])
    step = _step(cell.step) if width < _ROOMY else f"step {_step(cell.step)}"
    text.append(step.rjust(max(width - len(cell.doing), 2)), style="not bold default")
    text.append("\n")
    text.append("ramdisk" + _step(cell.ramdisk).rjust(max(width - 7, 2)), style="not bold default")
    return text


def _flat(cell: Cell, width: int) -> Text:
    """One line: what it does, its step, its ramdisk's newest step behind the ramdisks' sign.

    Numbers too long for it shorten the word first, and then leave out the ramdisk.
    """
    step, ramdisk = f" {_step(cell.step)}", f" ○{_step(cell.ramdisk)}"
    word = cell.doing if len(cell.doing + step + ramdisk) <= width else cell.doing[:5]
    text = Text(word, style=_STYLES[cell.doing])
    text.append(step + (ramdisk if len(word + step + ramdisk) <= width else ""), style="not bold default")
    return text


def _counts(board: Board, width: int, most: int) -> tuple[RenderableType, int]:
    """One line a slice: how many hosts do what, the slice's step, how many ramdisks hold something."""
    lines = []
    slices = range(board.setup.slices)
    # Those where something is the matter come first when not all can be shown.
    shown = most if len(slices) <= most else most - 1
    chosen = sorted(slices, key=lambda index: (_well(board, index), index))[:shown]
    for index in sorted(chosen):
        cells = [cell for host, cell in board.cells.items() if host.slice_index == index]
        doing = Counter(cell.doing for cell in cells)
        words = ", ".join(f"{doing[name]} {name}" for name in _STYLES if doing[name])
        held = sum(cell.ramdisk >= 0 for cell in cells)
        right = f" step {_step(min(cell.step for cell in cells))}"
        right += f", ramdisk on {held}" if width >= _WIDE else ""
        room = max(width - len(right) - 12, 0)
        style = "" if _well(board, index) else "bold"
        lines.append(Text(f"slice {index:<4}  {words[:room]:<{room}}{right}", style=style, no_wrap=True))
    if len(chosen) < board.setup.slices:
        lines.append(Text(f"and {board.setup.slices - len(chosen)} more slices", style="dim"))
    return Text("\n").join(lines), len(lines)


def _well(board: Board, index: int) -> bool:
    return all(
        cell.doing in ("training", "done") for host, cell in board.cells.items() if host.slice_index == index
    )
