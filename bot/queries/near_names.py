"""Known names that are near to one that is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from bot.records import SafeName
from bot.records.messages import message

S = TypeVar("S", bound=str)

SUGGESTIONS = 3


def did_you_mean(name: str, known: Sequence[str] | Mapping[str, object]) -> str:
    """What may have been meant by an unknown name; empty where nothing is near."""
    close = closest_matches(SafeName(name), list(known), SUGGESTIONS, cutoff=60)
    names = dict(zip(("name", "other", "rest"), close, strict=False))
    return message(("did_you_mean", "did_you_mean_2", "did_you_mean_3")[len(close) - 1], **names) if close else ""


def closest_matches(fragment: str, known: Sequence[S], limit: int, cutoff: int = 30) -> list[S]:
    from rapidfuzz import fuzz, process

    if not fragment:
        return list(known[:limit])
    matches = process.extract(
        fragment.casefold(), known, scorer=fuzz.WRatio, processor=str.casefold, limit=limit, score_cutoff=cutoff
    )
    return [choice for choice, _score, _place in matches]
