"""Text inside pictures: headline numbers and tick labels, in English for everyone. See `bot.charts.alt_text`."""

from __future__ import annotations

from bot import number_format
from bot.charts.chart_data import Number

SHORTEST = 7
"""Fewest days of a time axis, so that a short history is not drawn as a few fat bars."""


def tick_label(number: Number, unit: str) -> str:
    """The short label of a value on an axis, without unit."""
    if unit in ("share", "ratio", "points", "index"):
        return number_format.format_figure({"value": number, "unit": unit})
    return number_format.format_compact(number)


def axis_ticks(low: Number, high: Number) -> list[Number]:
    """Three ticks of an axis; one if nothing is known, so that no scale is invented."""
    if low == high == 0:
        return [0]
    middle = 0 if low < 0 < high else (low + high) / 2
    return [low, round(middle) if abs(middle) >= 10 else middle, high]


def headline_label(number: Number) -> str:
    """A headline number: all digits if they are few enough to read at a glance."""
    return number_format.format_compact(number)


def powers_of_ten(last: int) -> list[int]:
    """Up to three powers of ten from 1 to `last`, evenly spread."""
    highest = len(str(last)) - 1
    # "top 1 million" is too wide for a third label beside it.
    return sorted({1, 10**highest} if highest > 5 else {1, 10 ** (highest // 2), 10**highest})


def top_share_label(point: tuple[int, float], between: str = " ") -> str:
    """A point of the curve in words."""
    return f"top {number_format.format_with_noun(point[0], 'models')}:{between}{number_format.format_share(point[1])}"
