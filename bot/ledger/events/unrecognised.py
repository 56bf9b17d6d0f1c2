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

from bot.records import Evidence
from bot.store import gauges, settlements, strangers

SMALL_SHARE = Fraction(1, 100)
"""Share of a day's logs, batches or leaves that may stay unrecognised in an exact figure: see
docs/decisions/opengradient-evidence.md."""
UNREAD_LOGS = "logs_unread"
"""Gauge: logs of pinned contracts, in one block, that are of no event that is known."""
SCANNED = "strangers_seen"
"""Gauge: the day was searched for settlements of contracts that are not pinned; their number."""

_UNPROVEN = {
    "unknown key": "came from enclaves that no registry lists",
    "bad signature": "did not pass the signature check",
    "backed": "came without a signature that can be checked",
}
"""Standings of leaves that are backed and may be genuine answers all the same."""
_MISFITS = ("implausible time", "beyond the claimed size", "not registered before its timestamp")
_MISFIT = "did not fit in time, claimed size or registration"


def is_small(part: int, whole: int) -> bool:
    """Whether so much of a day may stay unrecognised in an exact figure."""
    return part <= SMALL_SHARE * whole


def bound_reasons(connection: sa.Connection, catalogue: int, day: date) -> Mapping[Evidence, str]:
    """Why a day's figures are lower bounds, by evidence; empty texts where they are not."""
    mine = (settlements.c.catalogue == catalogue, settlements.c.day == day)
    grouped = sa.select(settlements.c.state, sa.func.count()).where(*mine).group_by(settlements.c.state)
    states: dict[str, int] = {row[0]: int(row[1]) for row in connection.execute(grouped)}
    logs = _log_reason(connection, catalogue, day, states)
    ours = sum(states.values()) - states.get("stranger", 0)
    lost = states.get("expired", 0) + states.get("refused", 0)
    batches = _share_reason(f"{ours:,} settlement{'' if ours == 1 else 's'}", ours, [(lost, "could not be read")])
    misfits, unproven = _leaf_reasons(connection, mine)
    return {"claimed": logs, "backed": logs or batches or misfits, "verified": logs or batches or unproven}


def _log_reason(connection: sa.Connection, catalogue: int, day: date, states: Mapping[str, int]) -> str:
    """Why some of the day's settlements may not have been recognised as such."""
    of = (strangers.c.catalogue == catalogue, strangers.c.day == day)
    elsewhere = int(connection.scalar(sa.select(sa.func.sum(strangers.c.logs)).where(*of)) or 0)
    kept = (gauges.c.catalogue == catalogue, gauges.c.day == day, gauges.c.key == UNREAD_LOGS)
    unread = sum(int(value) for value in connection.scalars(sa.select(gauges.c.value).where(*kept)))
    whole = sum(states.values()) + elsewhere + unread
    parts = [
        (elsewhere, "came from contracts that are not pinned"),
        (states.get("stranger", 0), "came from senders that are not pinned"),
        (unread, "could not be read"),
    ]
    return _share_reason(f"{whole:,} logs", whole, parts)


def _leaf_reasons(connection: sa.Connection, mine: Iterable[sa.ColumnElement[bool]]) -> tuple[str, str]:
    """Why some of the day's leaves may be answers that are not counted: as backed ones, and as verified ones."""
    ours = (*mine, settlements.c.state != "stranger")
    verified = int(connection.scalar(sa.select(sa.func.sum(settlements.c.verified)).where(*ours)) or 0)
    found: Counter[str] = Counter()
    for text in connection.scalars(sa.select(settlements.c.standings).where(*ours, settlements.c.standings != "{}")):
        found.update(json.loads(text))
    whole = verified + found.total() - found["duplicate"]
    noun = f"{whole:,} {'leaf' if whole == 1 else 'leaves'}"
    misfits = [(sum(found[standing] for standing in _MISFITS), _MISFIT)]
    unproven = [(found[standing], words) for standing, words in _UNPROVEN.items()]
    return _share_reason(noun, whole, misfits), _share_reason(noun, whole, [*misfits, *unproven])


def _share_reason(noun: str, whole: int, parts: Iterable[tuple[int, str]]) -> str:
    """The largest part in words, where all of them together are no small share."""
    found = sorted(parts, reverse=True)
    most, words = found[0]
    return "" if is_small(sum(part for part, _ in found), whole) else f"{most:,} of {noun} {words}"
