"""Docker Hub from its pages to the digest, and every fault that its list may have."""

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
from bot.records import Period, SourceError, Unknown
from bot.render import build_post
from bot.render.embeds import embed_texts
from bot.sources import dockerhub, make_source, verify_ref
from bot.store import Store
from tests import databases
from tests.peers.chutes_api import Fault
from tests.peers.dockerhub_api import DockerHubApi, repository
from tests.peers.served import Server, serving

ONE = timedelta(days=1)
NOW = datetime(2026, 9, 30, 0, 10, tzinfo=UTC)
DAY = date(2026, 9, 29)
(MODELS,) = dockerhub.CATALOGUES
PLAN = NetworkPlan("dockerhub", "Docker Hub", dockerhub.CATALOGUES, {"catalogue": "models", "figure": "models_used"})


class World:
    """A ledger, and Docker Hub as a local server."""

    def __init__(self, store: Store, api: DockerHubApi, server: Server, folder: Path) -> None:
        self.store, self.api, self.server, self.folder, self.now = store, api, server, folder, NOW
        self.settings = dockerhub.Settings(api=server.url, silence=1, contact="ops@acme.example")

    def collect(self, wanted: Period | None = None) -> str:
        source = make_source("dockerhub", self.settings, self.folder, {}, lambda: self.now)
        return pipeline.collect(self.store, "dockerhub", source, wanted, lambda line: None).error

    def next_night(self, **pulls: int) -> str:
        """The night after: these models were pulled so many times more."""
        self.now += ONE
        for listed in self.api.repositories:
            listed["pull_count"] += pulls.get(listed["name"].replace("-", "_"), 0)
        return self.collect()

    def book(self, day: date) -> Any:
        return ledger.load_period_data(self.store, MODELS, Period(day, day))

    def figure(self, key: str, day: date) -> Any:
        return build_digest(self.store, PLAN, Period(day, day), self.now)["catalogues"][0]["figures"][key]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    api = DockerHubApi()
    with serving(api) as server:
        store = databases.memory()
        yield World(store, api, server, tmp_path)
        store.close()


def test_a_day_is_the_difference_of_two_nights(world: World) -> None:
    assert world.collect() == "" and len(world.server.asked) == 2, "two pages"
    assert isinstance(world.book(DAY).flow, Unknown), "the first night has no use"
    assert world.figure("models_listed", DAY)["value"] == 102, "repositories without a model are left out"
    assert world.next_night(model_001=70, model_101=7, tool_1=500) == ""
    flow = world.book(DAY + ONE).flow
    assert (flow.uses, len(flow.by_model)) == (77, 2)
    spans = [span(world.store, MODELS) for span in (ledger.listed_span, ledger.read_span)]
    assert {span.last for span in spans if span} == {DAY + ONE}, "nothing is due until the next midnight"
    assert world.figure("models_used", DAY + ONE)["value"] == 2
    (first, *_) = sorted(world.book(DAY).listed, key=lambda model: model.name)
    assert (first.name, first.author) == ("ai/model-000", "ai")


def test_the_list_is_read_once_a_day(world: World) -> None:
    world.collect()
    world.now += timedelta(hours=3)
    assert world.collect() == "" and len(world.server.asked) == 2
    assert world.collect(Period(DAY - 9 * ONE, DAY - 9 * ONE)) == "" and len(world.server.asked) == 2
    assert all("ops@acme.example" in agent and "Footfall" in agent for agent in world.api.agents)


def test_what_did_not_change_is_not_sent_again(world: World) -> None:
    world.collect()
    world.now += ONE
    assert world.collect() == ""
    assert all(world.api.tags[2:]) and len(world.api.tags) == 4, "both pages by their ETag, the second one found"


def test_a_night_on_which_no_counter_moved_is_unknown(world: World) -> None:
    world.collect()
    assert world.next_night() == ""
    flow = world.book(DAY + ONE).flow
    assert isinstance(flow, Unknown) and "none of 101 counters had moved" in flow.reason
    assert world.next_night(model_005=30) == ""
    assert isinstance(world.book(DAY + ONE).flow, Unknown) and isinstance(world.book(DAY + 2 * ONE).flow, Unknown)
    assert any("taken together: 30 pulls" in gap for gap in world.book(DAY + 2 * ONE).gaps)
    assert world.next_night(model_005=4) == "" and world.book(DAY + 3 * ONE).flow.uses == 4


