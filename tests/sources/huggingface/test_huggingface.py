"""Hugging Face from its pages to the digest: real figures night by night, and every fault that its list may have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import ledger, pipeline
from bot.archive import Archive
from bot.pipeline import NetworkPlan, build_digest, compose_digest
from bot.records import Period, SourceError, Unknown, start_of_day
from bot.render import build_post
from bot.render.embeds import embed_texts
from bot.sources import huggingface, make_source, verify_ref
from bot.store import Store
from tests import databases
from tests.peers.chutes_api import Fault
from tests.peers.huggingface_api import HuggingFaceApi, recorded_nights
from tests.peers.served import Server, serving

ONE = timedelta(days=1)
ELSEWHERE = {"Link": '<https://x.example/>; rel="next"'}
NOW = datetime(2026, 11, 20, 0, 10, tzinfo=UTC)
DAY = date(2026, 11, 19)
(MODELS,) = huggingface.CATALOGUES
HEADLINE = {"catalogue": "models", "figure": "models_used"}
PLAN = NetworkPlan("huggingface", "Hugging Face", huggingface.CATALOGUES, HEADLINE)


class World:
    """A ledger, and Hugging Face as a local server."""

    def __init__(self, store: Store, api: HuggingFaceApi, server: Server, folder: Path) -> None:
        self.store, self.api, self.server, self.folder, self.now = store, api, server, folder, NOW
        self.settings = huggingface.Settings(api=server.url, silence=1)

    def collect(self, counters: dict[str, int] | None = None) -> str:
        if counters is not None:
            self.api.set_counters(counters)
        source = make_source("huggingface", self.settings, self.folder, {}, lambda: self.now)
        return pipeline.collect(self.store, "huggingface", source, None, lambda line: None).error

    def book(self, day: date) -> Any:
        return ledger.load_period_data(self.store, MODELS, Period(day, day))

    def figure(self, key: str, day: date) -> Any:
        return build_digest(self.store, PLAN, Period(day, day), self.now)["catalogues"][0]["figures"][key]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    api = HuggingFaceApi()
    with serving(api) as server:
        store = databases.memory()
        yield World(store, api, server, tmp_path)
        store.close()


def some(count: int = 40, more: int = 0) -> dict[str, int]:
    return {f"org/m{n:02}": 1000 + n + more for n in range(count)}


def test_the_recorded_nights_give_the_recorded_days(world: World) -> None:
    """The real series is of 30-day counts; its rises, added up, serve as the counter of all time."""
    totals = dict.fromkeys(recorded_nights()[0][1], 500)
    before: dict[str, int] = {}
    rises: dict[date, int] = {}
    for night, counts in recorded_nights():
        for name, count in counts.items():
            rise = max(0, count - before.get(name, count))
            totals[name] = totals.get(name, 500) + rise
            rises[night - ONE] = rises.get(night - ONE, 0) + rise
        before = counts
        world.now = start_of_day(night) + timedelta(minutes=12)
        assert world.collect({f"org/{name}": count for name, count in totals.items()}) == ""
    # On the nights of the 10th and 12th nothing moved, on those of the 13th and 14th two counters of the usual 36.
    for day in (date(2026, 2, n) for n in range(9, 23)):
        flow = world.book(day).flow
        if day <= date(2026, 2, 14):
            assert isinstance(flow, Unknown), day
        else:
            assert flow.uses == rises[day] > 0, day
    assert "none of 69 counters had moved" in world.book(date(2026, 2, 9)).flow.reason
    assert "only 0 of the counters had moved, 36 the time before" in world.book(date(2026, 2, 11)).flow.reason
    for day, uses in ((date(2026, 2, 10), 63), (date(2026, 2, 14), 2 + 2 + 503)):
        assert any(f"taken together: {uses} downloads" in gap for gap in world.book(day).gaps), world.book(day).gaps


def test_every_page_that_the_header_names_is_read(world: World) -> None:
    world.api.page = 15
    assert world.collect(some()) == ""
    assert world.figure("models_listed", DAY)["value"] == 40 and len(world.server.asked) == 3
    assert (
        "inference_provider=all" in world.server.asked[0] and "expand%5B%5D=downloadsAllTime" in world.server.asked[0]
    )
    (model, *_) = sorted(world.book(DAY).listed, key=lambda model: model.name)
    assert (model.name, model.author, model.category) == ("org/m00", "org", "text-generation")
    assert world.collect() == "" and len(world.server.asked) == 3, "once a day"


def test_one_organisation_may_be_listed_instead(world: World) -> None:
    world.settings = huggingface.Settings(api=world.server.url, author="org")
    assert world.collect(some()) == ""
    assert "author=org" in world.server.asked[0] and "inference_provider" not in world.server.asked[0]


def test_a_model_that_stays_at_zero_is_unknown_and_not_idle(world: World) -> None:
    world.collect({**some(), "org/no-file": 0})
    world.now += ONE
    world.collect({**some(more=1), "org/no-file": 0})
    assert world.figure("models_listed", DAY + ONE)["value"] == 41
    assert world.figure("models_used", DAY + ONE)["value"] == 40
    world.now += ONE
    world.collect({**some(more=2), "org/no-file": 9})
    assert world.book(DAY + 2 * ONE).flow.uses == 40, "its first counter is on no known day"


def test_a_counter_that_fell_is_unknown_and_many_hold_the_night(world: World) -> None:
    world.collect(some())
    world.now += ONE
    world.collect({**some(more=5), "org/m07": 3})
    book = world.book(DAY + ONE)
    assert book.flow.uses == 39 * 5 and any("counter of 1 model fell" in gap for gap in book.gaps)
    world.now += ONE
    world.collect({name: count - 900 for name, count in some(more=5).items()})
    flow = world.book(DAY + 2 * ONE).flow
    assert isinstance(flow, Unknown) and "counters had fallen" in flow.reason
    world.now += ONE
    world.collect(some(more=9))
    assert isinstance(world.book(DAY + 2 * ONE).flow, Unknown), "two days, known only together"


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (Fault(429, b"{}", {"RateLimit": '"api";r=0;t=55'}), "answered 429"),
        (Fault(503, b""), "answered 503"),
        (Fault(307, b"", {"Location": "/api/elsewhere"}), "answered 307"),
        (Fault(body=b"<html>"), "web page"),
        (Fault(body=b"{}"), "not a page of models"),
        (Fault(body=b"[]"), "lists no model"),
        (Fault(body=b'[{"id": "a/b"}]'), "no model shows downloadsAllTime"),
        (Fault(body=b'[{"id": "a/b", "downloadsAllTime": -1}]'), ">= 0"),
        (Fault(body=b'[{"id": "a/b", "downloadsAllTime": 1}]', headers=ELSEWHERE), "elsewhere"),
        (Fault(hangs=True), "no answer within 1 s"),
    ],
)
def test_a_wrong_answer_is_one_line_and_no_figure(world: World, fault: Fault, wanted: str) -> None:
    world.api.fault = fault
    error = world.collect(some())
    assert wanted in error and len(error.splitlines()) == 1
    assert isinstance(world.book(DAY).listed, Unknown)
    world.api.fault, asked = None, len(world.server.asked)
    if fault.status == 429:
        assert "asked us to wait until" in world.collect() and len(world.server.asked) == asked
        world.now += timedelta(seconds=56)
    assert world.collect() == "" and world.figure("models_listed", DAY)["value"] == 40


def test_the_source_is_named_and_a_download_is_no_inference(world: World) -> None:
    world.collect(some())
    world.now += ONE
    world.collect(some(more=2))
    document = compose_digest(world.store, Archive(world.store), PLAN, Period(DAY + ONE, DAY + ONE), world.now)
    for outlet in ("x", "discord"):
        post = build_post(document, outlet)
        words = "".join(post.parts) + json.dumps(embed_texts(post.embed) if post.embed else "")
        assert "80 downloads" in words and "Hugging Face" in words and "inferences" not in words
    assert any("not a use at a provider" in gap for gap in world.book(DAY + ONE).gaps)


def test_the_pages_are_kept_and_checked(world: World) -> None:
    world.api.page = 15
    world.collect(some())
    (ref,) = world.book(DAY).refs
    document = {"url": ref.url, "sha256": ref.sha256, "at": ref.at.isoformat()}
    assert verify_ref("huggingface", world.settings, world.folder, document)["state"] == "intact"


def test_doctor_says_what_answers(world: World) -> None:
    world.api.set_counters(some())
    assert "shows its counter" in huggingface.check_reachable(world.settings, world.folder, {})
    world.api.models = []
    with pytest.raises(SourceError, match="shows no model"):
        huggingface.check_reachable(world.settings, world.folder, {})
