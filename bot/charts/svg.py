"""Charts for pages: SVG inside HTML, written by hand, because a site has hundreds and matplotlib takes 0.1 s each.

Text stays text, in the page's own font. Colours are `currentColor` and classes that the page's style sheet fills
(`listed`, `used`, `now`, `gap`, `rule`, `shelf`), so that one chart works on light and dark pages. Nothing
external is referenced.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from bot.charts import chart_data
from bot.charts.alt_text import describe_compared, describe_concentration, describe_trend, describe_usage
from bot.charts.chart_data import DailyPoint, Json, Number, Points
from bot.charts.labels import SHORTEST, axis_ticks, curve_tick_label, curve_ticks, tick_label, top_share_label
from bot.number_format import format_short_day

WIDTH, HEIGHT = 440, 250
TEXT = 14
_TOP, _FOOT, _RIGHT = 14, HEIGHT - 30, WIDTH - 8
_CHARACTER = 8.2
"""Most width of one character of a tick label, in user units."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """The positions of values and days in the drawing."""

    left: float
    low: Number
    high: Number
    days: int

    def y(self, number: Number) -> float:
        return _FOOT - (number - self.low) / ((self.high - self.low) or 1) * (_FOOT - _TOP)

    def x(self, index: float) -> float:
        """The middle of a day's column."""
        return self.left + (index + 0.5) * self.column_width

    @property
    def column_width(self) -> float:
        return (_RIGHT - self.left) / max(self.days, SHORTEST)


def usage_svg(catalogue: Json, span: tuple[date, date] | None = None) -> str:
    """Models listed as a line over models used as bars, by day, in one unit; the days of `span` stand out."""
    days = chart_data.history_days(catalogue)
    used: Points = [(day.day, day.used) for day in days]
    listed: Points = [(day.day, day.listed) for day in days]
    high = max(chart_data.axis_range(used)[1], chart_data.axis_range(listed)[1])
    frame, drawn = _draw_axes(0, high, "models", [day.day for day in days])
    for stretch in chart_data.known_runs(listed):
        drawn.append(_listed_area(frame, stretch))
    drawn += _gap_elements(frame, used)
    for index, (day, known) in enumerate(used):
        if known is not None:
            now = "used now" if span and span[0] <= day <= span[1] else "used"
            x, y = frame.x(index) - frame.column_width * 0.4, frame.y(known)
            drawn.append(_rect_element(now, x, y, frame.column_width * 0.8, _FOOT - y))
    drawn += _line_elements(frame, listed, "listed")
    drawn += _usage_names(frame, days)
    return _svg(f"usage-{catalogue['catalogue']}", "Models listed and used, by day", describe_usage(days), drawn)


def concentration_svg(catalogue: Json) -> str:
    """The share of all use that the k most used models carry, k on a scale of tenfolds."""
    curve = chart_data.usage_curve(catalogue)
    title = f"Share of {catalogue['unit']} carried by the most used models"
    frame, drawn = _draw_axes(0, 1, "share", [])
    if not curve:
        drawn.append(_text_element("unknown", (frame.left + _RIGHT) / 2, (_TOP + _FOOT) / 2, "middle"))
        return _svg(f"concentration-{catalogue['catalogue']}", title, describe_concentration(catalogue), drawn)
    last = curve[-1][0]

    def x(k: int) -> float:
        return frame.left + 16 + math.log10(k) / math.log10(max(last, 10)) * (_RIGHT - frame.left - 16)

    for k in curve_ticks(last):
        end = x(k) + 60 > WIDTH
        drawn.append(_text_element(curve_tick_label(k, last), x(k), HEIGHT - 10, "end" if end else "middle"))
    drawn.append(_text_element("log scale", _RIGHT, _FOOT - 8, "end"))
    drawn.append(_path_element("used", [(x(k), frame.y(share)) for k, share in curve]))
    k, share = at = chart_data.at_ten(curve)
    drawn.append(_dot_element("used", x(k), frame.y(share), 4))
    drawn.append(
        _text_element(top_share_label(at), x(k) + 8, frame.y(share) + (20 if share > 0.4 else -8), "start", "name used")
    )
    return _svg(f"concentration-{catalogue['catalogue']}", title, describe_concentration(catalogue), drawn)


