"""What an event source can look up: its cursors, the settlements due for verification, the leaves already counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from bot import lake
from bot.ledger.catalogue_query import catalogue_filter, in_chunks
from bot.records import CompleteWindow, SafeName, Settlement, Use
from bot.store import Store, catalogues, cursors, event_days, leaves, models, settlements, windows

LONGEST_WAIT = timedelta(days=2)
"""Longest wait until a settlement is verified again; a source waits a day."""
MOST_LOST = 10_000
"""Most content ids without a model per day: senders choose how many there are."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """Read access to one network's part of the ledger."""

    store: Store
    network: str
    reread: bool = False
    """True: treat nothing as already read."""

    def cursor(self, name: str) -> str | None:
        with self.store.read_transaction() as connection:
            mine = (cursors.c.network == self.network, cursors.c.name == name)
            cursor_text: str | None = connection.scalar(sa.select(cursors.c.text).where(*mine))
            return cursor_text

    def covered_windows(self, catalogue: str) -> tuple[CompleteWindow, ...]:
        """The stretches that were read completely, oldest first."""
        if self.reread:
            return ()
        with self.store.read_transaction() as connection:
            mine = windows.c.catalogue == self._catalogue_key(catalogue)
            chosen = sa.select(windows.c.begins, windows.c.ends).where(mine).order_by(windows.c.begins)
            return tuple(CompleteWindow(*row) for row in connection.execute(chosen))

    def due_settlements(
        self, catalogue: str, now: datetime, since: date, rules: str, limit: int
    ) -> tuple[tuple[Settlement, int], ...]:
        """Settlements to verify, with the number of attempts, in chain order: those that are due, and those since a
        day that were verified under other rules."""
        # A source waits a day at most, so a later time comes from a wrong clock.
        time = sa.or_(settlements.c.next_try <= now, settlements.c.next_try > now + LONGEST_WAIT)
        late = sa.and_(settlements.c.next_try.is_not(None), time)
        ruled = sa.and_(settlements.c.day >= since, settlements.c.rules != rules, settlements.c.rules != "")
        chosen = (
            sa.select(settlements)
            .where(settlements.c.catalogue == self._catalogue_key(catalogue), sa.or_(late, ruled))
            .order_by(settlements.c.block, settlements.c.log_index)
            .limit(limit)
        )
        with self.store.read_transaction() as connection:
            return tuple((_settlement_from_row(row), int(row.tries)) for row in connection.execute(chosen))

    def find_settlements(self, catalogue: str, wanted: str) -> tuple[Settlement, ...]:
        """Settlements by transaction, place or blob id."""
        mine = settlements.c.catalogue == self._catalogue_key(catalogue)
        within = settlements.c.place.startswith(f"{wanted}:", autoescape=True)
        same = sa.or_(settlements.c.place == wanted, within, settlements.c.blob == wanted)
        ordered = sa.select(settlements).where(mine, same).order_by(settlements.c.block, settlements.c.log_index)
        with self.store.read_transaction() as connection:
            return tuple(_settlement_from_row(row) for row in connection.execute(ordered.limit(100)))

    def settlement_of_leaf(self, catalogue: str, key: bytes) -> str | None:
        """The settlement that a leaf was counted for."""
        mine = (leaves.c.catalogue == self._catalogue_key(catalogue), leaves.c.key == key)
        with self.store.read_transaction() as connection:
            first = sa.select(sa.func.coalesce(leaves.c.verified_by, leaves.c.backed_by)).where(*mine)
            place: str | None = connection.scalar(first)
            return place

    def counted_leaves(self, catalogue: str, keys: Iterable[bytes]) -> tuple[dict[bytes, str], dict[bytes, str]]:
        """Of these leaves, those backed before and those verified before, each with the settlement that did."""
        backed: dict[bytes, str] = {}
        verified: dict[bytes, str] = {}
        with self.store.read_transaction() as connection:
            for some in in_chunks(dict.fromkeys(keys)):
                mine = (leaves.c.catalogue == self._catalogue_key(catalogue), leaves.c.key.in_(some))
                for row in connection.execute(sa.select(leaves).where(*mine)):
                    backed[bytes(row.key)] = row.backed_by
                    if row.verified_by:
                        verified[bytes(row.key)] = row.verified_by
        return backed, verified

    def unattributed_uses(self, catalogue: str, since: date) -> tuple[Use, ...]:
        """One use of each content id since a day whose model is unknown. With `reread`, also uses that already name a
        model: one of each content id and model."""
        some = sa.true() if self.reread else event_days.c.nameless > 0
        mine = (event_days.c.catalogue == self._catalogue_key(catalogue), event_days.c.day >= since, some)
        with self.store.read_transaction() as connection:
            rows = connection.execute(sa.select(event_days).where(*mine, ~event_days.c.pruned)).all()
        lost: dict[tuple[str, SafeName | None], Use] = {}
        for row in rows:
            day = lake.DayRef(self.store.lake, self.network, catalogue, row.day, row.manifest)
            lost |= {(use.content, use.model): use for use in lake.unnamed_uses(day, MOST_LOST, self.reread)}
        return tuple(lost.values())

    def model_names(self, catalogue: str) -> frozenset[SafeName]:
        """Every model ever listed there."""
        with self.store.read_transaction() as connection:
            chosen = sa.select(models.c.name).where(models.c.catalogue == self._catalogue_key(catalogue))
            return frozenset(connection.scalars(chosen))

    def _catalogue_key(self, catalogue: str) -> sa.ScalarSelect[int]:
        return sa.select(catalogues.c.id).where(*catalogue_filter(self.network, catalogue)).scalar_subquery()


def _settlement_from_row(row: sa.Row[tuple[object, ...]]) -> Settlement:
    return Settlement(row.place, row.block, row.at, row.relay, int(row.size), row.blob, row.root, row.attested)
