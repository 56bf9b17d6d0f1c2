"""OpenGradient from end to end on real parts: contracts on a node, blobs, keys, a Hub, to digests and posts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import daily, store
from bot.records import Document, Period
from bot.sources import opengradient
from tests.peers.opengradient import FIRST, NOW, SECOND, World, two_days, world

PLAN = daily.Plan(
    "opengradient",
    "OpenGradient",
    opengradient.CATALOGUES,
    {"catalogue": "llm", "figure": "uses_verified"},
    (),
    opengradient.PANELS,
)


@pytest.fixture(scope="module")
def og() -> Iterator[World]:
    with world() as made:
        two_days(made)
        yield made


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Store]:
    opened = store.opened(f"sqlite:///{tmp_path / 'footfall.db'}")
    daily.stand(opened, opengradient.standing(opengradient.Settings(), NOW.date() - timedelta(days=1), 8))
    yield opened
    opened.close()


def collected(db: store.Store, og: World, data: Path, **changed: Any) -> tuple[daily.Collected, list[str]]:
    lines: list[str] = []
    return daily.collect(db, "opengradient", og.source(data, **changed), None, lines.append), lines


def composed(db: store.Store, day: Any = FIRST) -> Document:
    return json.loads(json.dumps(daily.composed(db, PLAN, Period(day, day), NOW)))


def part(document: Document, key: str) -> dict[str, Any]:
    return next(p for p in [*document["catalogues"], *document["panels"]] if p["catalogue"] == key)


def told(document: Document, key: str) -> dict[str, Any]:
    """Each figure's value, or its reason where it is unknown."""
    return {k: f.get("unknown", f["value"]) for k, f in part(document, key)["figures"].items()}


def test_two_days_from_logs_to_figures(db: store.Store, og: World, tmp_path: Path) -> None:
    done, lines = collected(db, og, tmp_path)
    assert done.error == ""
    first, second = composed(db), composed(db, SECOND)
    llm = told(first, "llm")
    assert (llm["uses"], llm["uses_verified"], llm["uses_backed"]) == (7, 7, 7)
    assert llm["uses_claimed"].startswith("no signers are pinned")
    assert llm["uses_reported"] == 12 and llm["share_verified"] == 1 and llm["share_attributed"] == 1 / 7
    assert llm["callers"] == "a settlement does not say who asked" and "session" in llm["paid"]
    assert [(row["model"], row["uses"]) for row in part(first, "llm")["top"]] == [("gpt-4.1", 1)]
    llm = told(second, "llm")
    assert (llm["uses_verified"], llm["uses_backed"], llm["share_verified"]) == (3, 5, 0.6)
    assert llm["share_attributed"] == 0 and llm["models_used"] == "none of the use names its model"
    assert any("ALARM" in line and og.stranger.address.lower() in line for line in lines) is False


def test_hub_models_payments_and_enclaves(db: store.Store, og: World, tmp_path: Path) -> None:
    collected(db, og, tmp_path)
    first, second = composed(db), composed(db, SECOND)
    hub = told(first, "hub")
    assert hub["uses"] == hub["uses_claimed"] == 4 and hub["share_attributed"] == 0.75
    assert hub["callers"] == 3 and hub["top_caller_share"] == 0.5
    assert "1 inferences name a content id" in " ".join(part(first, "hub")["gaps"])
    assert told(second, "hub")["models_listed"] == 3 and told(second, "hub")["uses"] == 0
    payments = told(first, "payments")
    assert payments["paid"] == "3.000000000000000003" and payments["sessions"] == 3 and payments["callers"] == 2
    assert payments["requests_reported"] == 12 and told(second, "payments")["sessions"] == 0
    assert "1 transfers to the operator did not come through" in " ".join(part(first, "payments")["gaps"])
    tee = told(second, "tee")
    assert (tee["enclaves_registered"], tee["enclaves_enabled"], tee["enclaves_active"]) == (2, 2, 1)
