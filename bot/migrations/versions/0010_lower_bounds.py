"""Counters that fell get their own table, which says on which days a model's use is not known and whether the counter
came back; figures may be lower bounds.

What is kept of earlier days is brought in step with the rule of `bot.ledger.snapshots.counter_falls` as it is at this
version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ONE = timedelta(days=1)
falls = sa.table("falls", *map(sa.column, ("model", "first_day", "last_day", "catalogue", "level", "low", "uses")))
usage = sa.table(
    "usage",
    *map(sa.column, ("model", "catalogue", "uses")),
    *(sa.column(name, sa.Date()) for name in ("first_day", "last_day")),
    sa.column("hole", sa.Boolean()),
)
snapshots = sa.table("snapshots", *map(sa.column, ("id", "catalogue")), sa.column("day", sa.Date()))
readings = sa.table("readings", *map(sa.column, ("snapshot", "model", "counter")))
models = sa.table(
    "models",
    sa.column("id"),
    *(sa.column(name, sa.Date()) for name in ("first_used", "last_used", "last_used_from")),
)
stretches = sa.table(
    "stretches",
    *map(sa.column, ("catalogue", "uses", "models_used", "top_uses", "resets")),
    *(sa.column(name, sa.Date()) for name in ("first_day", "last_day")),
)
falls.c.first_day.type = falls.c.last_day.type = sa.Date()


def upgrade() -> None:
    op.add_column("figures", sa.Column("at_least", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "falls",
        sa.Column("model", sa.Integer(), sa.ForeignKey("models.id"), primary_key=True),
        sa.Column("first_day", sa.Date(), primary_key=True),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("catalogue", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("level", "low")),
        sa.Column("uses", sa.BigInteger()),
    )
    op.create_index("falls_by_day", "falls", ["catalogue", "last_day", "first_day"])
    connection = op.get_bind()
    fell = sa.select(stretches.c.catalogue).where(stretches.c.resets > 0)
    across = sa.select(usage.c.catalogue).where(usage.c.uses < 0)
    for catalogue in connection.scalars(fell.union(across)).all():
        _settle(connection, catalogue)


def _settle(connection: sa.Connection, catalogue: int) -> None:
    """The falls of one catalogue, and the use on their days."""
    mine = (snapshots.c.catalogue == catalogue, snapshots.c.day.is_not(None))
    counted = readings.join(snapshots, snapshots.c.id == readings.c.snapshot)
    earlier = sa.func.lag(readings.c.counter).over(partition_by=readings.c.model, order_by=snapshots.c.day)
    steps = sa.select(readings.c.model, (readings.c.counter - earlier).label("step")).select_from(counted)
    inner = steps.where(*mine, readings.c.counter.is_not(None)).subquery()
    falls: list[Mapping[str, Any]] = []
    for model in connection.scalars(sa.select(inner.c.model).where(inner.c.step < 0).distinct()).all():
        points = sa.select(snapshots.c.day, readings.c.counter).select_from(counted)
        points = points.where(*mine, readings.c.model == model, readings.c.counter.is_not(None))
        rows = [(day, int(count)) for day, count in connection.execute(points.order_by(snapshots.c.day))]
        falls += _replace(connection, catalogue, model, list(_falls(rows)))
    for row in connection.execute(sa.select(stretches).where(stretches.c.catalogue == catalogue)).all():
        fallen = [fall for fall in falls if fall["first_day"] <= row.last_day and row.first_day <= fall["last_day"]]
        if fallen:
            _total(connection, catalogue, row.last_day, len({fall["model"] for fall in fallen}))


def _falls(points: list[tuple[date, int]]) -> Iterator[dict[str, Any]]:
    falls: list[dict[str, Any]] = []
    for (earlier, before), (day, now) in pairwise(points):
        if now < before:
            for fall in filter(_open, falls):
                fall["low"] = min(fall["low"], now)
            new = {"first_day": earlier + ONE, "last_day": day, "level": before, "low": now, "uses": None}
            falls.append(new)
        regained = [n for n, fall in enumerate(falls) if _regained(fall, before, now, 2)]
        part = [n for n, fall in enumerate(falls) if _regained(fall, before, now, 10)]
        maybe = next((n for n in part if day - falls[n]["last_day"] <= 7 * ONE), None)
        soon = next((n for n in regained if day - falls[n]["last_day"] <= 7 * ONE), None)
        if soon is not None:
            level = falls[soon]["level"]
            uses = now - level if now >= level else None
            falls[soon:] = [{**falls[soon], "last_day": day, "low": min(now, level), "uses": uses}]
        elif regained:
            for n in regained:
                falls[n]["low"] = min(now, falls[n]["level"])
            falls.append({"first_day": earlier + ONE, "last_day": day, "level": now, "low": now, "uses": None})
        elif maybe is not None:
            fall = falls[maybe]
            low = fall["level"] if now >= fall["level"] else fall["low"]
            falls[maybe:] = [{**fall, "last_day": day, "low": low}]
    yield from falls


def _open(fall: Mapping[str, Any]) -> bool:
    return fall["uses"] is None and bool(fall["low"] < fall["level"])


def _regained(fall: Mapping[str, Any], before: int, now: int, parts: int) -> bool:
    back = parts * (min(now, fall["level"]) - before) >= fall["level"] - fall["low"]
    return _open(fall) and before < now and bool(back)


def _replace(
    connection: sa.Connection, catalogue: int, model: int, new_falls: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    mine = {"model": model, "catalogue": catalogue}
    connection.execute(usage.delete().where(usage.c.model == model, usage.c.uses < 0))
    for fall in new_falls:
        inside = usage.c.last_day.between(fall["first_day"], fall["last_day"])
        connection.execute(usage.delete().where(usage.c.model == model, inside))
        connection.execute(falls.insert().values(**mine, **fall))
        if fall["uses"]:
            whole = {key: fall[key] for key in ("first_day", "last_day", "uses")}
            connection.execute(usage.insert().values(**mine, **whole, hole=True))
    first = connection.scalar(sa.select(sa.func.min(usage.c.last_day)).where(usage.c.model == model))
    newest = sa.select(usage.c.first_day, usage.c.last_day).where(usage.c.model == model)
    since, last = connection.execute(newest.order_by(usage.c.last_day.desc()).limit(1)).first() or (None, None)
    values = {"first_used": first, "last_used": last, "last_used_from": since}
    connection.execute(models.update().where(models.c.id == model).values(values))
    return [{**mine, **fall} for fall in new_falls]


def _total(connection: sa.Connection, catalogue: int, day: date, fallen: int) -> None:
    used = (usage.c.catalogue == catalogue, usage.c.last_day == day, usage.c.hole.is_(False))
    sums = (sa.func.coalesce(sa.func.sum(usage.c.uses), 0), sa.func.coalesce(sa.func.max(usage.c.uses), 0))
    uses, top, count = connection.execute(sa.select(*sums, sa.func.count()).where(*used)).one()
    same = (stretches.c.catalogue == catalogue, stretches.c.last_day == day)
    values = {"uses": uses, "top_uses": top, "models_used": count, "resets": fallen}
    connection.execute(stretches.update().where(*same).values(values))
