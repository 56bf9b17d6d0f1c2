"""Digests to render: made once from Replicate's public record through the ledger, metrics and findings (`recorded/`),
and changed here for cases that the record lacks. Test data; no outlet gets it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.records import message, restore_messages

RECORDED = Path(__file__).parent / "recorded"
STEMS = tuple(sorted(path.stem for path in RECORDED.glob("*.json")))


def recorded(stem: str) -> dict[str, Any]:
    """A recorded digest: "day-2025-01-12", "week-2025-01-06", ..."""
    return restore_messages(json.loads((RECORDED / f"{stem}.json").read_text(encoding="utf-8")))


def changed(stem: str, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """A recorded digest after a change in place."""
    document = recorded(stem)
    change(document)
    return document


def named(name: str, stem: str = "day-2025-01-12") -> dict[str, Any]:
    """A recorded digest in which every foreign name is this one, and our own sentences contain it too."""

    def rename(document: dict[str, Any]) -> None:
        for catalogue in document["catalogues"]:
            for row in catalogue["top"]:
                row["model"] = row["author"] = name
            for finding in catalogue["findings"]:
                for key in ("model", "author", "before"):
                    if key in finding["values"]:
                        finding["values"][key] = name
            catalogue["gaps"] = [message("strangers_found", settlements=2, rest=name), *catalogue["gaps"]]
            catalogue["figures"]["models_added"] |= {
                "value": None,
                "unknown": message("unrecognised_emitter", name=name),
            }

    return changed(stem, rename)


def corrected() -> dict[str, Any]:
    """A second edition: use was published too low."""

    def correct(document: dict[str, Any]) -> None:
        document["edition"] = 2
        now = document["catalogues"][0]["figures"]["models_used"]
        uses = document["catalogues"][0]["figures"]["uses"]
        document["changes"] = [
            {"catalogue": "models", "figure": "models_used", "published": {**now, "value": 901}, "now": now},
            {
                "catalogue": "models",
                "figure": "uses",
                "published": {**uses, "value": None, "unknown": "?"},
                "now": uses,
            },
        ]

    return changed("day-2025-01-12", correct)


def with_panel() -> dict[str, Any]:
    """A digest with a second catalogue of other evidence and a panel."""

    def add(document: dict[str, Any]) -> None:
        first = copy.deepcopy(document["catalogues"][0])
        first |= {"catalogue": "llm", "title": "LLMs served in enclaves", "unit": "inferences", "evidence": "claimed"}
        panel = copy.deepcopy(first) | {"catalogue": "payments", "title": "payments", "top": [], "findings": []}
        panel["figures"] = {
            "paid": {"value": "1234.5", "unit": "OPG", "label": "paid", "evidence": "claimed", "refs": []}
        }
        document["catalogues"].append(first)
        document["panels"].append(panel)

    return changed("day-2025-01-12", add)


FINDINGS: dict[str, list[dict[str, Any]]] = {
    "highest_since": [
        {"metric": "uses", "unit": "runs", "day": "2025-01-12", "value": 8692748, "since": "2024-12-21"}
        | {"since_value": 9954233, "days": 21}
    ],
    "lowest_since": [
        {"metric": "uses", "unit": "runs", "day": "2024-12-31", "value": 7557545, "since": "2024-12-25"}
        | {"since_value": 6682132, "days": 5}
    ],
    "highest_watched": [
        {"metric": "models_used", "unit": "models", "day": "2025-01-06", "value": 1042, "first": "2024-12-18"}
        | {"days": 20, "whole": whole}
        for whole in (True, False)
    ],
    "streak": [
        {"metric": "models_used", "unit": "models", "direction": "rose", "day": "2025-01-03", "value": 988, "days": 3}
        | {"first": "2024-12-31", "first_value": 897}
    ],
    "crossing": [
        {"metric": "models_listed", "unit": "models", "direction": "up", "level": 4000, "value": 4003, "before": 3990},
        {"metric": "uses", "unit": "runs", "direction": "down", "level": 5000000, "value": 4999999, "before": 5100000},
    ],
    "unusual_day": [
        {"metric": "uses", "unit": "runs", "direction": way, "day": "2025-01-12", "value": 8692748, "usual": 6100000.5}
        | {"weeks": 8, "z": 4.2}
        for way in ("above", "below")
    ],
    "newly_used": [
        {"day": "2025-01-12", "count": count, "model": "owner/new", "author": "owner", "uses": 12, "rank": 340}
        | {"first_listed": None}
        for count in (1, 4)
    ],
    "gone_quiet": [
        {"day": "2025-01-12", "count": count, "model": "owner/old", "author": "owner", "uses_before": 70, "days": 7}
        for count in (1, 12)
    ],
    "awake_again": [
        {"day": "2025-01-12", "count": count, "model": "owner/bear", "author": "owner", "uses": 1, "rank": 800}
        | {"last_used": "2024-12-23", "days": 20}
        for count in (1, 3)
    ],
    "new_unused": [{"day": "2025-01-12", "added": 77, "days": 7}],
    "new_leader": [
        {"model": "owner/first", "author": "owner", "uses": 300, "before": "owner/second", "before_uses": 200},
    ],
    "demand_gap": [
        {"ahead": "demand", "uses_change": 0.0403, "inventory_change": 0.0115, "gap": 0.0288, "days": 7},
        {"ahead": "supply", "uses_change": -0.0403, "inventory_change": 0.0, "gap": -0.0403, "days": 31},
    ],
    "half_carried": [
        {"models": 1, "share": 0.5, "used": 929, "listed": 3783},
        {"models": 2, "share": 0.5150836, "used": 929, "listed": 3783},
    ],
    "outweighed": [
        {"model": "owner/giant", "author": "owner", "uses": 9, "outweighed": 3779, "idle": 2854, "listed": 3783},
    ],
}
"""Values of every kind of finding, typed by hand."""