def test_a_counter_that_fell_is_unknown_for_its_model(world: World) -> None:
    world.collect()
    assert world.next_night(model_050=-9000, model_051=11) == ""
    book = world.book(DAY + ONE)
    assert book.flow.uses == 11 and any("counter of 1 model fell" in gap for gap in book.gaps)


def test_a_repository_that_moves_between_pages_is_not_lost(world: World) -> None:
    moved: list[int] = []

    def move_once(page: int, listed: list[dict[str, Any]]) -> None:
        if page == 2 and not moved:
            moved.append(page)
            listed.insert(0, listed.pop(105))  # from the second page to the first, after that was read

    world.api.before_page = move_once
    assert world.collect() == ""
    assert world.figure("models_listed", DAY)["value"] == 102 and len(world.server.asked) == 4, "read again"


def test_a_list_that_never_stands_still_is_unknown(world: World) -> None:
    def add(page: int, listed: list[dict[str, Any]]) -> None:
        listed.insert(0, repository(f"new-{len(listed)}", 1))

    world.api.before_page = add
    error = world.collect()
    assert "repositories, 3 times" in error and len(error.splitlines()) == 1
    assert isinstance(world.book(DAY).listed, Unknown)


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (Fault(429, b"{}", {"X-Retry-After": str(int(NOW.timestamp()) + 1800)}), "answered 429"),
        (Fault(503, b""), "answered 503"),
        (Fault(302, b"", {"Location": "https://hub.docker.com/login"}), "answered 302"),
        (Fault(body=b"<html>"), "web page"),
        (Fault(body=b"{}"), "not a page of repositories"),
        (Fault(body=b'{"count": 0, "results": []}'), "`next`"),
        (Fault(body=b'{"count": 0, "next": null, "results": []}'), "lists no repository that holds a model"),
        (Fault(body=b'{"count": 1, "next": null, "results": [{"name": "a", "pull_count": -1}]}'), ">= 0"),
        (Fault(body=b'{"count": 1, "next": "https://evil.example/", "results": []}'), "next page is elsewhere"),
        (Fault(hangs=True), "no answer within 1 s"),
    ],
)
def test_a_wrong_answer_is_one_line_and_no_figure(world: World, fault: Fault, wanted: str) -> None:
    world.api.fault = fault
    error = world.collect()
    assert wanted in error and len(error.splitlines()) == 1
    assert isinstance(world.book(DAY).listed, Unknown)
    world.api.fault, asked = None, len(world.server.asked)
    if fault.status == 429:
        assert "asked us to wait until" in world.collect() and len(world.server.asked) == asked
        world.now += timedelta(minutes=31)
    assert world.collect() == "" and world.figure("models_listed", DAY)["value"] == 102


def test_the_source_is_named_and_a_pull_is_no_run(world: World) -> None:
    world.collect()
    world.next_night(model_001=70)
    document = compose_digest(world.store, Archive(world.store), PLAN, Period(DAY + ONE, DAY + ONE), world.now)
    for outlet in ("x", "discord"):
        post = build_post(document, outlet)
        words = "".join(post.parts) + json.dumps(embed_texts(post.embed) if post.embed else "")
        assert "70 pulls" in words and "Docker Hub" in words and " runs" not in words
    assert any("hub.docker.com" in gap for gap in world.book(DAY + ONE).gaps)
    assert any("A pull is a download" in gap for gap in world.book(DAY + ONE).gaps)


def test_the_pages_are_kept_and_checked(world: World) -> None:
    world.collect()
    (ref,) = world.book(DAY).refs
    document = {"url": ref.url, "sha256": ref.sha256, "at": ref.at.isoformat()}
    assert verify_ref("dockerhub", world.settings, world.folder, document)["state"] == "intact"
    (world.folder / "lake" / "raw" / "dockerhub" / f"{ref.sha256}.jsonl.gz").write_bytes(b"")
    assert verify_ref("dockerhub", world.settings, world.folder, document)["state"] == "altered"


def test_doctor_says_what_answers(world: World) -> None:
    assert "110 repositories in ai" in dockerhub.check_reachable(world.settings, world.folder, {})
    world.api.fault = Fault(503, b"")
    with pytest.raises(SourceError, match="answered 503"):
        dockerhub.check_reachable(world.settings, world.folder, {})
