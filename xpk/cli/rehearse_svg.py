"""How a recorded screen becomes an SVG: rich's own frame without its fonts from elsewhere, and colours."""

from __future__ import annotations

from typing import Final

from rich.terminal_theme import TerminalTheme

THEME: Final = TerminalTheme(
    (20, 23, 27),
    (228, 231, 235),
    [
        (53, 60, 69),
        (255, 138, 128),
        (79, 195, 169),
        (219, 165, 72),
        (121, 174, 247),
        (206, 154, 236),
        (112, 200, 222),
        (228, 231, 235),
    ],
)
"""The page's dark colours: background, foreground, and the eight of a terminal."""

FORMAT: Final = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img" \
aria-label="The last screen of xpk rehearse">
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
    font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, Arial, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
