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
                    if isinstance(finding["values"].get(key), str):
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


_MOVE: dict[str, Any] = {"model": "owner/surge", "author": "owner", "day": "2024-12-21", "direction": "rose"}
_MOVE |= {"uses": 2429713, "before": 744772, "listed": True, "change": 1684941, "base": 287, "base_day": "2024-12-19"}
_MOVE |= {"share": 0.2441, "total": 9954233, "total_before": 9277570, "total_change": 676663, "total_ratio": 0.0729}
_MOVE |= {"part": None, "rest_change": -1008278}
_STEP: dict[str, Any] = {"day": "2026-10-28", "direction": "fell", "uses": 2302, "before": 2410, "ratio": -0.0448}
_STEP |= {"week_before": 2285, "week_ratio": 0.0074, "metric": "uses"}
FINDINGS: dict[str, list[dict[str, Any]]] = {
    "model_move": [
        _MOVE,
        _MOVE
        | {"direction": "fell", "uses": 170, "before": 2429713, "total_change": -3068897, "total_ratio": -0.308}
        | {"part": 0.7917, "base": None, "base_day": None},
        _MOVE | {"before": None},
        _MOVE | {"direction": "fell", "uses": None, "before": 909883, "listed": False, "share": 0.2724},
        _MOVE | {"direction": "fell", "uses": None, "before": 909883, "share": 0.2724},
        *(
            _MOVE
            | {"direction": way, "share": None, "total": None, "total_before": None, "total_change": None}
            | {"total_ratio": None, "part": None, "rest_change": None}
            for way in ("rose", "fell")
        ),
    ],
    "passing_surge": [
        {"model": "owner/surge", "author": "owner", "day": "2024-12-22", "uses": 170, "peak": 2429713}
        | {"peak_day": "2024-12-21", "base": 287, "base_day": "2024-12-19", "before": 2429713, "peak_share": 0.244},
    ],
    "week_move": [
        {"model": "owner/steady", "author": "owner", "day": "2025-01-12", "direction": way, "uses": 646681}
        | {"before": 2662108, "before_day": "2025-01-05", "share": 0.097, "share_before": 0.297}
        for way in ("rose", "fell")
    ],
    "top_ten_entry": [
        {"model": "owner/climber", "author": "owner", "day": "2025-01-12", "rank": 5, "uses": 79662}
        | {"rank_before": 29, "before": 8901},
    ],
    "top_ten_exit": [
        {"model": "owner/faller", "author": "owner", "day": "2025-01-12", "rank": 29, "uses": 8901}
        | {"rank_before": 5, "before": 79662},
    ],
    "total_change": [
        {"day": "2025-01-12", "direction": way, "uses": 2350612, "before": 1954671, "change": 395941, "ratio": 0.2026}
        | {"model": "owner/cause", "author": "owner", "model_change": 163128, "part": part}
        for way in ("rose", "fell")
        for part in (0.412, None)
    ],
    "breadth_change": [
        {"day": "2025-01-06", "direction": way, "used": 1042, "listed": 3724, "before": 948, "change": 94}
        | {"before_day": "2024-12-30", "ratio": 0.0992}
        for way in ("rose", "fell")
    ],
    "most_concentrated": [
        {"day": "2025-01-12", "model": "owner/giant", "author": "owner", "uses": 3000000, "share": 0.351}
        | {"since": "2024-12-20", "days": 22},
    ],
    "new_models_used": [
        {"day": "2025-01-12", "added": 23, "used": used, "days": 7, "model": "owner/new", "author": "owner", "uses": 12}
        for used in (1, 9)
    ],
    "use_ladder": [
        {"day": "2025-01-12", "listed": 3783, "idle": 2854, "to_10": 418, "to_999": 385, "to_9999": 85, "more": 41},
    ],
    "uses_step": [
        _STEP,
        _STEP | {"uses": 1147, "ratio": -0.5241, "week_before": None, "week_ratio": None},
        _STEP | {"direction": "rose", "uses": 2860, "ratio": 0.1867, "week_ratio": 0.2516},
        _STEP | {"direction": "rose", "uses": 2860, "ratio": 0.1867, "week_before": None, "week_ratio": None},
        _STEP | {"direction": "same", "uses": 2410, "ratio": 0.0},
    ],
    "first_day": [{"day": "2026-10-28"}],
    "used_models_step": [
        {"day": "2025-01-12", "direction": way, "used": 929, "before": 941, "count": count}
        for way, count in (("more", 12), ("fewer", 1), ("same", 0))
    ],
    "period_move": [
        {"period": period, "first": "2025-01-06", "model": "owner/mover", "author": "owner", "direction": way}
        | {"uses": 9902021, "before": 7569766, "change": 2332255}
        for period, way in (("week", "rose"), ("week", "fell"), ("month", "rose"))
    ],
    "period_arrivals": [
        {"period": "week", "first": "2025-01-06", "added": 77, "used": used, "model": model, "author": "owner"}
        | {"uses": uses}
        for used, model, uses in ((57, "owner/new", 1237), (1, "owner/new", 1237), (0, None, 0))
    ],
    "period_step": [
        {"period": "week", "first": "2025-01-06", "direction": way, "used": 1699, "before": 1597, "count": count}
        for way, count in (("more", 102), ("fewer", 1), ("same", 0))
    ],
    "lowest_watched": [
        {"metric": "models_used", "unit": "models", "day": "2025-01-06", "value": 701, "first": "2024-12-18"}
        | {"days": 20, "whole": whole}
        for whole in (True, False)
    ],
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
