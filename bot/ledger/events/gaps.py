"""Gaps of a period on networks that are read event by event, and the refs of its events."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from bot import lake
from bot.ledger.events.unrecognised import SCANNED, UNREAD_LOGS
from bot.ledger.events.usage import EventCatalogueQuery, sum_column
from bot.records import Period, SourceRef, Unknown, Usage, message
from bot.store import event_days as day_rows
from bot.store import event_refs, gauges, refs, settlements, strangers

log = logging.getLogger(__name__)

SHOWN = 3
"""Most emitters or callers that a gap names."""
UPGRADES = "contract_upgrades"
"""Gauge: how often the contract that books the use got other code."""
SECOND_COUNT = ("second_differs", "second_here", "second_there")
"""Gauges of a second count of the same use: models that it counts differently, uses here, uses there."""
_STANDINGS = (
    *("placeholder", "bad signature", "unknown key", "not registered before its timestamp", "duplicate"),
    *("implausible time", "beyond the claimed size"),
)


def event_gaps(query: EventCatalogueQuery, period: Period) -> Iterable[str]:
    """What is unknown in a period's events, as gaps."""
    yield from _settlement_gaps(query, period)
    yield from _stranger_gaps(query, period)
    yield from _unread_log_gaps(query, period)
    if "backed" in query.catalogue.evidences:
        yield from _unscanned_gaps(query, period)
    yield from _upgrade_gaps(query, period)
    lost = sum_column(query, period, day_rows.c.nameless)
    if lost:
        yield message("content_id_unknown", n=lost, unit=query.catalogue.unit)


def daily_gaps(query: EventCatalogueQuery, period: Period, listed: object) -> Iterable[str]:
    """What is unknown of a network that reports its use by day and model, as gaps."""
    if isinstance(listed, Unknown):
        yield message("list_not_known", day=period.last)
    mine = (gauges.c.catalogue == query.key, gauges.c.day.between(period.first, period.last))
    keys = gauges.c.key.in_(SECOND_COUNT)
    rows = query.connection.execute(sa.select(gauges).where(*mine, keys).order_by(gauges.c.at))
    newest = {(row.key, row.day): int(row.value) for row in rows}
    models, here, there = (sum(value for (key, _), value in newest.items() if key == name) for name in SECOND_COUNT)
    if models:
        yield message("second_count_differs", models=models, n=here, m=there, unit=query.catalogue.unit)


def _upgrade_gaps(query: EventCatalogueQuery, period: Period) -> Iterable[str]:
    """The gap that the contract which books the use got other code."""
    mine = (gauges.c.catalogue == query.key, gauges.c.day.between(period.first, period.last))
    days = query.connection.scalars(sa.select(gauges.c.day).where(*mine, gauges.c.key == UPGRADES))
    yield from (message("contract_upgraded", place=query.catalogue.place, day=day) for day in sorted(set(days)))


def caller_gaps(query: EventCatalogueQuery, period: Period, flow: Usage | Unknown) -> Iterable[str]:
    """The largest callers with their share of all use, where they are to be named and the lake has every event."""
    if not query.catalogue.names_callers or not isinstance(flow, Usage) or not flow.uses:
        return
    mine = (day_rows.c.catalogue == query.key, day_rows.c.day.between(period.first, period.last))
    rows = query.connection.execute(sa.select(day_rows).where(*mine, day_rows.c.events > 0)).all()
    if any(row.pruned for row in rows):
        return
    settings, catalogue = query.store.lake, query.catalogue
    days = [lake.DayRef(settings, catalogue.network, catalogue.key, row.day, row.manifest) for row in rows]
    try:
        largest = lake.largest_callers(days, SHOWN)
    except lake.LakeError as error:
        log.error("%s: largest callers cannot be read: %s", catalogue.key, error)
        return
    shown = ", ".join(f"{caller} {100 * uses / flow.uses:.1f}%" for caller, uses in largest.items())
    if shown:
        yield message("largest_callers", n=sum(largest.values()), m=flow.uses, unit=catalogue.unit, rest=shown)


def _settlement_gaps(query: EventCatalogueQuery, period: Period) -> Iterable[str]:
    mine = (settlements.c.catalogue == query.key, settlements.c.day.between(period.first, period.last))
    by_state = sa.select(settlements.c.state, sa.func.count()).where(*mine).group_by(settlements.c.state)
    states: dict[str, int] = {row[0]: int(row[1]) for row in query.connection.execute(by_state)}
    for state in ("pending", "expired", "stranger"):
        if states.get(state):
            yield message(f"settlements_{state}", settlements=states[state])
    judged = (settlements.c.state.in_(["verdict", "refused"]), settlements.c.reason != "")
    refused = sa.select(settlements.c.reason, sa.func.count()).where(*mine, *judged)
    for reason, count in query.connection.execute(refused.group_by(settlements.c.reason).limit(5)):
        yield message("settlements_refused", settlements=int(count), reason=reason)
    yield from _sender_named_gaps(query, mine)
    yield from _standing_gaps(query, sa.select(settlements.c.standings).where(*mine, settlements.c.standings != "{}"))


