"""The rank chart (bump chart): one line for each of the most used models over the last days, the first rank on top.

A day whose ranking is unknown breaks the lines. A rank below those shown is drawn on a row under them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.charts import chart_data
from bot.charts.canvas import (
    FADED,
    HEADING,
    INK,
    LABEL,
    LINE,
    MARGIN,
    QUIET,
    SHELF,
    USED,
    WIDTH,
    Align,
    DrawingArea,
    draw_dots,
    draw_heading,
    draw_polyline,
    draw_rectangle,
    draw_text,
)
from bot.charts.chart_data import Number
from bot.charts.fonts import Weight, shorten_text, text_width
from bot.charts.picture_kind import BELOW, RankLine, rank_lines
from bot.i18n import translator_for
from bot.number_format import UNKNOWN, format_count, format_short_day
from bot.records import Document

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_ROWS, MOST_ROWS = 5, 10
ROW = 46
"""Most pixels from one rank to the next."""
MOST_NAME_WIDTH = 540
NORMAL: Weight = "normal"
BOLD: Weight = "bold"


@dataclass(frozen=True, slots=True)
class _Grid:
    """The places of days and ranks, in pixels."""

    x: Sequence[float]
    """Each day, from the left."""
    rows: Sequence[float]
    """Each rank, from the top; the last is for every rank below those shown."""

    def row(self, rank: Number) -> float:
        return self.rows[min(int(rank), len(self.rows)) - 1]


def draw_ranks(figure: Figure, document: Document, area: DrawingArea, locale: str) -> None:
    """Ranks by day as lines, each named at its end; the model that leads in full colour."""
    voice, lines = translator_for(locale), rank_lines(document)
    unit = voice.translate_word("word", chart_data.leading_catalogue(document)["unit"])
    heading = voice.say("The most used models, by {unit}", unit=unit)
    draw_heading(figure, MARGIN, WIDTH - 2 * MARGIN, area.top + HEADING, heading, locale)
    top, foot = area.top + HEADING + 18, area.foot - 48
    ends = [line.ranks[-1] for line in lines if line.leads and line.ranks[-1] <= MOST_ROWS]
    count = max(min(max(int((foot - top) / ROW) - 1, LEAST_ROWS), MOST_ROWS), *ends, 0)
    shown = sorted(
        (line for line in lines if line.leads or line.ranks[-1] <= count),
        key=lambda line: (line.leads, -line.ranks[-1]),
    )
    names = [shorten_text(line.name, LABEL, MOST_NAME_WIDTH) for line in shown]
    room = round(max(text_width(format_count(line.ranks[-1], locale), LABEL, "bold") for line in shown)) + 22
    right = WIDTH - MARGIN - room - 12 - max(text_width(name, LABEL, "bold") for name in names)
    days, left = [day for day, _ in lines[0].points], MARGIN + 14
    pitch, step = (foot - top) / (count + 1), (right - left) / (len(days) - 1)
    grid = _Grid(
        [left + place * step for place in range(len(days))], [top + (row + 0.5) * pitch for row in range(count + 1)]
    )
    _draw_unknown_days(figure, lines[0], grid, (top, foot), locale)
    named = _named_lines(shown, pitch)
    for name, line in zip(names, shown, strict=True):
        _draw_rank_line(figure, line, grid, locale)
        if line in named:
            row, colour = grid.row(line.ranks[-1]) + 12, USED if line.leads else QUIET
            draw_text(figure, right + room, row, format_count(line.ranks[-1], locale), LABEL, colour, "bold", "right")
            draw_text(figure, right + room + 12, row, name, LABEL, INK, BOLD if line.leads else NORMAL)
    draw_text(figure, left - 14, area.foot - 8, format_short_day(days[0], locale), LABEL, QUIET)
    draw_text(figure, right + 14, area.foot - 8, format_short_day(days[-1], locale), LABEL, QUIET, align="right")


def _named_lines(shown: Sequence[RankLine], pitch: float) -> list[RankLine]:
    """The lines that are named at their ends: the model that leads, and of the others those with room beside it."""
    named: list[RankLine] = []
    for line in reversed(shown):
        if all(abs(line.ranks[-1] - other.ranks[-1]) * pitch >= LABEL for other in named):
            named.append(line)
    return named


def _draw_rank_line(figure: Figure, line: RankLine, grid: _Grid, locale: str) -> None:
    """One model: its line and a dot on each day."""
    colour = USED if line.leads else FADED
    for stretch in chart_data.known_runs(line.points):
        x, rows = [grid.x[index] for index, _ in stretch], [grid.row(rank) for _, rank in stretch]
        draw_polyline(figure, x, rows, LINE + 2 if line.leads else LINE - 1, colour)
        draw_dots(figure, x, rows, 24 if line.leads else 16, colour)
    before = line.points[-2][1] or 0
    if line.leads and before >= len(grid.rows) and before != BELOW:
        # Where the line to the last day leaves room.
        align: Align = "right" if line.ranks[-1] < before else "left"
        edge = grid.x[-2] + (-6 if align == "right" else 6)
        draw_text(figure, edge, grid.rows[-1] - 18, format_count(int(before), locale), LABEL, USED, "bold", align)


def _draw_unknown_days(figure: Figure, line: RankLine, grid: _Grid, rows: tuple[float, float], locale: str) -> None:
    """Shade the days whose ranking is unknown, with a word if there is room."""
    step, label = grid.x[1] - grid.x[0], translator_for(locale).translate_text(UNKNOWN)
    for first, last in chart_data.unknown_gaps(line.points):
        left, width = grid.x[first] - step / 2, (last - first + 1) * step
        draw_rectangle(figure, left, rows[0], width, rows[1] - rows[0], SHELF)
        room = text_width(label, LABEL) + 8 < width
        word = label if room else "?"
        start = left + (width - text_width(word, LABEL)) / 2
        draw_text(figure, start, sum(rows) / 2 + 10, word, LABEL, QUIET)
