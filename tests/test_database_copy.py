"""Copies from SQLite to PostgreSQL and back: every row arrives, or none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot import database_copy, digest, leases, ledger, store
from bot.archive import Archive
from bot.records import Period, Receipt
from tests.peers.postgres import Postgres
from tests.worlds import CATALOGUE, ONE, START, at, snapshot

DAYS = 5


def rows(of: store.Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with of.read_transaction() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in store.tables.sorted_tables
        }


def fill(db: store.Store) -> None:
    """Add something to every table."""
    for number in range(DAYS):
        counts = {f"o/m{n}": number * n + 1 for n in range(40)}
        if number == 2:
            del counts["o/m7"]
        ledger.add_snapshot(db, snapshot(START + number * ONE, counts, note="line\nline"))
    archive, day = Archive(db), START + 2 * ONE
    book = ledger.load_period_data(db, CATALOGUE, Period.for_day(day))
    compose_document = digest.compose_document(
        "replicate", "Replicate", [book], {"catalogue": "models", "figure": "uses"}, (), at(day, 3)
    )
    kept = archive.save_digest(compose_document)
    archive.add_receipt(kept, Receipt("x", "footfall", 0, "1", "https://x.com/footfall/status/1", at(day, 4)))
    with db.write_transaction() as connection:
        connection.execute(store.deliveries.insert().values(**DELIVERY))
        connection.execute(
            store.paused.insert().values(outlet="x", reason="402", since=at(day, 4), checked_at=at(day, 5))
        )
    assert leases.acquire_lease(db, "walk", "one", at(day, 4), timedelta(minutes=5))
    with db.write_transaction() as connection:
        for table in store.tables.sorted_tables:
            if not connection.execute(sa.select(table).limit(1)).first():
                connection.execute(table.insert().values({c.name: something(c) for c in table.columns}))


def something(column: sa.Column[object]) -> object:
    """A value that fits a column and differs from its neighbours'."""
    for key in column.foreign_keys:
        return 1 if isinstance(key.column.type, sa.Integer) else something(key.column)
    kinds = {
        sa.Date: START,
        sa.Boolean: True,
        sa.LargeBinary: bytes(range(32)),
        sa.Float: 0.125,
        sa.Integer: 7,
        store.UtcDateTime: at(START, 5),
    }
    entries = [value for kind, value in kinds.items() if isinstance(column.type, kind)]
    return entries[0] if entries else f"{len(column.name)}"


DELIVERY = {
    "network": "replicate",
    "period": "day",
    "day": date(2025, 3, 3),
    "edition": 1,
    "outlet": "x",
    "destination": "footfall",
    "part": 0,
    "kind": "post",
    "marker": "ab" * 12,
    "state": "sent",
    "since": at(START, 4),
    "reason": "",
    "planned_at": at(START, 4),
    "attempts": 1,
    "resent": 0,
    "text": "Three of 40 models ✓",
    "cost": "0.015",
    "otherwise": "refuse",
    "platform_id": "1",
    "url": "https://x.com/footfall/status/1",
}


@pytest.fixture
def full(tmp_path: Path) -> Iterator[store.Store]:
    database = store.open_store(f"sqlite:///{tmp_path / 'full.db'}")
    fill(database)
    yield database
    database.close()


def test_every_row_arrives_on_postgresql_and_comes_back_the_same(
    full: store.Store, postgres: Postgres, tmp_path: Path
) -> None:
    wanted = rows(full)
    assert all(wanted.values()), "a table is empty, so this test says nothing of it"
    there, back = store.open_store(postgres.database()), store.open_store(f"sqlite:///{tmp_path / 'back.db'}")
    texts: list[str] = []
    counts = database_copy.copy_database(full, there, texts.append)
    database_copy.copy_database(there, back, texts.append)
    assert rows(there) == wanted
    assert rows(back) == wanted
    assert counts == {name: len(pairs) for name, pairs in wanted.items()}
    assert f"readings: {counts['readings']} rows" in texts
    there.close()
    back.close()


def test_work_goes_on_where_it_was_copied_to(full: store.Store, postgres: Postgres) -> None:
    there = store.open_store(postgres.database())
    database_copy.copy_database(full, there, lambda _line: None)
    for database in (full, there):
        ledger.add_snapshot(database, snapshot(START + DAYS * ONE, {"o/m1": 100, "o/new": 3}))
    assert rows(there) == rows(full)
    there.close()


def test_many_rows_go_in_chunks(full: store.Store, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_copy, "CHUNK", 7)
    there = store.open_store(postgres.database())
    database_copy.copy_database(full, there, lambda _line: None)
    assert rows(there) == rows(full)
    there.close()


def test_a_target_that_holds_anything_is_refused_and_left_alone(full: store.Store, db: store.Store) -> None:
    ledger.add_snapshot(db, snapshot(START, {"o/other": 1}))
    before = rows(db)
    with pytest.raises(store.StoreError, match="catalogues has 1 rows, wanted an empty database"):
        database_copy.copy_database(full, db, lambda _line: None)
    assert rows(db) == before


def test_a_copy_that_fails_half_way_leaves_nothing(full: store.Store, db: store.Store) -> None:
    def fails(line: str) -> None:
        if line.startswith("readings"):
            raise store.StoreError("the cable was pulled")

    with pytest.raises(store.StoreError, match="cable"):
        database_copy.copy_database(full, db, fails)
    assert not any(rows(db).values())
    database_copy.copy_database(full, db, lambda _line: None)
    assert rows(db) == rows(full)


def test_rows_that_did_not_arrive_are_noticed(
    full: store.Store, db: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = database_copy._copy_table
    monkeypatch.setattr(
        database_copy, "_copy_table", lambda table, *both: copied(table, *both) + (table.name == "usage")
    )
    with pytest.raises(store.StoreError, match=r"usage: found \d+ rows after copying, wanted"):
        database_copy.copy_database(full, db, lambda _line: None)
    assert not any(rows(db).values())
