"""Chutes' public count: rows of one answer, by day, and which days of it can be believed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated

import msgspec

from bot.records import MAX_COUNT, DayTotals, Listing, SafeName, SourceError, message, model_identity

PRIVATE = "[private]"
ONE = timedelta(days=1)
CONFIRMED_BY = 3
"""Further days whose number of rows must be as low as that of a held day to confirm it."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class UsageRow(msgspec.Struct, gc=False, frozen=True):
    """One chute on one day; everything else about it is skipped."""

    chute_id: Id
    name: str
    date: date
    total_requests: Count
    total_input_tokens: Count | None = None
    total_output_tokens: Count | None = None


class _DayOnly(msgspec.Struct):
    date: date


_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_ROW = msgspec.json.Decoder(UsageRow)
_DAY_ONLY = msgspec.json.Decoder(_DayOnly)


@dataclass
class DayRows:
    """The rows of one day."""

    rows: dict[str, UsageRow] = field(default_factory=dict)
    """By id of the chute."""
    fault: str = ""
    """Why the day cannot be believed; empty if it can."""

    @property
    def private(self) -> int:
        """Requests to chutes without a public name."""
        return sum(row.total_requests for row in self.rows.values() if row.name == PRIVATE)

    @property
    def requests(self) -> int:
        return sum(row.total_requests for row in self.rows.values())

    @property
    def tokens(self) -> tuple[int, int] | None:
        """Tokens in and out; `None` if a row does not say."""
        pairs = [(row.total_input_tokens, row.total_output_tokens) for row in self.rows.values()]
        if any(given is None or made is None for given, made in pairs):
            return None
        return sum(given or 0 for given, _ in pairs), sum(made or 0 for _, made in pairs)


Days = Mapping[date, DayRows]


def parse_days(content: bytes, where: str, first: date, last: date) -> dict[date, DayRows]:
    """Every day from `first` to `last`, also those without rows. Raises `SourceError` if the answer is no list of
    rows, or if a row does not say its day."""
    days = {first + n * ONE: DayRows() for n in range((last - first).days + 1)}
    try:
        for raw in _ROWS.decode(content):
            day = _DAY_ONLY.decode(raw).date
            if day in days:
                _add_row(days[day], raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f"{SafeName(where, 200)}: is not a list of rows: {error}; run again later") from error
    empty = not any(found.rows or found.fault for found in days.values())
    for found in days.values():
        if not found.rows and not found.fault:
            found.fault = message("count_empty" if empty else "count_no_rows")
    return days


def _add_row(day: DayRows, raw: msgspec.Raw) -> None:
    try:
        row = _ROW.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        day.fault = message("count_row_unreadable")
        return
    known = day.rows.setdefault(row.chute_id, row)
    if known != row:
        day.fault = message("count_rows_differ")


def hold_short_days(days: Days, breaks: tuple[date, ...], base: int | None = None) -> int | None:
    """Mark the days with fewer than half of the rows of the last sound day as held, unless the days after them agree.
    `base`: the rows of the last sound day before them. Returns that of the last one."""
    ordered = sorted(day for day, found in days.items() if not found.fault)
    for place, day in enumerate(ordered):
        base = None if day in breaks else base
        rows = len(days[day].rows)
        after = [len(days[later].rows) for later in ordered[place + 1 : place + 1 + CONFIRMED_BY]]
        agreed = len(after) == CONFIRMED_BY and base is not None and all(2 * more < base for more in after)
        if base is not None and 2 * rows < base and not agreed:
            days[day].fault = message("count_short", n=rows, m=base)
        else:
            base = rows
    return base


class ChuteNames:
    """The name of each public chute in our books: the first one under which it was seen. The id is the key, so a name
    that moves to another chute, or a chute that gets another name, joins no two models and splits none."""

    def __init__(self, stored: str | None) -> None:
        self._by_id: dict[str, str] = msgspec.json.decode(stored, type=dict[str, str]) if stored else {}
        self._taken = set(self._by_id.values())

    def listing(self, chute_id: str, name: str, category: SafeName | None = None) -> Listing:
        """A chute as a model."""
        known = self._by_id.get(chute_id)
        if known is None:
            known = str(model_identity(name)) or "chute"
            if known in self._taken:
                known = str(model_identity(f"{known[:80]} ({chute_id[:8]})"))
            if known in self._taken:
                known = str(model_identity(f"{known[:50]} ({chute_id[:40]})"))
            self._by_id[chute_id] = known
            self._taken.add(known)
        author = known.partition("/")[0] if "/" in known else ""
        return Listing(SafeName(known), SafeName(author), category=category)

    def to_json(self) -> str:
        return msgspec.json.encode(self._by_id).decode()


def day_totals(days: Days, names: ChuteNames) -> Iterator[DayTotals]:
    """The totals of public chutes by day; private ones are not part of them."""
    for day, found in sorted(days.items()):
        if found.fault:
            yield DayTotals(day, unknown=found.fault)
            continue
        public = sorted(
            (row for row in found.rows.values() if row.name != PRIVATE), key=lambda row: (row.name, row.chute_id)
        )
        uses = {names.listing(row.chute_id, row.name): row.total_requests for row in public}
        yield DayTotals(day, {model: count for model, count in uses.items() if count})


class _SecondRow(msgspec.Struct):
    chute_id: Id
    date: date
    invocation_count: Count


def differing_chutes(content: bytes, where: str, days: Days) -> dict[date, tuple[int, int, int]]:
    """Of each known day that the second count covers: how many chutes it counts differently, and the requests of both.
    Raises `SourceError`."""
    try:
        rows = msgspec.json.decode(content, type=list[_SecondRow])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f"{SafeName(where, 200)}: is not a list of rows: {error}; run again later") from error
    second: dict[date, dict[str, int]] = {}
    for row in rows:
        of_day = second.setdefault(row.date, {})
        of_day[row.chute_id] = of_day.get(row.chute_id, 0) + row.invocation_count
    # The first day of the rolling window may be cut.
    covered = sorted(second)[1:]
    found: dict[date, tuple[int, int, int]] = {}
    for day in covered:
        if day in days and not days[day].fault:
            first = {key: row.total_requests for key, row in days[day].rows.items()}
            differing = sum(first.get(key, 0) != second[day].get(key, 0) for key in first.keys() | second[day].keys())
            found[day] = differing, sum(first.values()), sum(second[day].values())
    return found
