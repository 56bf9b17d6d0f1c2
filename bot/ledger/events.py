"""Adding hauls: what an event source told, its cursors and windows, in one transaction, with the roll-ups of each day.

One rule holds here: a log is kept once and as it stands; what the rules made of it is kept beside it and may be made
again. Integers that a stranger chose stay text until the rules have bounded them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from bot.ledger.snapshots import catalogue_id, changed, insert_new, model_ids, move_use, ref_id
from bot.records import Evidence, Haul, Judgement, Name, Payment, Settlement, Unknown, Use, Window
from bot.store import (
    Store,
    callers,
    cursors,
    event_refs,
    gauges,
    leaves,
    payments,
    settlements,
    strangers,
    tallies,
    usage,
    uses,
    windows,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a haul."""

    new: int
    """Records that the ledger did not have."""
    days: tuple[date, ...]
    """Days whose roll-ups were made again."""


def add_haul(store: Store, haul: Haul) -> Kept:
    """Keep a haul, whole or not at all. Offered twice it is kept once."""
    with store.writing() as connection:
        catalogue = catalogue_id(connection, haul.network, haul.catalogue)
        touched: set[date] = set()
        if haul.forget_from is not None:
            touched |= _forgotten(connection, catalogue, haul.forget_from)
        new = _keep_settlements(connection, catalogue, haul.settlements)
        new += _keep_uses(connection, catalogue, haul.uses) + _keep_payments(connection, catalogue, haul.payments)
        new += _keep_gauges(connection, catalogue, haul)
        for records in (haul.settlements, haul.uses, haul.payments):
            touched |= {one.at.date() for one in records}
        touched |= _judge(connection, catalogue, haul.judgements)
        _keep_strangers(connection, catalogue, haul)
        if haul.window:
            _widen(connection, catalogue, haul.window)
        _keep_refs(connection, catalogue, haul)
        for name, text in haul.cursors.items():
            _point(connection, haul.network, name, text)
        for day in sorted(touched):
            _roll_up(connection, catalogue, day, haul.evidence)
        changed(connection, haul.network)
        return Kept(new, tuple(sorted(touched)))


# --- keeping -----------------------------------------------------------------------------------------------------


def _forgotten(connection: sa.Connection, catalogue: int, block: int) -> set[date]:
    """Forget what stood in a block that is not on the chain any more, or after it; the days it was counted on."""
    days: set[date] = set()
    gone = sa.select(settlements.c.place).where(settlements.c.catalogue == catalogue, settlements.c.block >= block)
    connection.execute(leaves.delete().where(leaves.c.catalogue == catalogue, leaves.c.backed_by.in_(gone)))
    proven = leaves.update().where(leaves.c.catalogue == catalogue, leaves.c.verified_by.in_(gone))
    connection.execute(proven.values(verified_by=None))
    for table in (settlements, uses, payments):
        mine = (table.c.catalogue == catalogue, table.c.block >= block)
        days |= set(connection.scalars(sa.select(table.c.day).where(*mine).distinct()))
        connection.execute(table.delete().where(*mine))
    return days


def _count(connection: sa.Connection, table: sa.Table, catalogue: int) -> int:
    counted = sa.select(sa.func.count()).select_from(table).where(table.c.catalogue == catalogue)
    return int(connection.scalar(counted) or 0)


def _keep_settlements(connection: sa.Connection, catalogue: int, found: Sequence[Settlement]) -> int:
    rows: list[dict[str, object]] = [
        {
            "catalogue": catalogue,
            "place": one.place,
            "block": one.block,
            "log_index": int(one.place.rpartition(":")[2]),
            "at": one.at,
            "day": one.at.date(),
            "relay": one.relay,
            "size": str(one.size),
            "blob": one.blob,
            "root": one.root,
            "attested": one.attested,
            "state": "pending",
            "claimed_unknown": "not judged yet",
            "signer": "",
            "reason": "",
            "standings": "{}",
            "models": "{}",
            "tries": 0,
            "next_try": one.at,
            "rules": "",
        }
        for one in found
    ]
    return _fresh(connection, settlements, catalogue, rows)


