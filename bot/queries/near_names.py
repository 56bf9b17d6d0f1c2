"""Known names that are near to one that is not known: with letters left out, added, doubled or swapped, without their
author or under another one, in part, or with their words in another order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from bot.records import SafeName
from bot.records.messages import message

S = TypeVar("S", bound=str)

SUGGESTIONS = 3
NEAR, NEAR_IN_PART = 0.6, 0.7
"""The least likeness of a suggestion, from 0 to 1: of whole names, and of their words or parts."""
LONGEST = 100
"""Characters of a name that are compared, so that no text costs much more than a name."""
SHORTEST_PART = 4
"""Characters of a text that is looked for inside of longer names: a shorter one is part of many."""
CANDIDATES = 50
"""The nearest names of each way to compare."""
_WORDS = str.maketrans(dict.fromkeys("-_.:", " "))
"""Separators are written in many ways, so they are all the same."""


def did_you_mean(name: str, known: Sequence[str] | Mapping[str, object]) -> str:
    """What may have been meant by an unknown name; empty where nothing is near."""
    close = closest_matches(name, list(known), SUGGESTIONS)
    names = dict(zip(("name", "other", "rest"), close, strict=False))
    return message(("did_you_mean", "did_you_mean_2", "did_you_mean_3")[len(close) - 1], **names) if close else ""


def closest_matches(name: str, known: Sequence[S], limit: int) -> list[S]:
    """The known names that are nearest to a text, the nearest first; equals keep their order."""
    likeness: dict[int, float] = {}
    for place, score in _likenesses(_in_words(SafeName(name, LONGEST)), _in_words("\n".join(known)).split("\n")):
        likeness[place] = max(score, likeness.get(place, 0))
    best = sorted(likeness, key=lambda place: (-likeness[place], place))
    return list(dict.fromkeys(known[place] for place in best))[:limit]


def _likenesses(typed: str, names: Sequence[str]) -> Iterator[tuple[int, float]]:
    """The places of the nearest names in each way to compare, and how near they are."""
    from rapidfuzz import fuzz, process
    from rapidfuzz.distance import OSA

    author, _, model = typed.rpartition("/")
    whole, text = [name.replace("/", " ") for name in names], f"{author} {model}".strip()
    if len(text) < 2:
        return
    models = [name.rpartition("/")[2] for name in names]
    longer = [name if len(name) >= len(text) >= SHORTEST_PART else None for name in whole]
    for given, choices, scorer, weight, least in (
        (text, whole, OSA.normalized_similarity, 1.0, NEAR),
        (model, models, OSA.normalized_similarity, 0.99, NEAR),
        (text, whole, fuzz.ratio, 0.0094, NEAR),
        (text, whole, fuzz.token_sort_ratio, 0.0095, NEAR_IN_PART),
        (text, longer, fuzz.partial_ratio, 0.0085, NEAR_IN_PART),
    ):
        found = process.extract(given, choices, scorer=scorer, limit=CANDIDATES, score_cutoff=least / weight)
        yield from ((place, score * weight) for _choice, score, place in found)


def _in_words(text: str) -> str:
    return text.casefold().translate(_WORDS)
