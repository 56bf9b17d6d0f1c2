"""The data of a chart: the days, the curve and the title of one digest document.

A day that is absent or null is unknown: it becomes a gap in a line or a missing bar, never a zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from bot import number_format
from bot.records import Document, each_day

Json = Mapping[str, Any]
Number = int | float
Points = Sequence[tuple[date, Number | None]]


@dataclass(frozen=True, slots=True)
class DailyPoint:
    """One day of a catalogue: models used and models listed, each `None` where unknown."""

    day: date
    used: int | None
    listed: int | None


def leading_catalogue(document: Document) -> Json:
    """The headline's catalogue, which is the first in a document."""
    return cast("list[Json]", document["catalogues"])[0]


def history_days(catalogue: Json) -> tuple[DailyPoint, ...]:
    """Every day from the first to the last of the history, oldest first; empty if there is no history."""
    history = {date.fromisoformat(point["day"]): point for point in catalogue.get("history", ())}
    if not history:
        return ()
    first, last = min(history), max(history)
    return tuple(
        DailyPoint(day, _exact_count(history.get(day, {}), "models_used"), history.get(day, {}).get("models_listed"))
        for day in each_day(first, last)
    )


def uses_points(catalogue: Json) -> Points:
    """All use of each day of the history, oldest first."""
    return [(date.fromisoformat(point["day"]), _exact_count(point, "uses")) for point in catalogue.get("history", ())]


def _exact_count(point: Json, key: str) -> int | None:
    """A count of a day; a lower bound is not drawn, because a bar or line would show it as exact."""
    return None if point.get("at_least") else cast("int | None", point.get(key))


def drawable_value(figure: Json) -> Number | None:
    """A figure's value, if it is an exact number."""
    number = figure.get("value")
    return number if isinstance(number, int | float) and not figure.get("at_least") else None


def usage_curve(catalogue: Json) -> tuple[tuple[int, float], ...]:
    """The k most used models and the share of all use that they carry, k ascending."""
    return tuple((int(k), float(share)) for k, share in catalogue.get("curve", ()))


def figure_value(catalogue: Json, key: str) -> Number | None:
    """A figure's value; `None` if it is unknown or not in the document."""
    return cast("Number | None", catalogue["figures"].get(key, {}).get("value"))


def period_span(document: Document) -> tuple[date, date]:
    """The first and last day of the document's period."""
    first = str(document["day"])
    return date.fromisoformat(first), date.fromisoformat(str(document.get("last_day") or first))


def period_text(document: Document, locale: str = "en") -> str:
    """The document's period in words: 12 January 2025, 6 to 12 January 2025, January 2025."""
    first, last = period_span(document)
    return (
        number_format.format_month(first, locale)
        if document.get("period") == "month"
        else number_format.format_day_range(first, last, locale)
    )


def known_runs(points: Points) -> list[list[tuple[int, Number]]]:
    """Runs of consecutive known points as (index, value), one line each."""
    stretches: list[list[tuple[int, Number]]] = [[]]
    for index, (_, known) in enumerate(points):
        if known is None:
            stretches.append([])
        else:
            stretches[-1].append((index, known))
    return [stretch for stretch in stretches if stretch]


def unknown_gaps(points: Points) -> list[tuple[int, int]]:
    """Runs of unknown points as (first index, last index)."""
    gaps: list[tuple[int, int]] = []
    for index, (_, known) in enumerate(points):
        if known is not None:
            continue
        if gaps and gaps[-1][1] == index - 1:
            gaps[-1] = (gaps[-1][0], index)
        else:
            gaps.append((index, index))
    return gaps


def fill_missing_days(points: Points) -> Points:
    """The points with every missing day added as unknown, oldest first."""
    known = dict(points)
    if not known:
        return ()
    first, last = min(known), max(known)
    return [(day, known.get(day)) for day in each_day(first, last)]


def axis_range(points: Points) -> tuple[Number, Number]:
    """Bottom and top of an axis that includes all known points and zero, as round numbers."""
    known = [number for _, number in points if number is not None]
    return -axis_ceiling(-min(known, default=0)), axis_ceiling(max(known, default=0))


def axis_ceiling(highest: Number) -> Number:
    """The smallest of 1, 1.2, 1.5, 2, 3, 4, 5, 6, 8 and their tenfolds at or above `highest`; 0 for nothing above 0."""
    if highest <= 0:
        return 0
    # Below any share that a picture could show; powers of ten run out of digits far under it.
    highest = max(highest, 1e-9)
    power = 10.0 ** math.floor(math.log10(highest))
    top = next(power * step for step in (1, 1.2, 1.5, 2, 3, 4, 5, 6, 8, 10, 12) if power * step >= highest)
    return round(top) if top >= 10 else top


@dataclass(frozen=True, slots=True)
class LabelPlacement:
    """Positions of the labels of the line and the bars, as (index of the day, height); `None` without a label."""

    listed: tuple[int, Number] | None
    used: tuple[int, Number] | None
    inside: bool
    """True if the bars reach up to the line's label, so that their own label goes inside them."""


def name_places(days: Sequence[DailyPoint], high: Number) -> LabelPlacement:
    """Place the labels at the left, over the first day with known use."""
    used = [(index, day.used) for index, day in enumerate(days) if day.used is not None]
    left = used[0][0] if used else 0
    listed = [(index, day.listed) for index, day in enumerate(days) if index >= left and day.listed is not None]
    tall = max((known for _, known in used[:6]), default=0)
    return LabelPlacement(listed[0] if listed else None, (left, tall) if used else None, tall > 0.55 * high)


def at_ten(curve: Sequence[tuple[int, float]]) -> tuple[int, float]:
    """The labelled point of the curve: ten models or, if fewer were used, one."""
    return next((point for point in curve if point[0] == 10), curve[0])
