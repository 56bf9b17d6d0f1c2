"""Horizontal bars, each between its name and its number, the first on top.

Drawn as rectangles on the figure: axes would take a tenth of a picture's time, and bars have no scale to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.charts.canvas import (
    HEADING,
    INK,
    LABEL,
    MARGIN,
    QUIET,
    WIDTH,
    Align,
    DrawingArea,
    draw_heading,
    draw_rectangle,
    draw_text,
)
from bot.charts.fonts import Weight, shorten_text, text_width
from bot.i18n import is_rtl

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NAME_WIDTH = 620
"""Pixels that a name may take."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar."""

    name: str
    value: int
    number: str
    """The value as a reader sees it."""
    colour: str


def draw_bars(figure: Figure, area: DrawingArea, heading: str, bars: Sequence[Bar], locale: str) -> None:
    """Bars under a heading; from right to left where the language is written so."""
    rtl = is_rtl(locale)
    draw_heading(figure, MARGIN, WIDTH - 2 * MARGIN, area.top + HEADING, heading, locale)
    top, foot = area.top + HEADING + 22, area.foot
    names = [shorten_text(bar.name, LABEL, MOST_NAME_WIDTH) for bar in bars]
    start = MARGIN + max(text_width(name, LABEL) for name in names) + 18
    room = WIDTH - MARGIN - start - 12 - max(text_width(bar.number, LABEL, "bold") for bar in bars)
    highest, pitch = max(max(bar.value for bar in bars), 1), (foot - top) / len(bars)
    near: Align = "left" if rtl else "right"
    far: Align = "right" if rtl else "left"
    for place, (name, bar) in enumerate(zip(names, bars, strict=True)):
        middle, length = top + (place + 0.5) * pitch, room * bar.value / highest
        left = WIDTH - start - length if rtl else start
        draw_rectangle(figure, left, middle - 0.36 * pitch, length, 0.72 * pitch, bar.colour)
        _draw_label(figure, start - 18, middle, name, INK, "normal", near, rtl)
        _draw_label(figure, start + length + 12, middle, bar.number, QUIET, "bold", far, rtl)


def _draw_label(
    figure: Figure, x: float, middle: float, text: str, colour: str, weight: Weight, align: Align, rtl: bool
) -> None:
    draw_text(figure, WIDTH - x if rtl else x, middle + 12, text, LABEL, colour, weight, align)
