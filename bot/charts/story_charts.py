"""The pictures of stories: a line by day, a dot for each model, the ladder of use, the ten most used, weeks and months.

Each draws in the area that the words of its figure leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, sqrt
from typing import TYPE_CHECKING, Literal

from bot import findings
from bot.charts import chart_data
from bot.charts.bars import Bar, draw_bars
from bot.charts.canvas import (
    FADED,
    LABEL,
    MARGIN,
    RULE,
    USED,
    WIDTH,
    DrawingArea,
    add_axes,
    annotate_point,
    draw_dots,
    draw_gaps,
    draw_line,
    draw_rectangle,
    draw_text,
    set_date_axis,
    set_value_axis,
)
from bot.charts.chart_data import Number
from bot.charts.fonts import text_width
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
)
from bot.i18n import is_rtl, translator_for
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
    axes = add_axes(figure, MARGIN, 940, area, voice.capitalize_first(voice.say("{unit} by day", unit=unit)), locale)
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
    row, key = area.foot - 10, voice.say(message, used=format_count(used, locale), unit=unit)
    end = _draw_key(figure, MARGIN, row, BRIGHTNESS["lit"], key, locale)
    key = voice.say("{idle} not used", idle=format_count(idle, locale))
    _draw_key(figure, end + 48, row, BRIGHTNESS["idle"], key, locale)
    top, foot = area.top + 26, area.foot - 50
    width, height = WIDTH - 2 * MARGIN, foot - top
    draw_rectangle(figure, MARGIN, top, width, height, NIGHT)
    pitch, rows = _dot_grid(sum(counts.values()), width - 24, height - 24)
    first = 0
    for step in ("more", "to_9999", "to_999", "to_10", "lit", "idle"):
        last = first + counts.get(step, 0)
        x = [MARGIN + 12 + (n // rows + 0.5) * pitch for n in range(first, last)]
        y = [top + 12 + (n % rows + 0.5) * pitch for n in range(first, last)]
        draw_dots(figure, x, y, min(pitch * 0.78, 40), BRIGHTNESS[step])
        first = last


def _dot_grid(dots: int, width: float, height: float) -> tuple[float, int]:
    """The largest pitch in pixels at which dots fit, column by column, and how many fit in a column."""
    pitch = sqrt(width * height / dots)
    while True:
        rows = max(int(height / pitch), 1)
        if ceil(dots / rows) * pitch <= width:
            return pitch, rows
        pitch *= 0.99


def _draw_key(figure: Figure, left: float, row: float, colour: str, text: str, locale: str) -> float:
    """A dot and its meaning, begun `left` pixels from the edge where the language begins; where they end."""
    rtl = is_rtl(locale)
    dot, start = left + 12, left + 34
    draw_dots(figure, [WIDTH - dot if rtl else dot], [row - 10], 22, colour)
    draw_text(figure, WIDTH - start if rtl else start, row, text, LABEL, align="right" if rtl else "left")
    return start + text_width(text, LABEL)


def draw_ladder(figure: Figure, document: Document, area: DrawingArea, locale: str) -> None:
    """How many models were used how much, from none to 10,000 or more."""
    voice, counts = translator_for(locale), ladder_counts(document)
    unit = voice.translate_word("word", chart_data.leading_catalogue(document)["unit"])
    bars = [
        Bar(voice.translate_text(LADDER[step]), count, format_count(count, locale), RULE if step == "idle" else USED)
        for step, count in counts.items()
    ]
    draw_bars(figure, area, voice.say("Models by {unit} on this day", unit=unit), bars, locale)


def draw_top_ten(figure: Figure, document: Document, area: DrawingArea, locale: str) -> None:
    """The most used models, the one that leads in full colour."""
    voice, block = translator_for(locale), chart_data.leading_catalogue(document)
    leader = findings.lead_of(document).protagonist
    bars = [
        Bar(
            row["model"],
            row["uses"],
            format_compact(row["uses"], locale),
            USED if row["model"] == leader else FADED,
        )
        for row in block["top"][:MOST_BARS]
    ]
    unit = voice.translate_word("word", block["unit"])
    draw_bars(figure, area, voice.say("The most used models, by {unit}", unit=unit), bars, locale)


def draw_periods(figure: Figure, document: Document, area: DrawingArea, locale: str) -> None:
    """Models used in each of the last weeks or months as bars, against models listed as a line."""
    heading = translator_for(locale).translate_text(BY_PERIOD[document["period"]])
    axes = add_axes(figure, MARGIN, 1110, area, heading, locale)
    draw_usage(axes, period_points(document), chart_data.period_span(document), locale)
