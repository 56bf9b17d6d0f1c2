"""A network of many models over many days, written directly into the tables as `bot.ledger` would fill them.

Every fifth model is used daily, a fifth every twentieth day, the rest never; uses decrease as one over rank.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bot import pipeline as daily
from bot import store
from bot.records import Catalogue

MODELS = 10_000
EVERY = 20
LAST = date(2025, 6, 30)
CATALOGUE = Catalogue("replicate", "models", "public models", "runs", "reported")
PLAN = daily.NetworkPlan("replicate", "Replicate", (CATALOGUE,), {"catalogue": "models", "figure": "models_used"})
AT = datetime(2025, 7, 1, tzinfo=UTC)


def filled(folder: Path, days: int, models: int = MODELS) -> store.Store:
    """A SQLite file with `days` days up to `LAST`; snapshot n closes the n-th of them."""
    return laid(store.open_store(f"sqlite:///{folder / f'{days}-{models}.db'}"), days, models)


def laid(database: store.Store, days: int, models: int) -> store.Store:
    """The same in an empty database."""
    first = LAST - timedelta(days=days - 1)
    closed = [first + timedelta(days=n) for n in range(days)]
    with database.write_transaction() as connection:
        connection.execute(store.catalogues.insert().values(id=1, network=CATALOGUE.network, name=CATALOGUE.key))
        connection.execute(store.models.insert(), [_model(n, first) for n in range(1, models + 1)])
        connection.execute(store.refs.insert(), [_ref(n, day) for n, day in enumerate(closed, 1)])
        connection.execute(store.snapshots.insert(), [_snapshot(n, day, models) for n, day in enumerate(closed, 1)])
        for line in _rollups(models):
            connection.execute(sa.text(line))
    return database


def _model(number: int, first: date) -> dict[str, object]:
    return {
        "id": number,
        "catalogue": 1,
        "name": f"author{number // 3}/model-{number}",
        "author": f"author{number // 3}",
        "first_seen": first,
        "first_counter": 0,
    }


def _ref(number: int, day: date) -> dict[str, object]:
    return {"id": number, "url": "bench:list", "at": _at(day), "sha256": f"{number:064x}"}


def _snapshot(number: int, day: date, models: int) -> dict[str, object]:
    return {
        "id": number,
        "catalogue": 1,
        "at": _at(day),
        "day": day,
        "ref": number,
        "listed": models,
        "unplaced": 0,
        "uncounted": 0,
        "note": "",
    }


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def _rollups(models: int) -> tuple[str, ...]:
    """Readings, usage and stretches by the rule above, computed by the database: a Python loop would take minutes."""
    daily, sometimes = models // 5, models // 5 * 2
    per_use = f"({models} / m.id + 1)"
    times = (
        f"CASE WHEN m.id <= {daily} THEN s.id "
        f"WHEN m.id <= {sometimes} THEN (s.id + m.id % {EVERY}) / {EVERY} ELSE 0 END"
    )
    used = f"(m.id <= {daily} OR (m.id <= {sometimes} AND (s.id + m.id % {EVERY}) % {EVERY} = 0))"
    return (
        "DROP INDEX readings_by_model",
        "INSERT INTO readings (snapshot, model, counter) "
        f"SELECT s.id, m.id, {per_use} * {times} FROM snapshots s CROSS JOIN models m ORDER BY s.id, m.id",
        "CREATE INDEX readings_by_model ON readings (model, snapshot)",
        "INSERT INTO usage (model, last_day, first_day, catalogue, uses, hole) "
        f"SELECT m.id, s.day, s.day, 1, {per_use}, false FROM models m CROSS JOIN snapshots s "
        f"WHERE {used} AND s.id > 1 ORDER BY m.id, s.id",
        "INSERT INTO stretches (catalogue, last_day, first_day, uses, models_used, top_uses, newcomers, resets, added, "
        "removed) "
        "SELECT 1, last_day, first_day, sum(uses), count(*), max(uses), 0, 0, 0, 0 FROM usage "
        "GROUP BY last_day, first_day",
        "UPDATE models SET first_used = (SELECT min(last_day) FROM usage WHERE model = models.id), "
        "last_used = (SELECT max(last_day) FROM usage WHERE model = models.id), "
        "last_used_from = (SELECT max(last_day) FROM usage WHERE model = models.id)",
    )