def trend_svg(points: Points, title: str, unit: str, key: str = "trend") -> str:
    """One metric over time as a line, broken where a day is unknown. `key` makes ids unique on a page."""
    points = chart_data.fill_missing_days(points)
    frame, drawn = _draw_axes(*chart_data.axis_range(points), unit, [day for day, _ in points])
    drawn += _gap_elements(frame, points)
    drawn += _line_elements(frame, points, "used")
    return _svg(key, title, describe_trend(points, title, unit, ""), drawn)


def uses_svg(catalogue: Json) -> str:
    """All use by day, for a network whose use names no models."""
    points = chart_data.uses_points(catalogue)
    return trend_svg(points, f"{catalogue['unit'].capitalize()}, by day", "uses", f"uses-{catalogue['catalogue']}")


def compared_svg(lines: Sequence[tuple[str, Points]], title: str, unit: str, key: str = "compared") -> str:
    """Named lines on one axis, each with its letter at its end. A day unknown for all of them is shaded."""
    days = [(day, None) for _, points in lines for day, _ in points]
    lines = [(name, chart_data.fill_missing_days([*days, *points])) for name, points in lines]
    high = max(chart_data.axis_range(points)[1] for _, points in lines)
    frame, drawn = _draw_axes(0, high, unit, [day for day, _ in lines[0][1]], _LETTER_DAYS)
    drawn += _gap_elements(frame, _known_for_any([points for _, points in lines]))
    ends: list[tuple[float, float, int]] = []
    for number, (_, points) in enumerate(lines, 1):
        drawn += _line_elements(frame, points, f"series-{number}")
        known = [(index, value) for index, (_, value) in enumerate(points) if value is not None]
        ends += [(frame.y(value), frame.x(index), number) for index, value in known[-1:]]
    lowest = -math.inf
    for y, x, number in sorted(ends):
        lowest = max(y + 5, lowest + TEXT)
        letter = series_letter(number)
        drawn.append(_text_element(letter, x + 6, lowest, "start", f"name series-{number}"))
    return _svg(key, title, describe_compared(lines, title, unit, ""), drawn)


_LETTER_DAYS = 0.06
"""The room for the letters at the ends of lines, as a share of the days."""


def series_letter(number: int) -> str:
    """The letter of a compared line."""
    return "ABCDEFGH"[number - 1]


def _known_for_any(lines: Sequence[Points]) -> Points:
    """For each day a value that is known for any line."""
    values = [next((value for _, value in day if value is not None), None) for day in zip(*lines, strict=True)]
    return [(day, value) for (day, _), value in zip(lines[0], values, strict=True)]


def _svg(key: str, title: str, about: str, drawn: Sequence[str]) -> str:
    key = "".join(c if c.isascii() and c.isalnum() else "-" for c in key)
    return (
        f'<svg class="chart" role="img" aria-labelledby="{key}-title {key}-about" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-size="{TEXT}" direction="ltr"><title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-about">{escape(about)}</desc>{"".join(drawn)}</svg>'
    )


def _draw_axes(low: Number, high: Number, unit: str, days: Sequence[date], room: float = 0) -> tuple[_Frame, list[str]]:
    """Three rules across at most with their values, and the first and last day along the foot. `room` is left free
    after the last day, as a share of the days."""
    labels = [(tick, tick_label(tick, unit)) for tick in axis_ticks(low, high)]
    frame = _Frame(
        max(len(label) for _, label in labels) * _CHARACTER + 6, low, high, len(days) + math.ceil(len(days) * room)
    )
    drawn = []
    for tick, label in labels:
        y = frame.y(tick)
        drawn.append(f'<path class="rule" d="M{frame.left:.1f} {y:.1f}H{_RIGHT}" stroke="currentColor" opacity=".25"/>')
        drawn.append(_text_element(label, frame.left - 6, y + 5, "end"))
    if days:
        drawn.append(_text_element(format_short_day(days[0]), frame.left, HEIGHT - 10, "start"))
    if len(days) >= SHORTEST - 1:
        drawn.append(_text_element(format_short_day(days[-1]), frame.x(len(days) - 0.5), HEIGHT - 10, "end"))
    return frame, drawn


