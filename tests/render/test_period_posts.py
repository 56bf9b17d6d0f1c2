"""The post of a week or month has its movers, the fate of the new models and the models used, in every language."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot import findings
from bot.i18n import LANGUAGES
from bot.render import PostRenderOptions, build_post
from tests.render import documents

UP, DOWN = "salesforce/blip", "meta/meta-llama-3-8b-instruct"


def period_document(stem: str, used_by_end: int) -> dict[str, Any]:
    """A recorded digest with the findings of an eventful week or month."""
    document = documents.recorded(stem)
    period, first = document["period"], document["day"]
    figures, used = document["catalogues"][0]["figures"], 2485
    for key, value in (("models_used", used), ("models_listed", 3999), ("share_used", 0.6214)):
        figures[key] |= {"value": value, "unknown": None}
    values: list[tuple[str, float, dict[str, Any]]] = [
        ("demand_gap", 0.5, documents.FINDINGS["demand_gap"][0]),
        ("period_move", 0.45, {"model": UP, "direction": "rose", "uses": 22_739_460, "before": 3_947_224}),
        ("period_move", 0.4, {"model": DOWN, "direction": "fell", "uses": 7_569_766, "before": 8_873_702}),
        ("period_arrivals", 0.3, {"added": 337, "used": used_by_end, "model": "owner/new", "uses": 12}),
        ("period_step", 0.05, {"direction": "more", "used": used, "before": used - 117, "count": 117}),
    ]
    document["catalogues"][0]["findings"] = [
        {"key": key, "text": "", "score": score, "values": {**found, "period": period, "first": first, "author": "a"}}
        for key, score, found in values
    ]
    return {**document, "lead": findings.choose_lead(document)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stem", ["week-2025-01-06", "month-2025-01-05"])
def test_a_week_and_a_month_tell_movers_arrivals_and_spread(stem: str, language: str) -> None:
    document = period_document(stem, used_by_end=259)
    text = build_post(document, "x", PostRenderOptions(language)).parts[0]
    plain = re.sub(r"(?<=\d)[.,\u00a0\u202f](?=\d)", "", text)
    assert UP in text.split("\n")[0], text
    for count in ("22739460", "3947224", "117", "337", "259"):
        assert re.search(rf"(?<!\d){count}(?!\d)", plain), (count, text)
    assert DOWN in text, text


def test_the_movers_of_a_week_lead_unless_something_is_always_news() -> None:
    document = period_document("week-2025-01-06", used_by_end=0)
    assert findings.lead_of(document).form == "mover"
    document["catalogues"][0]["findings"][0]["score"] = 0.85
    assert findings.choose_lead(document)["form"] == "balance"
