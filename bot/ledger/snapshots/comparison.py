"""The lists of snapshots in memory, and what changed between two snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import sqlalchemy as sa

from bot.ledger.catalogue_query import CATALOGUE, FIRST, LAST, ONE
from bot.ledger.snapshots.counter_falls import BACK_WITHIN
from bot.plausibility import Change, ClosingSnapshot, is_ordinary_for
from bot.store import readings, snapshots, verdicts

THEN, NOW, EARLIER = readings.alias("then_"), readings.alias("now_"), readings.alias("earlier_")

Counters = Mapping[int, int | None]
"""Model id to counter; `None` if it showed none."""

LARGEST = 50
"""Models whose use alone nearly always shows that what the missing models had was little: on 539 of the 541 nights of
Replicate's record with two nights before them."""
MOST = 24
"""Lists in memory: those of `BACK_WITHIN` and the held ones that a verdict looks at. Older ones are read again."""


@dataclass(slots=True)
class ListChanges:
    """How the counters of a list differ from those of the list before. A counter that stands still costs no look."""

    steps: dict[int, int] = field(default_factory=dict)
    """Of the models whose counter moved."""
    added: int = 0
    newcomers: int = 0
    """Models with uses and no counter before."""
    absent: list[int] = field(default_factory=list)
    """Models with a counter now and none before."""
    missing: int = 0
    silent: int = 0
    """Models that are listed, had a counter before and show none now."""
    fallen: frozenset[int] = frozenset()
    """The models whose counter is lower now, or no longer there."""


def compare_lists(then: Counters, now: Counters) -> ListChanges:
    """Compare two lists."""
    changes, fallen = ListChanges(), set[int]()
    for model, count in now.items() - then.items():
        before = then.get(model)
        if before is None:
            if count is not None:
                changes.absent.append(model)
                changes.newcomers += count > 0
        elif count is None:
            changes.silent += 1
        else:
            changes.steps[model] = count - before
        if before and before > (count or 0):
            fallen.add(model)
    gone = then.keys() - now.keys()
    changes.missing = len(gone)
    changes.added = len(now) - (len(then) - len(gone))
    changes.fallen = frozenset(fallen.union(model for model in gone if then[model]))
    return changes


class RecentLists:
    """The lists that one transaction stored or read. A stored list never changes."""

    def __init__(self, connection: sa.Connection, several: bool = False) -> None:
        self._connection = connection
        self._lists: dict[int, Counters] = {}
        self._changes: dict[tuple[int, int], ListChanges] = {}
        self._several = several
        """Whether more snapshots follow, so that it is worth reading lists that only one verdict needs now."""

    def has(self, snapshots: Iterable[int]) -> bool:
        """Whether these lists are in memory, or worth reading."""
        return self._several or all(key in self._lists for key in snapshots)

    def counters(self, snapshot: int) -> Counters:
        """The counters of a snapshot, by model."""
        if snapshot not in self._lists:
            stored = sa.select(readings.c.model, readings.c.counter).where(readings.c.snapshot == snapshot)
            self.keep(snapshot, dict(self._connection.execute(stored).all()))
        return self._lists[snapshot]

    def changes(self, before: int, after: int) -> ListChanges:
        """What changed from one snapshot to another."""
        if (before, after) not in self._changes:
            self._changes[before, after] = compare_lists(self.counters(before), self.counters(after))
        return self._changes[before, after]

    def keep(self, snapshot: int, counters: Counters) -> None:
        """Keep a list that was stored."""
        while len(self._lists) >= MOST:
            self._lists.pop(next(iter(self._lists)))
        self._lists[snapshot] = counters


_OF_DAYS = tuple(
    sa.select(key).where(table.c.catalogue == CATALOGUE, table.c.day >= FIRST, table.c.day <= LAST)
    for key, table in ((snapshots.c.id, snapshots), (verdicts.c.snapshot, verdicts))
)


