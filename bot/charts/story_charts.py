"""The pictures of stories: a line by day, a dot for each model, the ladder of use, the ten most used, weeks and months.

Each draws in the area that the words of its figure leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, sqrt
from typing import TYPE_CHECKING, Literal

from bot import findings
from bot.charts import chart_data
from bot.charts.canvas import (
    FADED,
    HEIGHT,
    INK,
    LABEL,
    MARGIN,
    QUIET,
    RULE,
    USED,
    WIDTH,
    DrawingArea,
    add_axes,
    annotate_point,
    draw_gaps,
    draw_line,
    draw_text,
    drawable_text,
    set_date_axis,
    set_value_axis,
    to_points,
)
from bot.charts.chart_data import Number
from bot.charts.labels import SHORTEST
from bot.charts.overview_chart import draw_usage
from bot.charts.picture_kind import (
    BY_PERIOD,
    LADDER,
    LIT,
    LIT_BY_STEP,
    MOST_BARS,
    dot_counts,
    ladder_counts,
    line_points,
    period_points,
    short_name,
)
from bot.i18n import translator_for
from bot.number_format import format_compact, format_count
from bot.records import Document

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NIGHT = "#14202a"
BRIGHTNESS: Mapping[str, str] = {
    "idle": "#3a4a57",
    "to_10": "#8f7430",
    "to_999": "#c99a2e",
    "to_9999": "#f2c84b",
    "more": "#fff6d5",
    "lit": "#f2c84b",
}
"""Colours of dots on `NIGHT`, by the step of the ladder; `lit`: used, without the step."""


def draw_daily_line(figure: Figure, document: Document, area: DrawingArea, locale: str) -> None:
    """Uses by day, of one model or the network, with its peak and its last day labelled."""
    voice, points = translator_for(locale), line_points(document)
    unit = voice.translate_word("word", chart_data.leading_catalogue(document)["unit"])
    axes = add_axes(figure, MARGIN, 940, area, voice.capitalize_first(voice.say("{unit} by day", unit=unit)))
    set_date_axis(axes, [day for day, _ in points], locale)
    set_value_axis(axes, *chart_data.axis_range(points), "uses", locale)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.15)  # room for the label of the peak
    draw_gaps(axes, points, locale)
    draw_line(axes, points, USED)
    known = [(index, uses) for index, (_, uses) in enumerate(points) if uses is not None]
    peak, last = max(known, key=lambda point: point[1]), known[-1]
    _label_point(axes, last, locale, "right")
    if peak != last:
        _label_point(axes, peak, locale, "above", near_end=last[0] - peak[0] < SHORTEST / 2)


def _label_point(
    axes: Axes, point: tuple[int, Number], locale: str, where: Literal["right", "above"], *, near_end: bool = False
) -> None:
    """A dot with its value, right of it or above it; near an end of the line, away from what stands there."""
    axes.plot(*point, "o", color=USED, markersize=11, zorder=4, clip_on=False)
    text, above = format_compact(point[1], locale), where == "above"
    across: Literal["left", "center", "right"] = "left" if not above else "right" if near_end else "center"
    if above and not near_end and point[0] < SHORTEST / 2:
        across = "left"
    # Off the axis where the point lies on it.
    up: Literal["bottom", "center"] = "bottom" if above or point[1] < axes.get_ylim()[1] / 10 else "center"
    annotate_point(axes, text, point, (0, 14) if above else (18, 0), USED, across, up, bold=True)


def draw_model_dots(figure: Figure, document: Document, area: DrawingArea, locale: str) -> None:
    """One dot for each model, the most used first, lit where it was used and brighter with use."""
    voice, counts = translator_for(locale), dot_counts(document)
    unit = voice.translate_word("word", chart_data.leading_catalogue(document)["unit"])
    used, idle = sum(counts.values()) - counts["idle"], counts["idle"]
    message = LIT_BY_STEP if "more" in counts else LIT
    row = area.foot - 10
    at = _draw_key(
        figure, MARGIN, row, BRIGHTNESS["lit"], voice.say(message, used=format_count(used, locale), unit=unit)
    )
    _draw_key(figure, at + 48, row, BRIGHTNESS["idle"], voice.say("{idle} not used", idle=format_count(idle, locale)))
    top, foot = area.top + 26, area.foot - 50
    width, height = WIDTH - 2 * MARGIN, foot - top
    axes = figure.add_axes((MARGIN / WIDTH, 1 - foot / HEIGHT, width / WIDTH, height / HEIGHT), facecolor=NIGHT)
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set_visible(False)
    pitch, rows = _dot_grid(sum(counts.values()), width - 24, height - 24)
    first = 0
    for step in ("more", "to_9999", "to_999", "to_10", "lit", "idle"):
        last = first + counts.get(step, 0)
        x = [12 + (n // rows + 0.5) * pitch for n in range(first, last)]
        y = [12 + (n % rows + 0.5) * pitch for n in range(first, last)]
        # One marker drawn many times costs a fraction of as many circles.
        axes.plot(x, y, "o", color=BRIGHTNESS[step], markersize=to_points(min(pitch * 0.78, 40)), markeredgewidth=0)
        first = last


def _dot_grid(dots: int, width: float, height: float) -> tuple[float, int]:
    """The largest pitch in pixels at which dots fit, column by column, and how many fit in a column."""
    pitch = sqrt(width * height / dots)
    while True:
        rows = max(int(height / pitch), 1)
        if ceil(dots / rows) * pitch <= width:
            return pitch, rows
        pitch *= 0.99


def _draw_key(figure: Figure, left: float, row: float, colour: str, text: str) -> float:
    """A dot and its meaning; where they end, in pixels."""
    from matplotlib.lines import Line2D

    dot = Line2D([(left + 12) / WIDTH], [1 - (row - 10) / HEIGHT], marker="o", color=colour, markersize=to_points(22))
    dot.set(markeredgecolor=NIGHT, transform=figure.transFigure)
    figure.add_artist(dot)
    drawn = draw_text(figure, left + 34, row, text, LABEL, INK)
    return left + 34 + drawn.get_window_extent().width


def draw_ladder(figure: Figure, document: Document, area: DrawingArea, locale: str) -> None:
    """How many models were used how much, from none to 10,000 or more."""
    voice, counts = translator_for(locale), ladder_counts(document)
    unit = voice.translate_word("word", chart_data.leading_catalogue(document)["unit"])
    rows = [(voice.translate_text(LADDER[step]), count, format_count(count, locale)) for step, count in counts.items()]
    colours = [RULE, *[USED] * (len(rows) - 1)]
    heading = voice.say("Models by {unit} on this day", unit=unit)
    _draw_bars(add_axes(figure, MARGIN, 1110, area, heading, dates=False), rows, colours)


def draw_top_ten(figure: Figure, document: Document, area: DrawingArea, locale: str) -> None:
    """The most used models, the one that leads in full colour."""
    voice, block = translator_for(locale), chart_data.leading_catalogue(document)
    leader = findings.lead_of(document).protagonist
    table = block["top"][:MOST_BARS]
    rows = [
        (f"{row['rank']}  {short_name(row['model'])}", row["uses"], format_compact(row["uses"], locale))
        for row in table
    ]
    colours = [USED if row["model"] == leader else FADED for row in table]
    unit = voice.translate_word("word", block["unit"])
    heading = voice.say("The most used models, by {unit}", unit=unit)
    _draw_bars(add_axes(figure, MARGIN, 1110, area, heading, dates=False), rows, colours)


def _draw_bars(axes: Axes, rows: list[tuple[str, int, str]], colours: list[str]) -> None:
    """Bars from left to right, the first on top, each between its name and its number."""
    values = [value for _, value, _ in rows]
    axes.barh(range(len(rows)), values, height=0.72, color=colours)
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, max(*values, 1)), xticks=[])
    axes.spines["bottom"].set_visible(False)
    axes.set_yticks([])
    names = [
        axes.annotate(drawable_text(name), (0, place), (0, 0), textcoords="offset pixels", va="center",
                      fontsize=to_points(LABEL), color=INK, parse_math=False)
        for place, (name, _, _) in enumerate(rows)
    ]  # fmt: skip
    # To measure a text costs as much as to draw it: only those that can be the widest or reach the edge.
    longest = sorted(names, key=lambda name: -len(name.get_text()))[:3]
    left = max(name.get_window_extent().width for name in longest) + 18
    for name in names:
        name.set_position((-left, 0))
    numbers = [
        axes.annotate(text, (value, place), (12, 0), textcoords="offset pixels", va="center",
                      fontsize=to_points(LABEL), color=QUIET, weight="bold", parse_math=False)
        for place, (_, value, text) in enumerate(rows)
    ]  # fmt: skip
    reaching = [number for number, value in zip(numbers, values, strict=True) if value >= 0.8 * max(values)]
    right = max(number.get_window_extent().width for number in reaching) + 16
    box = axes.get_position()
    axes.set_position((box.x0 + left / WIDTH, box.y0, box.width - (left + right) / WIDTH, box.height))


def draw_periods(figure: Figure, document: Document, area: DrawingArea, locale: str) -> None:
    """Models used in each of the last weeks or months as bars, against models listed as a line."""
    heading = translator_for(locale).translate_text(BY_PERIOD[document["period"]])
    axes = add_axes(figure, MARGIN, 1110, area, heading)
    draw_usage(axes, period_points(document), chart_data.period_span(document), locale)
