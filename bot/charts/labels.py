"""Text inside pictures and on pages: headline numbers and tick labels. See `bot.charts.alt_text`."""

from __future__ import annotations

import math

from bot import number_format
from bot.charts.chart_data import Number
from bot.i18n import N_, translator_for

_ALL, _TOP = N_("all {k}"), N_("top {k}")
SHORTEST = 7
"""Fewest days of a time axis, so that a short history is not drawn as a few fat bars."""


def tick_label(number: Number, unit: str, locale: str = "en") -> str:
    """The short label of a value on an axis, without unit."""
    if unit in ("share", "ratio", "points", "index"):
        return number_format.format_figure({"value": number, "unit": unit}, locale)
    return number_format.format_compact(number, locale)


def axis_ticks(low: Number, high: Number) -> list[Number]:
    """Three ticks of an axis; one if nothing is known, so that no scale is invented."""
    if low == high == 0:
        return [0]
    middle = 0 if low < 0 < high else (low + high) / 2
    return [low, round(middle) if abs(middle) >= 10 else middle, high]


def headline_label(number: Number, locale: str = "en") -> str:
    """A headline number: all digits if they are few enough to read at a glance."""
    return number_format.format_compact(number, locale)


def curve_ticks(last: int) -> list[int]:
    """The ticks of a logarithmic axis from 1 to `last`: both ends and a power of ten halfway."""
    middle = 10 ** round(math.log10(last) / 2)
    return sorted({1, middle, last}) if 1 < middle < last else sorted({1, last})


def curve_tick_label(k: int, last: int, locale: str = "en") -> str:
    """The label of the k most used models on an axis that ends with all `last` models that were used."""
    voice = translator_for(locale)
    return voice.say(_ALL if k == last > 1 else _TOP, k=tick_label(k, "models", locale))


def top_share_label(point: tuple[int, float], between: str = " ", locale: str = "en") -> str:
    """A point of the curve in words."""
    voice = translator_for(locale)
    if voice.language != "en":
        share = number_format.format_share(point[1], locale)
        return voice.say("top {k}: {share}", k=number_format.format_count(point[0], locale), share=share)
    return f"top {number_format.format_with_noun(point[0], 'models')}:{between}{number_format.format_share(point[1])}"
