"""How much of a day's settlements was not recognised, and which of its figures that makes lower bounds.

The rule: what was not recognised did not "not happen". While it is a small share of the day (`SMALL_SHARE`), it is a
gap; beyond that, a figure that it may belong to is "at least" what is known, and unknown where nothing is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction

import sqlalchemy as sa

from bot.records import Evidence, message
from bot.store import gauges, settlements, strangers

SMALL_SHARE = Fraction(1, 100)
"""Share of a day's logs, batches or leaves that may stay unrecognised in an exact figure: see
docs/decisions/opengradient-evidence.md."""
UNREAD_LOGS = "logs_unread"
"""Gauge: logs of pinned contracts, in one block, that are of no event that is known."""
UNSETTLED = "transfers_unsettled"
"""Gauge: transfers in one block that are worth a payment and that no known contract settled."""
SCANNED = "strangers_seen"
"""Gauge: the day was searched for settlements of contracts that are not pinned; their number."""

_UNPROVEN = {
    "unknown key": "leaves_of_other_enclaves",
    "bad signature": "leaves_not_genuine",
    "backed": "leaves_unsigned",
}
"""Standings of leaves that are backed and may be genuine answers all the same."""
_MISFITS = ("implausible time", "beyond the claimed size", "not registered before its timestamp")


def is_small(part: int, whole: int) -> bool:
    """Whether so much of a day may stay unrecognised in an exact figure."""
    return part <= SMALL_SHARE * whole


def block_counts(connection: sa.Connection, catalogue: int, key: str, first: date, last: date) -> Mapping[date, int]:
    """The sum of a gauge that is counted by block, by day."""
    mine = (gauges.c.catalogue == catalogue, gauges.c.key == key, gauges.c.day.between(first, last))
    counts: Counter[date] = Counter()
    for row in connection.execute(sa.select(gauges.c.day, gauges.c.value).where(*mine)):
        counts[row.day] += int(row.value)
    return counts


def bound_reasons(connection: sa.Connection, catalogue: int, day: date) -> Mapping[Evidence, str]:
    """Why a day's figures are lower bounds, by evidence; empty texts where they are not."""
    mine = (settlements.c.catalogue == catalogue, settlements.c.day == day)
    grouped = sa.select(settlements.c.state, sa.func.count()).where(*mine).group_by(settlements.c.state)
    states: dict[str, int] = {row[0]: int(row[1]) for row in connection.execute(grouped)}
    logs = _log_reason(connection, catalogue, day, states)
    ours = sum(states.values()) - states.get("stranger", 0)
    lost = states.get("expired", 0) + states.get("refused", 0)
    batches = _share_reason("settlements", ours, [(lost, "settlements_not_read")])
    misfits, unproven = _leaf_reasons(connection, mine)
    return {"claimed": logs, "backed": logs or batches or misfits, "verified": logs or batches or unproven}


def _log_reason(connection: sa.Connection, catalogue: int, day: date, states: Mapping[str, int]) -> str:
    """Why some of the day's settlements may not have been recognised as such."""
    of = (strangers.c.catalogue == catalogue, strangers.c.day == day)
    elsewhere = int(connection.scalar(sa.select(sa.func.sum(strangers.c.logs)).where(*of)) or 0)
    unread = block_counts(connection, catalogue, UNREAD_LOGS, day, day).get(day, 0)
    whole = sum(states.values()) + elsewhere + unread
    parts = [
        (elsewhere, "logs_of_other_contracts"),
        (states.get("stranger", 0), "logs_of_other_senders"),
        (unread, "logs_not_read"),
    ]
    return _share_reason("settlements", whole, parts)


def _leaf_reasons(connection: sa.Connection, mine: Iterable[sa.ColumnElement[bool]]) -> tuple[str, str]:
    """Why some of the day's leaves may be answers that are not counted: as backed ones, and as verified ones."""
    ours = (*mine, settlements.c.state != "stranger")
    verified = int(connection.scalar(sa.select(sa.func.sum(settlements.c.verified)).where(*ours)) or 0)
    counts: Counter[str] = Counter()
    for text in connection.scalars(sa.select(settlements.c.standings).where(*ours, settlements.c.standings != "{}")):
        counts.update(json.loads(text))
    whole = verified + counts.total() - counts["duplicate"]
    misfits = [(sum(counts[standing] for standing in _MISFITS), "leaves_misfit")]
    unproven = [(counts[standing], code) for standing, code in _UNPROVEN.items()]
    return _share_reason("leaves", whole, misfits), _share_reason("leaves", whole, [*misfits, *unproven])


def _share_reason(noun: str, whole: int, parts: Iterable[tuple[int, str]]) -> str:
    """The message of the largest part, unless all parts together are a small share. `noun`: the message's parameter
    for the whole."""
    counts = list(parts)
    if is_small(sum(count for count, _ in counts), whole):
        return ""
    return max((count, message(code, n=count, **{noun: whole})) for count, code in counts)[1]