def _sender_named_gaps(query: EventCatalogueQuery, filters: Sequence[sa.ColumnElement[bool]]) -> Iterable[str]:
    """The gap that only senders name the models."""
    stmt = sa.select(settlements.c.models).where(*filters, settlements.c.models != "{}", settlements.c.verified == 0)
    if uses := Counter(model for text in query.connection.scalars(stmt) for model in json.loads(text)):
        most = ", ".join(f"{model} {n:,}" for model, n in uses.most_common(SHOWN))
        yield message("named_by_sender", n=uses.total(), unit=query.catalogue.unit, rest=most)


def _stranger_gaps(query: EventCatalogueQuery, period: Period) -> Iterable[str]:
    seen = (strangers.c.catalogue == query.key, strangers.c.day.between(period.first, period.last))
    stmt = sa.select(strangers.c.address, sa.func.sum(strangers.c.logs)).where(*seen).group_by(strangers.c.address)
    emitters = query.connection.execute(stmt).all()
    if emitters:
        shown = ", ".join(sorted(row[0] for row in emitters)[:SHOWN]) + (" and others" if emitters[SHOWN:] else "")
        total = sum(int(row[1]) for row in emitters)
        yield message("strangers_found", settlements=total, rest=shown)


def _unread_log_gaps(query: EventCatalogueQuery, period: Period) -> Iterable[str]:
    """The gap for logs of pinned contracts that are of no event that is known."""
    mine = (gauges.c.catalogue == query.key, gauges.c.day.between(period.first, period.last))
    values = query.connection.scalars(sa.select(gauges.c.value).where(*mine, gauges.c.key == UNREAD_LOGS))
    if count := sum(map(int, values)):
        yield message("unread_log" if count == 1 else "unread_logs", n=count)


def _unscanned_gaps(query: EventCatalogueQuery, period: Period) -> Iterable[str]:
    """The gap for days that were not searched for settlements of contracts that are not pinned."""
    mine = (gauges.c.catalogue == query.key, gauges.c.day.between(period.first, period.last))
    looked = sa.select(sa.func.count(gauges.c.day.distinct())).where(*mine, gauges.c.key == SCANNED)
    missing = period.day_count - int(query.connection.scalar(looked) or 0)
    if missing and period.day_count == 1:
        yield message("not_sought_day", day=period.last)
    elif missing:
        yield message("not_sought_days", n=missing, m=period.day_count)


def nameless_gaps(query: EventCatalogueQuery, flow: Usage | Unknown) -> Iterable[str]:
    """The gap that figures by model cover only a part."""
    if query.catalogue.evidence == "verified" and isinstance(flow, Usage) and flow.unattributed and flow.by_model:
        yield message("uses_without_model", n=flow.unattributed, m=flow.uses, unit=query.catalogue.unit)


def _standing_gaps(query: EventCatalogueQuery, stmt: sa.Select[Any]) -> Iterable[str]:
    counts: Counter[str] = Counter()
    for text in query.connection.scalars(stmt):
        counts.update(json.loads(text))
    for standing in _STANDINGS:
        if counts[standing]:
            yield message(f"leaves_{standing.replace(' ', '_')}", leaves=counts[standing])


def payment_gaps(query: EventCatalogueQuery, period: Period) -> Iterable[str]:
    """The gap for transfers to the operator that do not count as payments."""
    count = sum_column(query, period, day_rows.c.others)
    if not count:
        return
    mine = (day_rows.c.catalogue == query.key, day_rows.c.day.between(period.first, period.last))
    payers: Counter[str] = Counter()
    for text in query.connection.scalars(sa.select(day_rows.c.other_payers).where(*mine)):
        payers.update(json.loads(text))
    most = sorted(payers.items(), key=lambda payer: (-payer[1], payer[0]))[:SHOWN]
    shown = ", ".join(f"{n:,} from {payer}" for payer, n in most)
    # A day names only its largest senders, so over several days each may have sent more than this.
    least = "at least " if period.day_count > 1 and payers.total() < count else ""
    rest = " and others" if sum(n for _, n in most) < count else ""
    if shown:
        yield message("transfers_named", transfers=count, rest=f"{least}{shown}{rest}")
    else:
        yield message("transfers_not_counted", transfers=count)


def event_references(query: EventCatalogueQuery, period: Period) -> tuple[SourceRef, ...]:
    """The refs of a period's events."""
    mine = (event_refs.c.catalogue == query.key, event_refs.c.day.between(period.first, period.last))
    read = sa.select(refs.c.url, refs.c.at, refs.c.sha256).join(event_refs, event_refs.c.ref == refs.c.id)
    chosen = read.where(*mine).distinct().order_by(refs.c.at, refs.c.url)
    return tuple(SourceRef(*row) for row in query.connection.execute(chosen))
