"""Unknown is a value with a reason, never `None` alone, never zero; what is known in part is a lower bound."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that is not known, and why. Reads well after "unknown: "."""

    reason: str


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A number of which a part is not known: what it is at least, and why it may be more."""

    value: int | float | Decimal
    reason: str


def at_least(value: int, reason: str) -> AtLeast | Unknown:
    """A lower bound; "at least 0" says nothing, so that is unknown."""
    return AtLeast(value, reason) if value else Unknown(reason)


def unnamed_use_reason(lost: int, uses: int) -> Unknown:
    """Why nothing is said of single models, where part of the use may have been anyone's."""
    return Unknown(f"{lost:,} of {uses:,} uses name no model")


def few_named(evidence: str, lost: int, uses: int) -> Unknown | None:
    """Why nothing is counted by model, of verified use of which less than half names its model: who names a model
    chooses to, and a few of them speak for nobody else."""
    return unnamed_use_reason(lost, uses) if evidence == "verified" and 2 * lost > uses else None
