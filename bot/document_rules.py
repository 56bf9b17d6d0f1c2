"""Versions of the rules that decide which figures are known, and how an older version would have shown a digest.

A new version of this program alone changes nothing that was published.
"""

from __future__ import annotations

import re

from bot.records import Document, catalogues_and_panels

RULES = 3
"""The current version of the rules. Documents without a number were composed under version 1, which had no lower
bounds: what is one now was unknown, or was shown as if it were exact. Under version 2, a number of settled uses was
exact however much of the day was not recognised."""

_FELL = re.compile(r"the counter of \d+ models? fell, so part of the use is not known")
"""The reason for which version 1 had all use of a window unknown."""


def restate_document(new: Document, old: Document) -> Document:
    """A document as the rules of an older one would have shown it, so that rules alone change nothing that was
    published: a lower bound becomes what the older document has, unknown or the same number."""
    rules = old.get("rules", 1)
    if rules >= RULES:
        return new
    restate = _restated_part if rules < 2 else _exact_part
    known = {part["catalogue"]: part for part in catalogues_and_panels(old)}
    restated = dict(new)
    for name in ("catalogues", "panels"):
        restated[name] = [restate(part, known.get(part["catalogue"], {})) for part in new.get(name, [])]
    return restated


def _exact_part(part: Document, old: Document) -> Document:
    """A catalogue with the numbers exact that an older document has as exact ones."""
    exact = {key for key, figure in old.get("figures", {}).items() if not figure.get("at_least")}
    figures = {
        key: _without_bound(figure)
        if key in exact and figure.get("at_least") and figure["value"] == old["figures"][key]["value"]
        else figure
        for key, figure in part["figures"].items()
    }
    if "history" not in part:
        return {**part, "figures": figures}
    points = {point["day"]: point for point in old.get("history", [])}
    history = [
        _without_bound(point) if _is_exact(points.get(point["day"], {}), point) else point for point in part["history"]
    ]
    return {**part, "figures": figures, "history": history}


def _is_exact(old: Document, point: Document) -> bool:
    return not old.get("at_least") and old.get("uses") == point["uses"]


def _restated_part(part: Document, old: Document) -> Document:
    figures = {
        key: _restated_figure(figure, old.get("figures", {}).get(key)) for key, figure in part["figures"].items()
    }
    restated = {**part, "figures": figures}
    if any(row["share"] is None for row in part.get("top", [])) and not old.get("top"):
        restated["top"] = []
    if figures.get("uses", {}).get("value", 0) is None:
        restated |= {"top": [], "curve": []}
    if "history" in part:
        points = {point["day"]: point for point in old.get("history", [])}
        restated["history"] = [_restated_point(point, points.get(point["day"], {})) for point in part["history"]]
    tables = {table["by"]: table for table in old.get("groups", [])}
    if "groups" in part:
        restated["groups"] = [_restated_table(table, tables.get(table["by"])) for table in part["groups"]]
    return restated


def _restated_figure(figure: Document, old: Document | None) -> Document:
    """A figure of a catalogue or a table. A figure that was unknown because a counter fell may be known now."""
    reason = str(old.get("unknown", "")) if old else ""
    if old and (_FELL.fullmatch(reason) or (figure.get("at_least") and reason)):
        return {**_without_bound(figure), "value": None, "unknown": reason}
    return _without_bound(figure)


def _without_bound(figure: Document) -> Document:
    return {key: held for key, held in figure.items() if key not in ("at_least", "reason")}


def _restated_point(point: Document, old: Document) -> Document:
    unknown = [key for key in ("uses", "models_used") if point.get("at_least") and old.get(key) is None]
    return {**_without_bound(point), **dict.fromkeys(unknown)}


def _restated_table(table: Document, old: Document | None) -> Document:
    """A table of groups. If uses were unknown, its rows had another order."""
    rows = {row["name"]: row["figures"] for row in old["rows"]} if old else {}
    places = {name: place for place, name in enumerate(rows)}
    return {
        **table,
        "rows": [
            {
                **row,
                "figures": {
                    key: _restated_figure(figure, rows.get(row["name"], {}).get(key))
                    for key, figure in row["figures"].items()
                },
            }
            for row in sorted(table["rows"], key=lambda row: places.get(row["name"], len(places)))
        ],
    }
