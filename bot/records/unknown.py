"""Unknown is a value with a reason, never `None` alone, never zero."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that is not known, and why. Reads well after "unknown: "."""

    reason: str


def unnamed(lost: int, uses: int) -> Unknown:
    """Why nothing is said of single models, where part of the use may have been anyone's."""
    return Unknown(f"{lost:,} of {uses:,} uses name no model")


def few_named(evidence: str, lost: int, uses: int) -> Unknown | None:
    """Why nothing is counted by model, of verified use of which less than half names its model: who names a model
    chooses to, and a few of them speak for nobody else."""
    return unnamed(lost, uses) if evidence == "verified" and 2 * lost > uses else None