def _gap_elements(frame: _Frame, points: Points) -> list[str]:
    """Shaded unknown days, with a word if there is room."""
    drawn = []
    for first, last in chart_data.unknown_gaps(points):
        left, wide = frame.x(first - 0.5), (last - first + 1) * frame.column_width
        drawn.append(_rect_element("gap", left, _TOP, wide, _FOOT - _TOP, ' opacity=".12"'))
        x, y = left + wide / 2, (_TOP + _FOOT) / 2
        if wide > 70:
            drawn.append(_text_element("unknown", x, y, "middle"))
        elif wide > 18:
            turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"'
            drawn.append(_text_element("unknown", x, y + 5, "middle", more=turned))
        elif wide > 9:
            drawn.append(_text_element("?", x, y, "middle"))
    return drawn


def _line_elements(frame: _Frame, points: Points, name: str) -> list[str]:
    """A line broken where a day is unknown; a day between two unknown ones is a dot."""
    drawn = []
    for stretch in chart_data.known_runs(points):
        places = [(frame.x(index), frame.y(known)) for index, known in stretch]
        if len(places) == 1:
            drawn.append(_dot_element(name, *places[0], 3.5))
        else:
            drawn.append(_path_element(name, places))
    return drawn


def _listed_area(frame: _Frame, stretch: Sequence[tuple[int, Number]]) -> str:
    left, right = frame.x(stretch[0][0] - 0.5), frame.x(stretch[-1][0] + 0.5)
    tops = " ".join(f"L{frame.x(index):.1f} {frame.y(known):.1f}" for index, known in stretch)
    ends = f"M{left:.1f} {_FOOT}L{left:.1f} {frame.y(stretch[0][1]):.1f}", f"L{right:.1f} {frame.y(stretch[-1][1]):.1f}"
    shape = f"{ends[0]}{tops}{ends[1]}L{right:.1f} {_FOOT}Z"
    return f'<path class="shelf" d="{shape}" fill="currentColor" opacity=".1"/>'


def _usage_names(frame: _Frame, days: Sequence[DailyPoint]) -> list[str]:
    """Names of the line, under its left end, and of the bars, over theirs or at the foot where they reach the line."""
    place = chart_data.name_places(days, frame.high)
    drawn = []
    if place.listed:
        index, tall = place.listed
        drawn.append(_text_element("listed", frame.x(index - 0.4), frame.y(tall) + 20, "start", "name listed"))
    if place.used:
        index, tall = place.used
        y = _FOOT - 8 if place.inside else frame.y(tall) - 6
        drawn.append(
            _text_element("used", frame.x(index - 0.3), y, "start", "name inside" if place.inside else "name used")
        )
    return drawn


def _dot_element(name: str, x: float, y: float, radius: float) -> str:
    return f'<circle class="{name} dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="currentColor"/>'


def _rect_element(name: str, x: float, y: float, wide: float, tall: float, more: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{max(tall, 0):.1f}"'
    return f'<rect class="{name}" {place} fill="currentColor"{more}/>'


def _path_element(name: str, places: Sequence[tuple[float, float]]) -> str:
    shape = " ".join(f"{'M' if n == 0 else 'L'}{x:.1f} {y:.1f}" for n, (x, y) in enumerate(places))
    line = 'fill="none" stroke="currentColor" stroke-width="2.5" stroke-linejoin="round" stroke-linecap="round"'
    return f'<path class="{name} line" d="{shape}" {line}/>'


def _text_element(text: str, x: float, y: float, anchor: str, name: str = "", more: str = "") -> str:
    named = f' class="{name}"' if name else ""
    return (
        f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor"{more}>{escape(text)}</text>'
    )
