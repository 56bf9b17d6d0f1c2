"""The weekly comparison of networks, from the ledger to posts, pages and answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot import deliveries, i18n, ledger, pipeline, site_builder, store
from bot.archive import Archive
from bot.config import PublishConfig
from bot.queries import QueryContext, WatchedNetwork, networks
from bot.records import COMPARISON, Document, Period
from bot.render import embeds
from tests import databases
from tests.worlds import CATALOGUE, snapshot

MONDAY = date(2025, 3, 10)
WEEK = Period.for_day(MONDAY, "week")
NOW = datetime(2025, 3, 17, 9, tzinfo=UTC)
OTHER = replace(CATALOGUE, network="chutes", unit="requests")
HEADLINE = {"catalogue": CATALOGUE.key, "figure": "models_used"}
REPLICATE = pipeline.NetworkPlan("replicate", "Replicate", (CATALOGUE,), HEADLINE)
CHUTES = pipeline.NetworkPlan("chutes", "Chutes", (OTHER,), HEADLINE)


def replicate_counts(number: int) -> Mapping[str, int]:
    """Every week a model more; from the second week on use stands still."""
    return {f"a/m{n}": 1000 + 10 * number * (n < 3) for n in range(20 + number // 7)}


def chutes_counts(number: int) -> Mapping[str, int]:
    """Always ten models; use grows from day to day."""
    return {f"c/m{n}": 100 + number * number * (n < 8) for n in range(10)}


def fill(opened: store.Store, chutes_days: int = 22) -> None:
    for number in range(22):
        day = MONDAY - timedelta(days=15 - number)
        ledger.add_snapshot(opened, snapshot(day, replicate_counts(number)))
        if number < chutes_days:
            theirs = snapshot(day, chutes_counts(number))
            ledger.add_snapshot(opened, replace(theirs, network="chutes", listings=theirs.listings))


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[store.Store]:
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db", fill))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Document:
    """The digest of the week."""
    opened = store.open_store(databases.sqlite(tmp_path_factory.mktemp("composed") / "footfall.db", fill))
    document = pipeline.compose_digest(opened, Archive(opened), plan(), WEEK, NOW)
    opened.close()
    return document


def plan() -> pipeline.NetworkPlan:
    made = pipeline.comparison_plan([REPLICATE, CHUTES])
    assert made is not None
    return made


def block(document: Document, network: str) -> Document:
    return next(part for part in document["catalogues"] if part["catalogue"] == network)


def test_a_week_compares_shares_and_says_who_grew_alone(filled: store.Store) -> None:
    document = pipeline.build_digest(filled, plan(), WEEK, NOW)
    assert [part["catalogue"] for part in document["catalogues"]] == ["chutes", "replicate"], "the larger share first"
    assert block(document, "chutes")["figures"]["share_used"]["value"] == 0.8
    assert document["compared"] == {"use_alone": ["chutes"], "list_alone": ["replicate"]}
    assert not any("uses" in part["figures"] for part in document["catalogues"]), "uses have units of their own"


def test_a_network_with_few_known_days_is_unknown_with_its_reason(tmp_path: Path) -> None:
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db", fill, 19))
    try:
        document = pipeline.build_digest(opened, plan(), WEEK, NOW)
    finally:
        opened.close()
    theirs = block(document, "chutes")
    assert {figure["value"] for figure in theirs["figures"].values()} == {None}
    assert theirs["figures"]["share_used"]["unknown"] == "4 days of this week are known; comparing takes 5"
    assert document["catalogues"][-1] is theirs and document["compared"]["use_alone"] == []
    gate = deliveries.publish_gate(document, NOW, timedelta(hours=6))
    assert not gate.publish and gate.final and "1 of 2 networks are known" in gate.reason


def test_a_comparison_is_planned_only_where_it_is_named_and_only_by_week(filled: store.Store) -> None:
    assert pipeline.comparison_plan([REPLICATE]) is None
    assert pipeline.covered_periods(filled, plan(), "day") == ()
    weeks = pipeline.covered_periods(filled, plan(), "week")
    assert weeks[-1] == WEEK and len(weeks) == 4


@pytest.mark.parametrize("outlet", ["x", "discord", "text"])
@pytest.mark.parametrize("locale", i18n.LANGUAGES)
def test_every_outlet_shows_it_in_every_language(composed: Document, outlet: str, locale: str) -> None:
    post = pipeline.render_post(composed, outlet, (), locale)
    text = "\n".join(embeds.embed_texts(post.embed) if post.embed else post.parts)
    assert "Chutes" in text and "Replicate" in text and not post.pictures
    if locale == "en":
        assert "8 of 10 models used (80%)" in text or outlet == "text"


def test_the_archive_has_a_page_of_the_week(filled: store.Store, tmp_path: Path) -> None:
    archive = Archive(filled)
    pipeline.compose_digest(filled, archive, plan(), WEEK, NOW)
    watched = {
        p.network: WatchedNetwork(p.network, p.title, p.catalogues, "About.", HEADLINE) for p in (REPLICATE, CHUTES)
    }
    desk = QueryContext(filled, archive, watched, (), lambda: NOW)
    site = site_builder.write_site(desk, tmp_path / "site", lambda line: None, NOW).parent
    page = (site / COMPARISON / "week" / MONDAY.isoformat() / "index.html").read_text()
    assert "Chutes: use +66.7%, models on offer 0%. Use grew without the list." in page and ">80%<" in page
    assert "week of" in (site / COMPARISON / "index.html").read_text()
    answer = networks(desk)
    assert answer["day"] == MONDAY.isoformat() and answer["comparable"] is False
    assert answer["compared"] == {"use_alone": ["Chutes"], "list_alone": ["Replicate"]}
    assert networks(desk, MONDAY - timedelta(days=70))["day"] is None


def test_it_is_planned_once_rendered_and_verified(filled: store.Store) -> None:
    archive, outbox = Archive(filled), pipeline.make_outbox(filled)
    desk = pipeline.PublishContext(filled, archive, outbox, PublishConfig.model_validate({}), 0.01)
    for _ in range(2):
        (decision,) = pipeline.plan_deliveries(desk, plan(), "week", {"x": ["@footfall"]}, NOW)
        assert (decision.verdict, decision.network, decision.period) == ("planned", COMPARISON, WEEK)
    (delivery,) = outbox.list_deliveries(("planned",), 10)
    content = pipeline.DigestContentProvider(archive, outbox)(delivery)
    assert "8 of 10 models used" in content.part.text
    document = archive.find_digest(COMPARISON, "week", MONDAY)
    assert document is not None
    again = pipeline.recompute_digest(filled, plan(), document)
    assert list(pipeline.mismatches_with(again, document)) == []
    document["catalogues"][0]["figures"]["models_used"]["value"] += 1
    assert list(pipeline.mismatches_with(again, document)) == ["chutes.models_used: says 9, is 8"]
