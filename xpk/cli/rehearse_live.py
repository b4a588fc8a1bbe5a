"""A rehearsal on a terminal: slices and hosts as a grid, updated in place. Loaded late: it needs rich."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.text import Text

from xpk.cli import output
from xpk.cli.progress import cut
from xpk.cli.rehearse_board import Board, Trouble
from xpk.cli.rehearse_grid import grid
from xpk.cli.rehearse_lines import step_words
from xpk.cli.rehearse_summary import summary
from xpk.cli.rehearse_svg import FORMAT, THEME
from xpk.rehearsal.record.events import Event
from xpk.rehearsal.record.outcome import Outcome, Setup
from xpk.rehearsal.report.tables import MODES
from xpk.rehearsal.report.text import count, seconds

_HEIGHT = 23
"""Lines of the screen: a terminal of 24, less the line that the cursor stands on."""


_BELOW = 3
"""Lines kept for what is happening now, so that the grid keeps its form when a fault comes."""
_RECORDED = 17
"""Lines of the screen in a recording: the summary below says what the last events would."""


class RehearsalLive:
    """Redraws a few times a second; `clock` says how many seconds the rehearsal has taken."""

    def __init__(self, setup: Setup, clock: Callable[[], float], console: Console | None = None) -> None:
        self._board = Board(setup)
        self._clock = clock
        self._lock = threading.Lock()
        self._console = console or Console(
            file=sys.stderr, no_color=not output.colour_on_stderr(), highlight=False
        )
        self._live = RichLive(
            get_renderable=self._screen, console=self._console, refresh_per_second=8, transient=True
        )

    def show(self, event: Event) -> None:
        """Take an event in; what is shown follows at the next redraw."""
        with self._lock:
            self._board.take(event)

    def _screen(self) -> RenderableType:
        with self._lock:
            size = self._console.size
            return screen(self._board, self._clock(), size.width, min(size.height - 1, 40))

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)


def screen(board: Board, elapsed: float, width: int = 80, height: int = _HEIGHT) -> RenderableType:
    """The whole view at a moment, at most `width` x `height`; the last events get the lines that are left."""
    width = max(min(width, 120), 40)
    head = [_title(board, elapsed, width), _steps(board, width), *_bar(board, width)]
    below = [
        Text(cut(output.clean(board.now), width), style="bold"),
        *_trouble(board.trouble, elapsed, width),
    ]
    cells, rows = grid(board, width, height - len(head) - _BELOW)
    left = max(height - len(head) - rows - len(below), 0)
    last = list(board.lines)[-left:] if left else []
    events = [Text(cut(_line(line.t, line.words), width), style="dim") for line in last]
    return Group(*head, cells, *below, *events)


def _line(t: float, words: str) -> str:
    return output.clean(f"{t:>7.1f} s  {words}").replace("\n", " ")


def _title(board: Board, elapsed: float, width: int) -> Text:
    setup = board.setup
    left = f"{count(setup.slices, 'slice')} of {count(setup.hosts, 'host')}, {MODES[setup.mode]}"
    right = f"{count(board.restarts, 'restart')}  {output.age(elapsed):>6}"
    return Text(f"{cut(left, width - len(right) - 1):<{width - len(right)}}{right}", style="bold")


def _steps(board: Board, width: int) -> Text:
    text = Text(step_words(board))
    if board.setup.mode in ("emergency", "multi-tier"):
        text.append("   ○ ", style="green")
        text.append(f"ramdisk {board.ramdisk}" if board.ramdisk >= 0 else "ramdisk empty")
    if board.setup.mode != "none":
        text.append("   ■ ", style="yellow")
        text.append(f"bucket {board.bucket}" if board.bucket >= 0 else "bucket empty")
    text.truncate(width)
    return text


def _bar(board: Board, width: int) -> list[Text]:
    """The way to the last step, with the newest save of each tier on it."""
    steps = board.setup.steps
    if steps <= 0:
        return []

    def at(step: int) -> int:
        return min(max(step + 1, 0), steps) * width // steps

    done = at(board.step)
    text = Text("━" * done, style="blue")
    text.append("─" * (width - done), style="dim")
    marks = (("○", "green", board.ramdisk), ("■", "yellow", board.bucket))
    plain = list(text.plain)
    styled = []
    for sign, style, step in marks:
        if step >= 0:
            place = max(at(step) - 1, 0)
            plain[place] = sign
            styled.append((place, style))
    text.plain = "".join(plain)
    for place, style in styled:
        text.stylize(f"not dim {style}", place, place + 1)
    return [text]


def _trouble(found: Trouble | None, elapsed: float, width: int) -> list[Text]:
    """The newest fault, and how far the way back is."""
    if found is None:
        return []
    ago = "" if found.over else f"  {seconds(max(elapsed - found.t, 0.0))} ago"
    head = f"fault {found.number}: {found.words}"
    first = Text(f"{cut(head, width - len(ago))}{ago}", style="" if found.over else "red")
    parts = (
        ("noticed", found.noticed),
        ("pods running", found.running),
        ("restored", found.restored),
        ("first new step", found.first_step),
    )
    # What has not come yet is told by its dots, not by a colour.
    way = [f"{name} {seconds(value)}" if value is not None else f"{name} ..." for name, value in parts]
    return [first, Text(cut("  " + " > ".join(way), width))]


def svg(board: Board, outcome: Outcome) -> str:
    """The last screen and the summary below it as an SVG that loads nothing."""
    console = Console(
        record=True,
        width=80,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    console.print(screen(board, board.t, height=_RECORDED))
    console.print(Text("\n" + summary(outcome).rstrip("\n")))
    return console.export_svg(title="xpk rehearse", theme=THEME, code_format=FORMAT, unique_id="rehearsal")
