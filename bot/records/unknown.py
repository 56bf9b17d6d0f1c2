"""Unknown is a value with a reason, never `None` and never zero; a value that is partly known is a lower bound."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bot.records.messages import message


@dataclass(frozen=True, slots=True)
class Unknown:
    """An unknown value and the reason, a message worded to follow "unknown: "."""

    reason: str


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A lower bound: the value is at least this, and the reason why it may be more."""

    value: int | float | Decimal
    reason: str


def at_least(value: int, reason: str) -> AtLeast | Unknown:
    """A lower bound, or `Unknown` for 0, because "at least 0" says nothing."""
    return AtLeast(value, reason) if value else Unknown(reason)


def unnamed_use_reason(lost: int, uses: int) -> Unknown:
    """The reason why figures about single models are unknown, if part of the use names no model."""
    return Unknown(message("uses_unnamed", n=lost, m=uses))


def few_named(evidence: str, lost: int, uses: int) -> Unknown | None:
    """The reason why verified use is not counted by model if less than half of it names its model. Senders choose
    whether to name one, so the named part says nothing about the rest."""
    return unnamed_use_reason(lost, uses) if evidence == "verified" and 2 * lost > uses else None
