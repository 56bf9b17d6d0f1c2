"""The pictures of stories: a line by day, a dot for each model, the ladder of use, the ten most used, weeks and months.

Each draws in the area that the words of its figure leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, sqrt
from typing import TYPE_CHECKING

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
    draw_dots,
    draw_gaps,
    draw_key,
    draw_line,
    draw_rectangle,
    label_point,
    set_date_axis,
    set_value_axis,
)
from bot.charts.chart_data import Number, Points
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
    period_label,
    period_points,
)
from bot.i18n import translator_for
from bot.number_format import format_compact, format_count
from bot.records import Document

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST_PERIODS = 4
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
    known = [(index, uses) for index, (_, uses) in enumerate(points) if uses is not None]
    peak, last = _lead_peak(document, points) or max(known, key=lambda point: point[1]), known[-1]
    end = format_compact(last[1], locale)
    # The last value stands to the right of the axes.
    width = WIDTH - 2 * MARGIN - round(text_width(end, LABEL, "bold")) - 20
    axes = add_axes(figure, MARGIN, width, area, voice.capitalize_first(voice.say("{unit} by day", unit=unit)), locale)
    set_date_axis(axes, [day for day, _ in points], locale)
    set_value_axis(axes, *chart_data.axis_range(points), "uses", locale)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.15)  # room for the label of the peak
    draw_gaps(axes, points, locale)
    draw_line(axes, points, USED)
    label_point(axes, last, end, "right")
    if peak != last:
        label_point(axes, peak, format_compact(peak[1], locale), "above", near_end=last[0] - peak[0] < SHORTEST / 2)


def _lead_peak(document: Document, points: Points) -> tuple[int, Number] | None:
    """The peak that the lead is about, which an earlier day may exceed; `None` if it is about none."""
    finding = findings.lead_of(document).finding
    day = finding["values"].get("peak_day") if finding else None
    return next(
        ((index, uses) for index, (when, uses) in enumerate(points) if when.isoformat() == day and uses is not None),
        None,
    )


def draw_model_dots(figure: Figure, document: Document, area: DrawingArea, locale: str) -> None:
    """One dot for each model, the most used first, lit where it was used and brighter with use."""
    voice, counts = translator_for(locale), dot_counts(document)
    unit = voice.translate_word("word", chart_data.leading_catalogue(document)["unit"])
    used, idle = sum(counts.values()) - counts["idle"], counts["idle"]
    message = LIT_BY_STEP if "more" in counts else LIT
    keys = [
        (BRIGHTNESS["lit"], voice.say(message, used=format_count(used, locale), unit=unit)),
        (BRIGHTNESS["idle"], voice.say("{idle} not used", idle=format_count(idle, locale))),
    ]
    area = _draw_keys(figure, keys, area, locale)
    top, foot = area.top + 26, area.foot
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


def _draw_keys(figure: Figure, keys: list[tuple[str, str]], area: DrawingArea, locale: str) -> DrawingArea:
    """The colours and their meanings at the foot, side by side or, where that is too wide, one below the other; the
    area that they leave."""
    row, side_by_side = area.foot - 10, sum(text_width(text, LABEL) + 34 for _, text in keys) + 48 <= WIDTH - 2 * MARGIN
    if side_by_side:
        left: float = MARGIN
        for colour, text in keys:
            left = draw_key(figure, left, row, colour, text, locale) + 48
        return DrawingArea(area.top, row - 46)
    for place, (colour, text) in enumerate(reversed(keys)):
        draw_key(figure, MARGIN, row - 46 * place, colour, text, locale)
    return DrawingArea(area.top, row - 46 * len(keys))


def _dot_grid(dots: int, width: float, height: float) -> tuple[float, int]:
    """The largest pitch in pixels at which dots fit, column by column, and how many fit in a column."""
    pitch = sqrt(width * height / dots)
    while True:
        rows = max(int(height / pitch), 1)
        if ceil(dots / rows) * pitch <= width:
            return pitch, rows
        pitch *= 0.99


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
    points, span = period_points(document), chart_data.period_span(document)
    draw_usage(axes, points, span, locale, period_label(document), FEWEST_PERIODS)
