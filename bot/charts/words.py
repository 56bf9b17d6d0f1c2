"""What a picture says in words: tick labels and alt text, from the same figures that are drawn.

Alt text holds at most 1,000 characters, says unknown as unknown, and names the source; every number in it stands in
the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from bot import numbers
from bot.charts import series
from bot.charts.series import Day, Json, Number, Points
from bot.records import Document

LIMIT = 1000
"""Characters an alt text may hold: X and Discord take that many."""

SHORTEST = 7
"""Days a time axis spans at least, so that a young history is not drawn as a few fat bars."""

_SAID = ("models_listed", "models_used", "models_for_half", "uses", "top_1_share", "top_10_share")


def tick(number: Number, unit: str) -> str:
    """A value as an axis names it: short, without its noun."""
    if unit in ("share", "ratio", "points", "index"):
        return numbers.value({"value": number, "unit": unit})
    return numbers.compact(number)


def ticks(low: Number, high: Number) -> list[Number]:
    """Three values up an axis; one where nothing is known, so that no scale is made up."""
    if low == high == 0:
        return [0]
    middle = 0 if low < 0 < high else (low + high) / 2
    return [low, round(middle) if abs(middle) >= 10 else middle, high]


def large(number: Number) -> str:
    """A headline number: every digit as long as they can be taken in at a glance."""
    return numbers.compact(number)


def tenfolds(last: int) -> list[int]:
    """Up to three powers of ten from 1 to `last`, evenly spread."""
    highest = len(str(last)) - 1
    # "top 1 million" is too wide for a third label beside it.
    return sorted({1, 10**highest} if highest > 5 else {1, 10 ** (highest // 2), 10**highest})


def top_said(point: tuple[int, float], between: str = " ") -> str:
    """A point of the curve in words."""
    return f"top {numbers.counted(point[0], 'models')}:{between}{numbers.share(point[1])}"


def stretch(points: Points) -> str:
    """The days that points cover."""
    return numbers.days(points[0][0], points[-1][0]) if points else "no day watched"


def alt(document: Document) -> str:
    """The card in words."""
    catalogue = series.catalogue(document)
    figures = catalogue["figures"]
    parts = [f"{document['title']} {catalogue['title']}, {series.dated(document)}."]
    parts += [
        f"{_sentence(figures[key]['label'])}: {numbers.measured(figures[key])}." for key in _SAID if key in figures
    ]
    days = series.days(catalogue)
    parts.append(f"Left: models used each day as bars against models listed as a line. {range_said(days)}")
    parts.append(f"Right: share of {catalogue['unit']} by the most used models. {carried(catalogue)}")
    return clipped(parts, _source(document, catalogue))


def trend_alt(points: Points, title: str, unit: str, source: str) -> str:
    """A line over time in words."""
    known = [(day, number) for day, number in points if number is not None]
    parts = [f"{title}, {stretch(points)}, one line."]
    if known:
        said = [f"{_measured(number, unit)} on {numbers.day(day)}" for day, number in _turning(known)]
        parts.append(f"{_sentence(', '.join(said))}.")
    parts.append(_unknown([day for day, number in points if number is None], len(points)))
    return clipped(parts, f"Source: {source}." if source else "")


def clipped(parts: Sequence[str], source: str) -> str:
    """Sentences up to the limit; the source always fits, whole sentences fall away before it."""
    source = source if len(source) <= LIMIT // 2 else f"{source[: LIMIT // 2 - 1]}…"
    kept: list[str] = []
    for part in filter(None, parts):
        if len(" ".join([*kept, part, source])) > LIMIT:
            break
        kept.append(part)
    return " ".join(filter(None, [*kept, source]))


def _turning(known: Sequence[tuple[date, Number]]) -> list[tuple[date, Number]]:
    """The first, lowest, highest and last point, each once, in order of time."""
    chosen = {known[0], min(known, key=lambda p: p[1]), max(known, key=lambda p: p[1]), known[-1]}
    return sorted(chosen)


def range_said(days: Sequence[Day]) -> str:
    """What the bars and the line say: first and last known day of each, and the unknown days."""
    said = []
    for word, points in (("Used", [(d.day, d.used) for d in days]), ("Listed", [(d.day, d.listed) for d in days])):
        known = [(day, number) for day, number in points if number is not None]
        if known:
            ends = ", ".join(f"{numbers.count(n)} on {series.short(day)}" for day, n in _turning(known))
            said.append(f"{word}: {ends}.")
        missing = _unknown([day for day, number in points if number is None], len(points))
        said.append(missing and f"{word} {missing[0].lower()}{missing[1:]}")
    return " ".join(filter(None, said))


def _unknown(missing: Sequence[date], total: int) -> str:
    if not missing:
        return "" if total else "Unknown: no day watched."
    if len(missing) == total:
        return "Unknown on every day shown."
    named = ", ".join(series.short(day) for day in missing[:5])
    return f"Unknown on {named}{' and other days' if len(missing) > 5 else ''}."


def carried(catalogue: Json) -> str:
    """What the curve says."""
    curve = dict(series.curve(catalogue))
    if not curve:
        return "Unknown."
    said = [f"top {k}: {numbers.share(curve[k])}" for k in (1, 2, 3, 5, 10, 100) if k in curve]
    return f"{_sentence(', '.join(said))}." if said else ""


def _source(document: Document, catalogue: Json) -> str:
    refs = document["refs"]
    url = f", {refs[0]['url']}" if refs else ""
    return f"Source: {document['title']}, {catalogue['evidence']}{url}."


def _measured(number: Number, unit: str) -> str:
    return numbers.measured({"value": number, "unit": unit})


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
