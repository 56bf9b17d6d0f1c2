"""Pictures of answers: one or more lines by day, for one metric, one model or several that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.charts import alt_text, canvas, chart_data, labels
from bot.charts.canvas import MARGIN, DrawingArea, PictureWords
from bot.charts.chart_data import Number, Points
from bot.charts.fonts import text_width
from bot.charts.png import png_bytes
from bot.i18n import translator_for
from bot.number_format import format_month, format_short_day
from bot.records import PeriodName, Picture

COLOURS = (canvas.USED, canvas.LISTED, canvas.INK)
KEY_HEIGHT = 48
LEAST_POINTS = 3
"""Fewer known days make no line."""


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A line of a chart; a day without a value is unknown."""

    name: str
    points: Points


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines of one unit by day, week or month, with their words in the language of `locale`."""

    file_name: str
    title: str
    heading: str
    """What is counted, and where."""
    foot: str
    """The source and the day of the reading, as the picture shows them."""
    source: str
    """The source as the alt text names it."""
    unit: str
    lines: tuple[NamedLine, ...]
    locale: str = "en"
    period: PeriodName = "day"
    """What each point stands for; a week or month by its first day."""


def is_drawable(points: Points) -> bool:
    """Whether enough days are known for a line."""
    return sum(value is not None for _, value in points) >= LEAST_POINTS


def draw_lines(chart: LineChart) -> Picture:
    """The lines, each with its last value; two or more are named above them. A day unknown for all is shaded."""
    locale, lines = chart.locale, _with_every_point(chart)
    figure, points = canvas.new_figure(), [line.points for line in lines]
    comma = translator_for(locale).translate_text(", ")
    when = comma.join(filter(None, (chart.heading, alt_text.describe_day_range(points[0], locale, chart.period))))
    foot = " · ".join(filter(None, ("Footfall", chart.foot)))
    area = canvas.draw_words(figure, PictureWords(chart.title, when, foot, locale))
    if len(lines) > 1:
        for line, colour in zip(lines, COLOURS, strict=False):
            area = DrawingArea(area.top + KEY_HEIGHT, area.foot)
            canvas.draw_key(figure, MARGIN, area.top + 6, colour, line.name, locale)
    last_values = [next(value for _, value in reversed(series) if value is not None) for series in points]
    ends = [labels.tick_label(value, chart.unit, locale) for value in last_values]
    # The last values stand to the right of the axes.
    room = round(max(text_width(end, canvas.LABEL, "bold") for end in ends)) + 20
    axes = canvas.add_axes(figure, MARGIN, canvas.WIDTH - 2 * MARGIN - room, area, "", locale)
    label = format_month if chart.period == "month" else format_short_day
    canvas.set_date_axis(axes, [day for day, _ in points[0]], locale, label)
    ranges = [chart_data.axis_range(series) for series in points]
    canvas.set_value_axis(axes, min(low for low, _ in ranges), max(high for _, high in ranges), chart.unit, locale)
    canvas.draw_gaps(axes, _known_for_any(points), locale)
    nearest = (axes.get_ylim()[1] - axes.get_ylim()[0]) * canvas.LABEL * 1.3 / axes.bbox.height
    for series, colour, value, end in zip(points, COLOURS, last_values, ends, strict=False):
        canvas.draw_line(axes, series, colour)
        place = max(place for place, (_, known) in enumerate(series) if known is not None)
        # Of two that end side by side the higher one is labelled; the other is in the alt text.
        if all(value >= other or abs(value - other) > nearest for other in last_values):
            canvas.label_point(axes, (place, value), end, "right", colour)
    return Picture(chart.file_name, png_bytes(figure), describe_lines(chart))


def describe_lines(chart: LineChart) -> str:
    """The alt text of a chart of lines."""
    lines = _with_every_point(chart)
    if len(lines) == 1:
        title = chart.title if chart.heading in ("", chart.title) else f"{chart.title}. {chart.heading}"
        return alt_text.describe_trend(lines[0].points, title, chart.unit, chart.source, chart.locale, chart.period)
    named = [(line.name, line.points) for line in lines]
    return alt_text.describe_compared(named, chart.title, chart.unit, chart.source, chart.locale)


def _with_every_point(chart: LineChart) -> list[NamedLine]:
    """The lines over the same days; a day that one lacks is unknown. Weeks and months come without holes."""
    if chart.period != "day":
        return list(chart.lines)
    days = [(day, None) for line in chart.lines for day, _ in line.points]
    return [NamedLine(line.name, chart_data.fill_missing_days([*days, *line.points])) for line in chart.lines]


def _known_for_any(points: Sequence[Points]) -> Points:
    """For each day a value that is known for any line."""
    values: list[Number | None] = [
        next((value for _, value in day if value is not None), None) for day in zip(*points, strict=True)
    ]
    return [(day, value) for (day, _), value in zip(points[0], values, strict=True)]
