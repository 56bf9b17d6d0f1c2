"""What a snapshot changed against one before it, counted by the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from bot.plausibility import Change, Reading
from bot.store import readings, stretches

THEN, NOW, EARLIER = readings.alias("then_"), readings.alias("now_"), readings.alias("earlier_")
STEP = NOW.c.counter - THEN.c.counter


class Comparison:
    """Compares snapshots of one catalogue; remembers what it counted. `rolled_up`: the catalogue whose roll-ups are up
    to date, so that they need not be counted again."""

    def __init__(self, connection: sa.Connection, rolled_up: int | None = None) -> None:
        self._connection, self._rolled_up = connection, rolled_up
        self._changes: dict[tuple[int, int], Change] = {}

    def __call__(self, prior: Reading | None, before: Reading, now: Reading) -> Change:
        change = self._change(before, now)
        if prior is None:
            return change
        uses, moved = self._earlier(prior, before)
        missing_use = self._missing_use(prior, before, now) if change.missing + change.silent else 0
        return replace(change, missing_use=missing_use, use_before=uses, moved_before=moved)

    def _earlier(self, prior: Reading, before: Reading) -> tuple[int, int]:
        """All use of the days that ended with the snapshot before, and how many counters moved in them."""
        span = (stretches.c.last_day == before.day, stretches.c.first_day == prior.day + timedelta(days=1))
        chosen = sa.select(stretches.c.uses, stretches.c.models_used).where(*span)
        if self._rolled_up is not None:
            row = self._connection.execute(chosen.where(stretches.c.catalogue == self._rolled_up)).first()
            if row is not None:
                return int(row.uses), int(row.models_used)
        earlier = self._change(prior, before)
        return earlier.uses, earlier.moved

    def _change(self, before: Reading, now: Reading) -> Change:
        key = (before.id, now.id)
        if key not in self._changes:
            self._changes[key] = self._counted(before.id, now.id)
        return self._changes[key]

    def _counted(self, before: int, now: int) -> Change:
        here = sa.and_(NOW.c.model == THEN.c.model, NOW.c.snapshot == now)
        silent = sa.and_(THEN.c.counter.is_not(None), NOW.c.model.is_not(None), NOW.c.counter.is_(None))
        listed = sa.select(sa.func.count()).select_from(readings).where(readings.c.snapshot == now)
        columns = (
            sa.func.count(),
            listed.scalar_subquery(),
            sa.func.count() - sa.func.count(NOW.c.model),
            sa.func.count(sa.case((silent, 1))),
            sa.func.count(sa.case((STEP < 0, 1))),
            sa.func.count(sa.case((STEP > 0, 1))),
            sa.func.coalesce(sa.func.sum(sa.case((STEP > 0, STEP))), 0),
        )
        chosen = sa.select(*columns).select_from(THEN.outerjoin(NOW, here)).where(THEN.c.snapshot == before)
        return Change(*(int(value) for value in self._connection.execute(chosen).one()))

    def _missing_use(self, prior: Reading, before: Reading, now: Reading) -> int:
        """What the models that show no counter now were used in the days that ended with the snapshot before."""
        rose = THEN.c.counter - EARLIER.c.counter
        same = sa.and_(EARLIER.c.model == THEN.c.model, EARLIER.c.snapshot == prior.id)
        shown = (NOW.c.model == THEN.c.model, NOW.c.snapshot == now.id, NOW.c.counter.is_not(None))
        chosen = (
            sa.select(sa.func.sum(rose))
            .select_from(THEN.join(EARLIER, same))
            .where(THEN.c.snapshot == before.id, rose > 0, ~sa.exists().where(*shown))
        )
        return int(self._connection.scalar(chosen) or 0)
