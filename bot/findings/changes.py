"""What stands beside a digest's figures: their change against the period before, and the unknown days right before it.

Pure: documents in, JSON out. A change exists only where both sides are known exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from bot.records import Document, Message

_COUNTS = ("models_listed", "models_used", "uses")
_OF_THE_DAY = (*_COUNTS[1:], "uses_reported", "uses_claimed", "uses_backed", "uses_verified")
"""Figures of the use in the period alone; those of 7 or 30 days say nothing about one day."""


def figure_changes(document: Document, block: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The change of a catalogue's figures against the day, week or month before, by key: `{"change": count or null,
    "ratio": the same as a share of the earlier use, null for models, "since": the day before or null}`. The use of a
    week or month has only its ratio. A figure of which one side is unknown or a lower bound is absent."""
    since, earlier = _earlier_counts(document, block)
    changes: dict[str, dict[str, Any]] = {}
    for key in _COUNTS:
        now, before = _exact_value(block, key), earlier.get(key)
        if now is not None and before is not None:
            ratio = (now - before) / before if before and key == "uses" else None
            changes[key] = {"change": now - before, "ratio": ratio, "since": since}
    period_ratio = _exact_value(block, "uses_change")
    if "uses" not in changes and period_ratio is not None and _exact_value(block, "uses") is not None:
        changes["uses"] = {"change": None, "ratio": period_ratio, "since": None}
    return changes


def unknown_before(document: Document, previous: Document | None) -> dict[str, Any] | None:
    """The unknown days right before the day of a digest: `{"first", "last", "unknown": why, "uses": of all of them
    together or null, "unit"}`. `previous`: the digest of the day before. `None` if its use is known, or if no day
    before it is."""
    if document["period"] != "day" or previous is None or not is_unknown_day(previous):
        return None
    block = _headline_block(previous)
    reason = _reason(block, "uses") or _reason(block, previous["headline"]["figure"])
    own = {"first": previous["day"], "unknown": reason}
    first = previous.get("unknown_before") or own
    days = {**own, **{key: first[key] for key in own}, "last": previous["day"]}
    return {**days, "uses": _uses_together(block, days["first"], days["last"]), "unit": block["unit"]}


def is_unknown_day(document: Document) -> bool:
    """Whether nothing is known of the use on the day of a digest, although the use of an earlier day is known. Its post
    would say nothing, so the next known day tells of it."""
    catalogues = document["catalogues"]
    history = [point for block in catalogues for point in block.get("history", [])]
    figures = [_headline_block(document)["figures"].get(document["headline"]["figure"], {"value": None})]
    figures += [block["figures"][key] for block in catalogues for key in _OF_THE_DAY if key in block["figures"]]
    figures += [figure for panel in document.get("panels", []) for figure in panel["figures"].values()]
    return (
        document["period"] == "day"
        and all(figure["value"] is None for figure in figures)
        and any(point["day"] < document["day"] and point["uses"] is not None for point in history)
    )


def _earlier_counts(document: Document, block: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """The day before and its counts; of a week or month, the counts of the one before."""
    if document["period"] != "day":
        periods = document.get("periods", [])
        is_headline = block["catalogue"] == document["headline"]["catalogue"]
        earlier = periods[-2] if is_headline and len(periods) > 1 else {}
        if _exact_value(block, "uses_change") is None:
            # The use of one of the two is a lower bound, as after a counter fell: then posts say no step either.
            earlier = {"models_listed": earlier.get("models_listed")}
        return None, earlier
    since = (date.fromisoformat(document["day"]) - timedelta(days=1)).isoformat()
    points: list[Mapping[str, Any]] = block.get("history", [])
    point = next((point for point in points if point["day"] == since), {})
    if point.get("at_least"):
        return since, {"models_listed": point["models_listed"]}
    return since, point


def _exact_value(block: Mapping[str, Any], key: str) -> Any:
    figure = block["figures"].get(key, {})
    return None if figure.get("at_least") or "error" in figure else figure.get("value")


def _reason(block: Mapping[str, Any], key: str) -> str | None:
    reason: str | None = block["figures"].get(key, {}).get("unknown")
    return reason


def _uses_together(block: Mapping[str, Any], first: str, last: str) -> int | None:
    """The use of all these days together, from the gap that tells it."""
    stretches = (gap for gap in block["gaps"] if isinstance(gap, Message) and gap.code == "days_together")
    return next((gap.params["n"] for gap in stretches if _days_of(gap) == (first, last)), None)


def _days_of(gap: Message) -> tuple[str, str]:
    return str(gap.params["first"]), str(gap.params["last"])


def _headline_block(document: Document) -> Mapping[str, Any]:
    wanted = document["headline"]["catalogue"]
    blocks: list[Mapping[str, Any]] = document["catalogues"]
    return next((block for block in blocks if block["catalogue"] == wanted), blocks[0])