def _fresh(connection: sa.Connection, table: sa.Table, catalogue: int, rows: Sequence[dict[str, object]]) -> int:
    """Insert what is not there yet; how many rows that were."""
    if not rows:
        return 0
    before = _count(connection, table, catalogue)
    insert_new(connection, table, rows)
    return _count(connection, table, catalogue) - before


def _keep_uses(connection: sa.Connection, catalogue: int, found: Sequence[Use]) -> int:
    """A use known already may learn its model and its caller, never change them."""
    rows: list[dict[str, object]] = [
        {
            "catalogue": catalogue,
            "place": one.place,
            "block": one.block,
            "at": one.at,
            "day": one.at.date(),
            "uses": one.count,
            "model": one.model,
            "caller": one.caller,
            "content": one.content,
        }
        for one in found
    ]
    new = _fresh(connection, uses, catalogue, rows)
    if new < len(rows):
        mine = uses.update().where(uses.c.catalogue == catalogue, uses.c.place == sa.bindparam("known"))
        named = [{"known": one.place, "named": one.model} for one in found if one.model]
        if named:
            connection.execute(mine.where(uses.c.model.is_(None)).values(model=sa.bindparam("named")), named)
        told = [{"known": one.place, "from": one.caller} for one in found if one.caller]
        if told:
            connection.execute(mine.where(uses.c.caller == "").values(caller=sa.bindparam("from")), told)
    return new


def _keep_payments(connection: sa.Connection, catalogue: int, found: Sequence[Payment]) -> int:
    rows: list[dict[str, object]] = [
        {
            "catalogue": catalogue,
            "place": one.place,
            "block": one.block,
            "at": one.at,
            "day": one.at.date(),
            "payer": one.payer,
            "amount": str(one.amount),
            "session": one.session,
        }
        for one in found
    ]
    return _fresh(connection, payments, catalogue, rows)


def _keep_gauges(connection: sa.Connection, catalogue: int, haul: Haul) -> int:
    rows: list[dict[str, object]] = [
        {"catalogue": catalogue, "key": one.key, "day": one.day, "at": one.at, "value": str(one.value)}
        for one in haul.gauges
    ]
    return _fresh(connection, gauges, catalogue, rows)


def _keep_strangers(connection: sa.Connection, catalogue: int, haul: Haul) -> None:
    if haul.strangers is None:
        return
    (day,) = haul.days
    connection.execute(strangers.delete().where(strangers.c.catalogue == catalogue, strangers.c.day == day))
    rows = [{"catalogue": catalogue, "day": day, "address": a, "logs": n} for a, n in haul.strangers.items()]
    if rows:
        connection.execute(strangers.insert(), rows)


def _widen(connection: sa.Connection, catalogue: int, window: Window) -> None:
    """Add a window, joined with those it touches."""
    mine = (windows.c.catalogue == catalogue, windows.c.begins <= window.ends, windows.c.ends >= window.begins)
    touching = connection.execute(sa.select(windows.c.begins, windows.c.ends).where(*mine)).all()
    connection.execute(windows.delete().where(*mine))
    begins = min([window.begins, *(row.begins for row in touching)])
    ends = max([window.ends, *(row.ends for row in touching)])
    connection.execute(windows.insert().values(catalogue=catalogue, begins=begins, ends=ends))


def _keep_refs(connection: sa.Connection, catalogue: int, haul: Haul) -> None:
    ids = [ref_id(connection, ref) for ref in haul.refs]
    rows = [{"catalogue": catalogue, "day": day, "ref": key} for day in haul.days for key in ids]
    insert_new(connection, event_refs, rows)


