"""Settlements: stored as they are on the chain, verified until the verdict is final, rolled up by day.

They stay in the database, with the keys of counted leaves: verdicts change for days, and a leaf counts once in all of
history, so both are looked up by key.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from bot.ledger.catalogue_query import in_chunks
from bot.ledger.events.lake_days import store_tally
from bot.ledger.events.unrecognised import bound_reasons
from bot.ledger.snapshots.write import insert_new
from bot.records import Evidence, SafeName, Settlement, SettlementVerdict, Unknown, message
from bot.store import leaves, settlements, tallies, usage

_EVIDENCES: tuple[Evidence, ...] = ("claimed", "backed", "verified")


def forget_from_block(connection: sa.Connection, catalogue: int, block: int) -> set[date]:
    """Delete everything from this block on, which is no longer on the chain. Returns the days that it counted on."""
    mine = (settlements.c.catalogue == catalogue, settlements.c.block >= block)
    gone = sa.select(settlements.c.place).where(*mine)
    connection.execute(leaves.delete().where(leaves.c.catalogue == catalogue, leaves.c.backed_by.in_(gone)))
    proven = leaves.update().where(leaves.c.catalogue == catalogue, leaves.c.verified_by.in_(gone))
    connection.execute(proven.values(verified_by=None))
    days = set(connection.scalars(sa.select(settlements.c.day).where(*mine).distinct()))
    connection.execute(settlements.delete().where(*mine))
    return days


def insert_settlements(connection: sa.Connection, catalogue: int, new_settlements: Sequence[Settlement]) -> int:
    """Store new settlements; returns how many there were."""
    rows: list[dict[str, object]] = [
        {
            "catalogue": catalogue,
            "place": settlement.place,
            "block": settlement.block,
            "log_index": int(settlement.place.rpartition(":")[2]),
            "at": settlement.at,
            "day": settlement.at.date(),
            "relay": settlement.relay,
            "size": str(settlement.size),
            "blob": settlement.blob,
            "root": settlement.root,
            "attested": settlement.attested,
            "state": "pending",
            "claimed_unknown": "not judged yet",
            "signer": "",
            "reason": "",
            "standings": "{}",
            "models": "{}",
            "tries": 0,
            "next_try": settlement.at,
            "rules": "",
        }
        for settlement in new_settlements
    ]
    return insert_new(connection, settlements, rows)


def store_verdicts(connection: sa.Connection, catalogue: int, verdicts: Sequence[SettlementVerdict]) -> set[date]:
    """Keep judgements; the days whose figures they bear on."""
    if not verdicts:
        return set()
    mine = (settlements.c.catalogue == catalogue, settlements.c.place == sa.bindparam("known"))
    columns = ("state", "claimed", "backed", "verified", "claimed_unknown", "signer", "reason", "standings", "models")
    named: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in (*columns, "next_try", "rules")}
    change = settlements.update().where(*mine).values(**named, tries=settlements.c.tries + 1)
    connection.execute(change, [_verdict_row(verdict) for verdict in verdicts])
    _keep_leaves(connection, catalogue, verdicts)
    days: set[date] = set()
    for some in in_chunks([verdict.place for verdict in verdicts]):
        chosen = sa.select(settlements.c.day).where(settlements.c.catalogue == catalogue, settlements.c.place.in_(some))
        days |= set(connection.scalars(chosen.distinct()))
    return days


def _verdict_row(verdict: SettlementVerdict) -> dict[str, object]:
    return {
        "known": verdict.place,
        "new_state": verdict.state,
        "new_claimed": None if isinstance(verdict.claimed, Unknown) else verdict.claimed,
        "new_backed": None if isinstance(verdict.backed, Unknown) else verdict.backed,
        "new_verified": None if isinstance(verdict.verified, Unknown) else verdict.verified,
        "new_claimed_unknown": verdict.claimed.reason if isinstance(verdict.claimed, Unknown) else "",
        "new_signer": verdict.signer,
        "new_reason": verdict.reason,
        "new_standings": json.dumps(verdict.standings, sort_keys=True),
        "new_models": json.dumps(verdict.models, sort_keys=True),
        "new_next_try": verdict.next_try,
        "new_rules": verdict.rules,
    }


def _keep_leaves(connection: sa.Connection, catalogue: int, verdicts: Sequence[SettlementVerdict]) -> None:
    """Who was first to back and to verify each leaf. A settlement of nobody we know has no leaves of its own."""
    out = [verdict.place for verdict in verdicts if verdict.state == "stranger"]
    for some in in_chunks(out):
        mine = leaves.c.catalogue == catalogue
        connection.execute(leaves.delete().where(mine, leaves.c.backed_by.in_(some)))
        connection.execute(leaves.update().where(mine, leaves.c.verified_by.in_(some)).values(verified_by=None))
    backed = [
        {"catalogue": catalogue, "key": key, "backed_by": verdict.place, "verified_by": None}
        for verdict in verdicts
        for key in dict.fromkeys((*verdict.backs, *verdict.verifies))
    ]
    insert_new(connection, leaves, backed)
    same = (leaves.c.catalogue == catalogue, leaves.c.key == sa.bindparam("leaf"))
    proven = [{"leaf": key, "by": verdict.place} for verdict in verdicts for key in verdict.verifies]
    if proven:
        first = leaves.update().where(*same, leaves.c.verified_by.is_(None))
        connection.execute(first.values(verified_by=sa.bindparam("by")), proven)


def roll_up(connection: sa.Connection, catalogue: int, day: date) -> None:
    """Recompute the three figures of a day's settlements, which have different evidence and are never added up. What
    has no verdict yet or was not recognised makes a figure a lower bound."""
    mine = (tallies.c.catalogue == catalogue, tallies.c.day == day, tallies.c.evidence.in_(_EVIDENCES))
    connection.execute(tallies.delete().where(*mine))
    connection.execute(usage.delete().where(usage.c.catalogue == catalogue, usage.c.last_day == day))
    conditions = (settlements.c.catalogue == catalogue, settlements.c.day == day, settlements.c.state != "stranger")
    columns = {name: settlements.c[name] for name in _EVIDENCES}
    sums = [f(c) for c in columns.values() for f in (sa.func.sum, sa.func.count)]
    total, *counts = connection.execute(sa.select(sa.func.count(), *sums).where(*conditions)).one()
    bounds = bound_reasons(connection, catalogue, day)
    if not total and not any(bounds.values()):
        return
    named = sa.select(settlements.c.models).where(*conditions, settlements.c.models != "{}", settlements.c.verified > 0)
    by_model: Counter[str] = Counter()
    for text in connection.scalars(named):
        by_model.update({SafeName(model): int(n) for model, n in json.loads(text).items()})
    for place, (name, column) in enumerate(columns.items()):
        missing, known = total - counts[2 * place + 1], int(counts[2 * place] or 0)
        reason = bounds[name]
        if missing and (name == "claimed" or not reason):
            words = settlements.c.claimed_unknown if name == "claimed" else settlements.c.reason
            first = sa.select(words).where(*conditions, column.is_(None)).order_by(settlements.c.place).limit(1)
            why = connection.scalar(first)
            code, new = "verdict_missing" if missing == 1 else "verdicts_missing", message("not_judged_yet")
            reason = str(why) if name == "claimed" else message(code, n=missing, settlements=total, reason=why or new)
        told_by_model = by_model if name == "verified" else None
        store_tally(connection, catalogue, day, name, known if known or not reason else None, reason, told_by_model)