class Comparison:
    """Compares snapshots of one catalogue. `new`: a snapshot that has no verdict yet.

    Use is counted only from readings, so it does not depend on the order in which they came: the rise of a counter
    above its highest value of the `BACK_WITHIN` before, because a counter that comes back after a fall is no use.
    """

    def __init__(
        self, connection: sa.Connection, catalogue: int, lists: RecentLists, new: ClosingSnapshot | None = None
    ) -> None:
        self._connection, self._catalogue, self._lists, self._new = connection, catalogue, lists, new

    def __call__(self, prior: ClosingSnapshot | None, before: ClosingSnapshot, now: ClosingSnapshot) -> Change:
        change = self._count_change(before.id, now.id)
        complete = change.missing + change.silent == 0
        if prior is None or (complete and is_ordinary_for(change, 0, 0, change.above_zero)):
            return change
        earlier = list(self._before(prior))
        if self._lists.has(earlier):
            return _with_use(change, *self._use_in_memory(prior, before, now, earlier))
        if self._is_ordinary(change, prior, before, now, earlier):
            return change
        return _with_use(change, *self._use_in_database(prior, before, now, earlier))

    def _is_ordinary(
        self,
        change: Change,
        prior: ClosingSnapshot,
        before: ClosingSnapshot,
        now: ClosingSnapshot,
        earlier: Sequence[int],
    ) -> bool:
        """Whether limits of the use show that it makes nothing implausible: no model was used more than its counter
        rose, and all together were used at least as much as some of them."""
        step = THEN.c.counter - EARLIER.c.counter
        same = sa.and_(EARLIER.c.model == THEN.c.model, EARLIER.c.snapshot == prior.id)
        risen = sa.select(THEN.c.model, step).join(EARLIER, same).where(THEN.c.snapshot == before.id, step > 0)
        steps = {model: int(rise) for model, rise in self._connection.execute(risen)}
        here = self._lists.counters(now.id)
        most_missing = sum(rise for model, rise in steps.items() if here.get(model) is None)
        largest = sorted(steps, key=steps.__getitem__)[-LARGEST:] if most_missing else []
        least, _, _ = self._use_in_database(prior, before, now, earlier, largest) if largest else (0, 0, 0)
        return is_ordinary_for(change, most_missing, least, len(steps))

    def _use_in_memory(
        self, prior: ClosingSnapshot, before: ClosingSnapshot, now: ClosingSnapshot, earlier: Sequence[int]
    ) -> tuple[int, int, int]:
        """All use of the days that ended with the snapshot before, how many counters moved in them, and what of the use
        was that of models that show no counter now."""
        old, then, here = (self._lists.counters(reading.id) for reading in (prior, before, now))
        # A counter that fell in no step from the oldest list to `prior` is highest there.
        order = [*sorted(set(earlier) - {prior.id}), prior.id]
        fallen = frozenset[int]().union(*(self._lists.changes(*pair).fallen for pair in pairwise(order)))
        lists = [self._lists.counters(key) for key in earlier] if fallen else []
        uses = moved = gone = 0
        for model, step in self._lists.changes(prior.id, before.id).steps.items():
            lower, counter = old[model] or 0, then[model] or 0
            highest = max([counters.get(model) or 0 for counters in lists]) if model in fallen else lower
            above = counter - highest
            if step > 0 and above > 0:
                uses, moved = uses + above, moved + 1
                gone += above if here.get(model) is None else 0
        return uses, moved, gone

    def _use_in_database(
        self,
        prior: ClosingSnapshot,
        before: ClosingSnapshot,
        now: ClosingSnapshot,
        earlier: Sequence[int],
        only: Sequence[int] = (),
    ) -> tuple[int, int, int]:
        """The same; `only`: of some models."""
        highest = readings.alias("highest_")
        level = (
            sa.select(sa.func.max(highest.c.counter))
            .where(highest.c.model == THEN.c.model, highest.c.snapshot.in_(earlier))
            .correlate(THEN)
            .scalar_subquery()
        )
        same = sa.and_(EARLIER.c.model == THEN.c.model, EARLIER.c.snapshot == prior.id)
        here = sa.and_(NOW.c.model == THEN.c.model, NOW.c.snapshot == now.id)
        some = (THEN.c.model.in_(only),) if only else ()
        risen = (
            sa.select((THEN.c.counter - sa.func.coalesce(level, 0)).label("above"), NOW.c.counter)
            .select_from(THEN.join(EARLIER, same).outerjoin(NOW, here))
            .where(THEN.c.snapshot == before.id, THEN.c.counter > EARLIER.c.counter, *some)
            .subquery()
        )
        missing = sa.case((risen.c.counter.is_(None), risen.c.above))
        sums = (sa.func.sum(risen.c.above), sa.func.count(), sa.func.sum(missing))
        row = self._connection.execute(sa.select(*sums).where(risen.c.above > 0)).one()
        uses, moved, gone = (int(value or 0) for value in row)
        return uses, moved, gone

    def _before(self, prior: ClosingSnapshot) -> Iterator[int]:
        """The snapshots up to this one that tell how high counters were before they may have fallen, held or not."""
        yield prior.id
        first = prior.day - BACK_WITHIN
        if self._new is not None and first <= self._new.day < prior.day:
            yield self._new.id
        days = {"catalogue": self._catalogue, "first": first, "last": prior.day - ONE}
        for chosen in _OF_DAYS:
            yield from self._connection.scalars(chosen, days)

    def _count_change(self, before: int, now: int) -> Change:
        changes, then, here = self._lists.changes(before, now), self._lists.counters(before), self._lists.counters(now)
        fell = sum(step < 0 for step in changes.steps.values())
        moved = len(changes.steps) - fell
        above_zero = sum(1 for counter in then.values() if counter)
        return Change(len(then), len(here), changes.missing, changes.silent, fell, moved, above_zero=above_zero)


def _with_use(change: Change, uses: int, moved: int, missing: int) -> Change:
    return replace(change, missing_use=missing, use_before=uses, moved_before=moved, idle_before=moved == 0)
