"""OpenRouter's daily rankings: the 50 most used models of each day and one line for the rest."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

import msgspec

from bot.records import MAX_COUNT, DayTotals, Listing, SafeName, SourceError, message, model_identity

OTHER = "other"
RANKS = 50
ONE = timedelta(days=1)
HEADER = ["date", "model_permaslug", "rank", "total_tokens", "share_of_daily_tokens"]
SHARE_ERROR = 1e-9
"""Most that a share may differ from the tokens of its row over those of the day."""


@dataclass(frozen=True, slots=True)
class RankedUse:
    """One line of one day."""

    model: str
    """`other` for the rest."""
    tokens: int
    rank: int | None
    share: float | None


def listing_of(slug: str, created_at: datetime | None = None) -> Listing:
    """The model of a slug, without its variant."""
    name = model_identity(slug.partition(":")[0])
    return Listing(name, SafeName(name.partition("/")[0] if "/" in name else ""), created_at)


def parse_export(content: bytes, where: str) -> dict[date, list[RankedUse]]:
    """The rows of an export by day. Raises `SourceError`."""
    try:
        lines = csv.reader(io.StringIO(content.decode("ascii"), newline=""), strict=True)
        if next(lines, None) != HEADER:
            raise ValueError("the header is another one")
        return _by_day((date.fromisoformat(day), _row(*rest)) for day, *rest in lines)
    except (ValueError, TypeError, csv.Error) as error:
        raise SourceError(
            f"{SafeName(where, 200)}: is not the rankings: {SafeName(str(error))}; run again later"
        ) from error


def _row(model: str, rank: str, tokens: str, share: str) -> RankedUse:
    return RankedUse(model, _count(tokens), _count(rank) if rank else None, float(share))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= MAX_COUNT):
        raise ValueError(f"{text[:20]!r} is no count")
    return int(text)


class _KeyedRow(msgspec.Struct):
    date: date
    model_permaslug: Annotated[str, msgspec.Meta(min_length=1)]
    total_tokens: str


class _KeyedAnswer(msgspec.Struct):
    data: list[_KeyedRow]


def parse_history(content: bytes, where: str) -> dict[date, list[RankedUse]]:
    """The rows of the keyed history by day; its counts are texts and it has no ranks. Raises `SourceError`."""
    try:
        rows = msgspec.json.decode(content, type=_KeyedAnswer).data
        return _by_day((one.date, RankedUse(one.model_permaslug, _count(one.total_tokens), None, None)) for one in rows)
    except (msgspec.MsgspecError, ValueError) as error:
        raise SourceError(
            f"{SafeName(where, 200)}: is not the history: {SafeName(str(error))}; run again later"
        ) from error


def _by_day(rows: Iterable[tuple[date, RankedUse]]) -> dict[date, list[RankedUse]]:
    days: dict[date, list[RankedUse]] = {}
    for day, row in rows:
        days.setdefault(day, []).append(row)
    return days


def day_totals(days: Mapping[date, list[RankedUse]], wanted: Iterable[date]) -> Iterator[DayTotals]:
    """The totals of each wanted day. A day that is not complete is unknown."""
    for day in wanted:
        rows = days.get(day, [])
        if fault := _find_fault(rows):
            yield DayTotals(day, unknown=fault)
            continue
        uses: dict[Listing, int] = {}
        for row in rows:
            if row.model != OTHER:
                model = listing_of(row.model)
                uses[model] = uses.get(model, 0) + row.tokens
        yield DayTotals(day, uses, sum(row.tokens for row in rows if row.model == OTHER))


def _find_fault(rows: list[RankedUse]) -> str:
    """Why a day cannot be believed; empty if it can."""
    if not rows:
        return message("rankings_no_day")
    named = [row for row in rows if row.model != OTHER]
    if len(rows) - len(named) != 1:
        return message("rankings_no_rest")
    if len(named) != RANKS or len({row.model for row in named}) != RANKS:
        return message("rankings_short", n=len({row.model for row in named}), m=RANKS)
    ranks = [row.rank for row in named]
    tokens, total = [row.tokens for row in named], sum(row.tokens for row in rows)
    ordered = ranks in ([None] * RANKS, list(range(1, RANKS + 1))) and tokens == sorted(tokens, reverse=True)
    shares = (row for row in rows if row.share is not None)
    exact = total > 0 and all(abs((row.share or 0.0) - row.tokens / total) <= SHARE_ERROR for row in shares)
    return "" if ordered and exact else message("rankings_contradict")
