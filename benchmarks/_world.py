"""A network of many models over many days, written straight into the tables as `bot.ledger` would have filled them.

Every fifth model is used daily, a fifth every twentieth day, the rest never; uses fall off as one over rank.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bot import daily, store
from bot.records import Catalogue

MODELS = 10_000
DAILY = MODELS // 5
"""Models up to this id are used every day."""
SOMETIMES = 2 * DAILY
"""Models above `DAILY` and up to this id are used every `EVERY` days."""
EVERY = 20
LAST = date(2025, 6, 30)
CATALOGUE = Catalogue("replicate", "models", "public models", "runs", "reported")
PLAN = daily.Plan("replicate", "Replicate", (CATALOGUE,), {"catalogue": "models", "figure": "models_used"})
AT = datetime(2025, 7, 1, tzinfo=UTC)

_PER_USE = f"({MODELS} / m.id + 1)"
_TIMES = (
    f"CASE WHEN m.id <= {DAILY} THEN s.id WHEN m.id <= {SOMETIMES} THEN (s.id + m.id % {EVERY}) / {EVERY} ELSE 0 END"
)
_USED = f"(m.id <= {DAILY} OR (m.id <= {SOMETIMES} AND (s.id + m.id % {EVERY}) % {EVERY} = 0))"


def filled(folder: Path, days: int) -> store.Store:
    """A SQLite file that holds `days` days up to `LAST`; snapshot n closes the n-th of them."""
    made = store.opened(f"sqlite:///{folder / f'{days}.db'}")
    first = LAST - timedelta(days=days - 1)
    closed = [first + timedelta(days=n) for n in range(days)]
    with made.writing() as connection:
        connection.execute(store.catalogues.insert().values(id=1, network=CATALOGUE.network, name=CATALOGUE.key))
        connection.execute(store.models.insert(), [_model(n, first) for n in range(1, MODELS + 1)])
        connection.execute(store.refs.insert(), [_ref(n, day) for n, day in enumerate(closed, 1)])
        connection.execute(store.snapshots.insert(), [_snapshot(n, day) for n, day in enumerate(closed, 1)])
        for line in _rollups(first):
            connection.execute(sa.text(line))
    return made


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


def _snapshot(number: int, day: date) -> dict[str, object]:
    return {
        "id": number,
        "catalogue": 1,
        "at": _at(day),
        "day": day,
        "ref": number,
        "listed": MODELS,
        "unplaced": 0,
        "uncounted": 0,
        "note": "",
    }


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def _rollups(first: date) -> tuple[str, ...]:
    """Readings, usage and stretches from the rule above, made by SQLite itself: a Python loop would take minutes."""
    return (
        "DROP INDEX readings_by_model",
        "INSERT INTO readings (snapshot, model, counter) "
        f"SELECT s.id, m.id, {_PER_USE} * {_TIMES} FROM snapshots s CROSS JOIN models m ORDER BY s.id, m.id",
        "CREATE INDEX readings_by_model ON readings (model, snapshot)",
        "INSERT INTO usage (model, last_day, first_day, catalogue, uses, hole) "
        f"SELECT m.id, s.day, s.day, 1, {_PER_USE}, 0 FROM models m CROSS JOIN snapshots s "
        f"WHERE {_USED} AND s.id > 1 ORDER BY m.id, s.id",
        "INSERT INTO stretches (catalogue, last_day, first_day, uses, models_used, top_uses, newcomers, resets, added, "
        "removed) "
        "SELECT 1, last_day, first_day, sum(uses), count(*), max(uses), 0, 0, 0, 0 FROM usage GROUP BY last_day",
        "UPDATE models SET first_used = (SELECT min(last_day) FROM usage WHERE model = models.id), "
        "last_used = (SELECT max(last_day) FROM usage WHERE model = models.id), "
        "last_used_from = (SELECT max(last_day) FROM usage WHERE model = models.id)",
    )