def _point(connection: sa.Connection, network: str, name: str, text: str) -> None:
    mine = (cursors.c.network == network, cursors.c.name == name)
    connection.execute(cursors.delete().where(*mine))
    connection.execute(cursors.insert().values(network=network, name=name, text=text))


# --- judging -----------------------------------------------------------------------------------------------------


def _judge(connection: sa.Connection, catalogue: int, found: Sequence[Judgement]) -> set[date]:
    if not found:
        return set()
    mine = settlements.update().where(
        settlements.c.catalogue == catalogue, settlements.c.place == sa.bindparam("known")
    )
    columns = ("state", "claimed", "backed", "verified", "claimed_unknown", "signer", "reason", "standings", "models")
    named: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in (*columns, "next_try", "rules")}
    change = mine.values(**named, tries=settlements.c.tries + 1)
    connection.execute(change, [_judged(one) for one in found])
    _keep_leaves(connection, catalogue, found)
    days: set[date] = set()
    for some in _chunks([one.place for one in found]):
        chosen = sa.select(settlements.c.day).where(settlements.c.catalogue == catalogue, settlements.c.place.in_(some))
        days |= set(connection.scalars(chosen.distinct()))
    return days


def _judged(one: Judgement) -> dict[str, object]:
    return {
        "known": one.place,
        "new_state": one.state,
        "new_claimed": None if isinstance(one.claimed, Unknown) else one.claimed,
        "new_backed": None if isinstance(one.backed, Unknown) else one.backed,
        "new_verified": None if isinstance(one.verified, Unknown) else one.verified,
        "new_claimed_unknown": one.claimed.reason if isinstance(one.claimed, Unknown) else "",
        "new_signer": one.signer,
        "new_reason": one.reason,
        "new_standings": json.dumps(one.standings, sort_keys=True),
        "new_models": json.dumps(one.models, sort_keys=True),
        "new_next_try": one.next_try,
        "new_rules": one.rules,
    }


def _keep_leaves(connection: sa.Connection, catalogue: int, found: Sequence[Judgement]) -> None:
    """Who was first to back and to verify each leaf. A settlement of nobody we know has no leaves of its own."""
    out = [one.place for one in found if one.state == "stranger"]
    for some in _chunks(out):
        mine = leaves.c.catalogue == catalogue
        connection.execute(leaves.delete().where(mine, leaves.c.backed_by.in_(some)))
        connection.execute(leaves.update().where(mine, leaves.c.verified_by.in_(some)).values(verified_by=None))
    backed = [
        {"catalogue": catalogue, "key": key, "backed_by": one.place, "verified_by": None}
        for one in found
        for key in dict.fromkeys((*one.backs, *one.verifies))
    ]
    insert_new(connection, leaves, backed)
    first = sa.and_(
        leaves.c.catalogue == catalogue, leaves.c.key == sa.bindparam("leaf"), leaves.c.verified_by.is_(None)
    )
    proven = [{"leaf": key, "by": one.place} for one in found for key in one.verifies]
    if proven:
        connection.execute(leaves.update().where(first).values(verified_by=sa.bindparam("by")), proven)


