"""Late data about a published day: a new edition says what changed, and only that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot import deliveries, ledger, pipeline, store, worker
from bot.archive import Archive
from bot.cli import app_context, cli
from bot.cli import service_commands as run_command
from bot.config import PublishConfig
from bot.deliveries import OutboxPass, OutletHandle
from bot.records import Document, Period
from bot.sources import opengradient
from bot.worker.state import WorkerState
from tests import databases
from tests.fake_outlet import Fake, Ledger
from tests.peers.opengradient import SECOND, World, two_days, world
from tests.worlds import snapshot

EVENING = datetime(2026, 10, 7, 7, tzinfo=UTC)
"""After the deadline of the second day: it is published with the known figures."""
NEXT = EVENING + timedelta(days=2)
"""Too late for the second day to be due: only late data cause a new edition."""
PLAN = pipeline.NetworkPlan(
    "opengradient",
    "OpenGradient",
    opengradient.CATALOGUES,
    {"catalogue": "llm", "figure": "uses_verified"},
    (),
    opengradient.PANELS,
)
TARGETS = {"x": ("account",), "discord": ("channel",)}


@pytest.fixture(scope="module")
def og() -> Iterator[World]:
    with world() as sample_world:
        two_days(sample_world)
        yield sample_world


@dataclass
class Walk:
    """The cycle of some days, at any given time."""

    db: store.Store
    og: World
    folder: Path
    ledger: Ledger

    @property
    def archive(self) -> Archive:
        return Archive(self.db)

    def collect(self, at: datetime, **changed: Any) -> None:
        for listing in opengradient.static_listings(self.og.settings, at.date() - timedelta(days=1), 8):
            ledger.add_snapshot(self.db, listing)
        done = pipeline.collect(
            self.db, "opengradient", self.og.source(self.folder, at, **changed), None, lambda _: None
        )
        assert done.error == ""

    def collect_without_blobs(self, at: datetime) -> None:
        self.og.aggregator.fault = "absent"
        try:
            self.collect(at)
        finally:
            self.og.aggregator.fault = None

    def publish(self, at: datetime) -> list[pipeline.PublishDecision]:
        outbox = pipeline.make_outbox(self.db)
        desk = pipeline.PublishContext(self.db, self.archive, outbox, PublishConfig.model_validate({}), 0.01)
        publish_decisions = pipeline.plan_deliveries(desk, PLAN, "day", TARGETS, at)
        fake = Fake(self.ledger, lambda: at, ())
        ready = {name: OutletHandle(fake, timedelta(seconds=30), lambda _: Decimal("0.01"), None) for name in TARGETS}
        run = OutboxPass(outbox, ready, fake.content(self.archive), lambda: at, "a", timedelta(minutes=15))
        deliveries.flush_outbox(run)
        return publish_decisions

    def day(self, edition: int | None = None) -> Document:
        digest = self.archive.find_digest("opengradient", "day", SECOND, edition)
        assert digest is not None
        return digest


@pytest.fixture
def walk(og: World, tmp_path: Path) -> Iterator[Walk]:
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
    yield Walk(opened, og, tmp_path, Ledger())
    opened.close()


def changed(document: Document) -> dict[str, tuple[Any, Any]]:
    """By figure of `llm`: as published and as known now, each the value or the reason why it is unknown."""
    return {
        change["figure"]: tuple(change[side].get("unknown", change[side]["value"]) for side in ("published", "now"))
        for change in document["changes"]
        if change["catalogue"] == "llm"
    }


def test_a_blob_that_becomes_readable_makes_a_new_edition_that_lists_each_change(walk: Walk) -> None:
    walk.collect_without_blobs(EVENING)
    (announced,) = [
        publish_decision for publish_decision in walk.publish(EVENING) if publish_decision.period.first == SECOND
    ]
    assert (announced.verdict, announced.edition) == ("planned", 1)
    issued = walk.day()
    assert issued["status"] == "issued" and issued["changes"] == []
    assert part(issued, "uses_verified")["value"] is None

    walk.collect(NEXT)
    publish_decisions = [
        publish_decision for publish_decision in walk.publish(NEXT) if publish_decision.period.first == SECOND
    ]
    assert [
        (publish_decision.verdict, publish_decision.edition, publish_decision.reason)
        for publish_decision in publish_decisions
    ] == [("planned", 2, "corrected")]
    now = walk.day()
    assert (now["edition"], now["status"]) == (2, "issued")
    changes = changed(now)
    for key, known in (("uses", 3), ("uses_verified", 3), ("uses_backed", 5), ("share_verified", 0.6)):
        published, after = changes[key]
        assert "no verdict yet" in published and after == known, key
    assert all(part(now, key).get("unknown", part(now, key)["value"]) == after for key, (_, after) in changes.items())
    assert "models_listed" not in changes and "uses_reported" not in changes, "what did not change is not listed"
    assert walk.day(1) == issued, "what was said stays as it was said"
    post = pipeline.render_post(now, "x").parts[0]
    assert post.startswith("Correction.") and "published as unknown, now at least 3." in post
    there = {row.destination: (row.edition, row.text) for row in walk.ledger.posts[:2]}
    assert there == {"account": (2, "3 uses #0/2"), "channel": (2, "3 uses #0/2")}, "edited in place"


def test_an_issued_digest_that_did_not_change_gets_no_new_edition(walk: Walk) -> None:
    walk.collect(EVENING)
    walk.publish(EVENING)
    before = walk.day()
    assert before["status"] == "issued" and part(before, "uses_verified")["value"] == 3
    sent = list(walk.ledger.posts)
    for hours in (1, 24, 48):
        walk.collect(EVENING + timedelta(hours=hours))
        publish_decisions = walk.publish(EVENING + timedelta(hours=hours))
        assert {
            publish_decision.edition
            for publish_decision in publish_decisions
            if publish_decision.period.first == SECOND
        } <= {1}
    assert walk.day() == before
    assert [row for row in walk.ledger.posts if row in sent] == sent


def test_a_late_day_is_looked_at_for_three_days_and_no_longer(walk: Walk) -> None:
    walk.collect(EVENING)
    pipeline.compose_digest(walk.db, walk.archive, PLAN, Period.for_day(SECOND), EVENING)
    looked = [pipeline.periods_to_recompose(walk.archive, PLAN, "day", EVENING + timedelta(days=n)) for n in range(5)]
    assert [[period.first for period in periods] for periods in looked] == [[SECOND]] * 3 + [[]] * 2
    assert pipeline.periods_to_recompose(walk.archive, replace(PLAN, catalogues=()), "day", EVENING) == ()


def test_composing_by_hand_tells_what_came_late(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    walk.collect_without_blobs(EVENING)
    walk.publish(EVENING)
    walk.collect(NEXT)
    monkeypatch.setattr(app_context, "clock", lambda: NEXT)
    monkeypatch.setattr("bot.cli.pipeline_commands.clock", lambda: NEXT)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{walk.folder / 'footfall.db'}")
    config = walk.folder / "config.yaml"
    config.write_text(f"data: {walk.folder}\nnetworks: {{opengradient: {{}}}}\n")
    done = CliRunner().invoke(cli, ["--config", str(config), "compose", "--json"], standalone_mode=False)
    editions = {entry["day"]: entry["edition"] for entry in json.loads(done.stdout)}
    assert editions[SECOND.isoformat()] == 2


def part(document: Document, key: str) -> dict[str, Any]:
    (llm,) = [block for block in document["catalogues"] if block["catalogue"] == "llm"]
    figure: dict[str, Any] = llm["figures"][key]
    return figure


@dataclass
class Asked:
    """An event source without events that records its reads."""

    at: list[datetime]
    clock: Any
    settles_for = timedelta(days=3)

    def event_batches(self, wanted: Period | None, memory: Any) -> Iterator[Any]:
        self.at.append(self.clock())
        return iter(())


def test_the_worker_goes_on_asking_what_is_told_late_though_no_list_is_missing(tmp_path: Path) -> None:
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
    now = [EVENING.replace(hour=0, minute=10)]
    for catalogue in ("llm", "hub"):
        ledger.add_snapshot(opened, replace(snapshot(SECOND, {"a/x": 0}), network="opengradient", catalogue=catalogue))
    source = Asked([], lambda: now[0])
    desk = pipeline.PublishContext(
        opened, Archive(opened), pipeline.make_outbox(opened), PublishConfig.model_validate({}), 0.01
    )
    run = OutboxPass(
        desk.outbox, {}, Fake(Ledger(), source.clock, ()).content(desk.archive), source.clock, "a", timedelta()
    )
    bench = worker.WorkerContext(
        opened, desk, [(PLAN, source)], (), {}, lambda: run, source.clock, timedelta(minutes=15)
    )
    step = worker.WorkCycle(bench, WorkerState(), "a", lambda: False)
    while now[0] < EVENING.replace(hour=23):
        step.run_cycle()
        now[0] += timedelta(minutes=10)
    opened.close()
    assert 6 <= len(source.at) <= 12 and (source.at[-1] - source.at[0]) > timedelta(hours=12)


def test_the_worker_keeps_the_lists_that_stand_in_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    config = tmp_path / "config.yaml"
    config.write_text(f"data: {tmp_path}\nnetworks: {{opengradient: {{}}}}\n")
    context = app_context.AppContext(config)
    try:
        source = run_command._Standing(context, "opengradient", Asked([], lambda: NEXT))
        pipeline.collect(context.store, "opengradient", source, None, lambda _: None)
        llm, _hub = PLAN.catalogues
        assert ledger.closed_span(context.store, llm) is not None
    finally:
        context.close()
