"""Replicate's record of 543 days as lists in memory, and the rules of `bot.plausibility` replayed on them."""

from __future__ import annotations

import csv
import io
import lzma
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType

from bot import plausibility
from bot.ledger import closed_day
from bot.plausibility import Change, ClosingSnapshot, Track, Verdict

RECORD = Path(__file__).parent.parent / "bot" / "sources" / "replicate" / "record"
List = Mapping[str, int]
"""Model to its counter."""


@cache
def days() -> Mapping[date, List]:
    """The list at the end of each day."""
    snapshots: dict[str, dict[str, int]] = {}
    for path in sorted(RECORD.glob("runs-*.csv.xz")):
        with lzma.open(path) as file:
            rows = csv.reader(io.TextIOWrapper(file, "utf-8"))
            heads = next(rows)[1:]
            for model, *counters in rows:
                for head, counter in zip(heads, counters, strict=True):
                    if counter:
                        snapshots.setdefault(head, {})[model] = int(counter)
    entries: dict[date, List] = {}
    for head, listed in sorted(snapshots.items()):
        day = closed_day(datetime.strptime(head, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC))
        if day is not None:
            entries.setdefault(day, listed)
    return MappingProxyType(entries)


class Lists:
    """Compares lists as the ledger's database does."""

    def __init__(self, lists: Mapping[date, List]) -> None:
        self._lists = lists

    def __call__(self, prior: ClosingSnapshot | None, before: ClosingSnapshot, now: ClosingSnapshot) -> Change:
        then, here = self._lists[before.day], self._lists[now.day]
        steps = [here[model] - counter for model, counter in then.items() if model in here]
        rises = [step for step in steps if step > 0]
        gone = then.keys() - here.keys()
        earlier = self._lists[prior.day] if prior else {}
        use = [then[model] - counter for model, counter in earlier.items() if then.get(model, 0) > counter]
        return Change(
            *(len(then), len(here), len(gone)),
            fell=sum(step < 0 for step in steps),
            moved=len(rises),
            missing_use=sum(max(0, then[model] - earlier[model]) for model in gone if model in earlier),
            use_before=sum(use),
            moved_before=len(use),
        )


def replayed(lists: Mapping[date, List]) -> dict[date, Verdict]:
    """The last verdict on each day, judged in order."""
    readings = (ClosingSnapshot(number, day) for number, day in enumerate(sorted(lists)))
    return {verdict.reading.day: verdict for verdict in plausibility.judge_all(readings, Lists(lists))}


def injected(place: int, nights: Sequence[List], after: int = 5) -> dict[date, Verdict]:
    """The verdicts on some days of the record whose first `nights` from a position on are replaced; judging starts two
    sound days before."""
    record = list(days().items())
    lists = dict(record[place - 2 : place + len(nights) + after])
    lists |= {day: night for (day, _), night in zip(record[place:], nights, strict=False)}
    track = Track(ClosingSnapshot(-2, record[place - 2][0]), ClosingSnapshot(-1, record[place - 1][0]))
    compare, verdicts = Lists(lists), dict[date, Verdict]()
    for number, day in enumerate(sorted(lists)[2:]):
        track, changes = plausibility.judge_reading(track, ClosingSnapshot(number, day), compare)
        verdicts |= {change.reading.day: change for change in changes}
    return verdicts


def places(every: int = 1) -> Iterator[int]:
    """Positions of faults: each day that has enough neighbours."""
    return iter(range(3, len(days()) - 10, every))