def _chunks(items: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


# --- roll-ups ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tally:
    """One day's uses of one evidence."""

    uses: int | None
    unknown: str = ""
    by_model: Counter[str] | None = None


def _roll_up(connection: sa.Connection, catalogue: int, day: date, evidence: Evidence) -> None:
    """Make a day's roll-ups anew from its records."""
    made: dict[str, _Tally] = {}
    made |= _settled(connection, catalogue, day)
    made |= _used(connection, catalogue, day, evidence)
    connection.execute(tallies.delete().where(tallies.c.catalogue == catalogue, tallies.c.day == day))
    connection.execute(usage.delete().where(usage.c.catalogue == catalogue, usage.c.last_day == day))
    ids = model_ids(connection, catalogue) if any(one.by_model for one in made.values()) else {}
    for name, tally in made.items():
        known = {ids[m]: n for m, n in (tally.by_model or {}).items() if m in ids}
        row = {
            "catalogue": catalogue,
            "evidence": name,
            "day": day,
            "uses": tally.uses,
            "unknown": tally.unknown,
            "unattributed": (tally.uses or 0) - sum(known.values()),
            "models_used": len(known),
            "top_uses": max(known.values(), default=0),
        }
        connection.execute(tallies.insert().values(**row))
        if tally.uses is not None and tally.by_model is not None:
            span = {"catalogue": catalogue, "first_day": day, "last_day": day, "hole": False}
            insert_new(connection, usage, [{**span, "model": model, "uses": n} for model, n in known.items()])
            move_use(connection, catalogue, day)
    _called(connection, catalogue, day)


def _settled(connection: sa.Connection, catalogue: int, day: date) -> dict[str, _Tally]:
    """The three figures of a day's settlements, which are of different evidence and never added up."""
    mine = (settlements.c.catalogue == catalogue, settlements.c.day == day, settlements.c.state != "stranger")
    columns = {name: settlements.c[name] for name in ("claimed", "backed", "verified")}
    sums = [f(c) for c in columns.values() for f in (sa.func.sum, sa.func.count)]
    total, *found = connection.execute(sa.select(sa.func.count(), *sums).where(*mine)).one()
    if not total:
        return {}
    made: dict[str, _Tally] = {}
    for place, (name, column) in enumerate(columns.items()):
        missing = total - found[2 * place + 1]
        if missing:
            told = settlements.c.claimed_unknown if name == "claimed" else settlements.c.reason
            why = connection.scalar(
                sa.select(told).where(*mine, column.is_(None)).order_by(settlements.c.place).limit(1)
            )
            of = f"{missing} of {total} settlements {'has' if missing == 1 else 'have'} no verdict yet"
            made[name] = _Tally(None, str(why) if name == "claimed" else f"{of}, for one because {why or 'it is new'}")
        else:
            made[name] = _Tally(int(found[2 * place] or 0))
    named = sa.select(settlements.c.models).where(*mine, settlements.c.models != "{}")
    by_model: Counter[str] = Counter()
    for text in connection.scalars(named):
        by_model.update({Name(model): int(n) for model, n in json.loads(text).items()})
    made["verified"] = _Tally(made["verified"].uses, made["verified"].unknown, by_model)
    return made


def _used(connection: sa.Connection, catalogue: int, day: date, evidence: Evidence) -> dict[str, _Tally]:
    mine = (uses.c.catalogue == catalogue, uses.c.day == day)
    found = connection.execute(sa.select(uses.c.model, sa.func.sum(uses.c.uses)).where(*mine).group_by(uses.c.model))
    by_model = {model: int(count) for model, count in found}
    if not by_model:
        return {}
    return {evidence: _Tally(sum(by_model.values()), "", Counter({m: n for m, n in by_model.items() if m}))}


def _called(connection: sa.Connection, catalogue: int, day: date) -> None:
    """Who called or paid on a day."""
    counts: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    mine = (uses.c.catalogue == catalogue, uses.c.day == day)
    called = sa.select(uses.c.caller, sa.func.sum(uses.c.uses)).where(*mine).group_by(uses.c.caller)
    counts.update({caller: int(count) for caller, count in connection.execute(called)})
    paid = (payments.c.catalogue == catalogue, payments.c.day == day, payments.c.session)
    for payer, amount in connection.execute(sa.select(payments.c.payer, payments.c.amount).where(*paid)):
        counts[payer] += 1
        amounts[payer] += int(amount)
    connection.execute(callers.delete().where(callers.c.catalogue == catalogue, callers.c.day == day))
    rows: list[dict[str, object]] = [
        {"catalogue": catalogue, "day": day, "caller": who, "uses": n, "amount": str(amounts[who])}
        for who, n in counts.items()
    ]
    if rows:
        connection.execute(callers.insert(), rows)
