"""OpenRouter from its exports to the digest, with real figures and with every fault that its files may have."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot import ledger, pipeline
from bot.archive import Archive
from bot.pipeline import NetworkPlan
from bot.pipeline.composition import build_digest, compose_digest, outdated_periods
from bot.records import AtLeast, Period, Unknown
from bot.render import build_post
from bot.render.embeds import embed_texts
from bot.sources import make_source, openrouter
from bot.sources.openrouter.exports import ExportManifest
from bot.sources.openrouter.rankings import parse_export
from bot.store import Store
from tests import databases
from tests.patience import PATIENCE
from tests.peers.openrouter_api import RECORDED, Fault, OpenRouterApi, recorded_days
from tests.peers.served import Server, serving

DAY = date(2026, 10, 1)
ONE = timedelta(days=1)
NOW = datetime(2026, 10, 2, 2, 0, tzinfo=UTC)
(MODELS,) = openrouter.CATALOGUES
PLAN = NetworkPlan("openrouter", "OpenRouter", openrouter.CATALOGUES, {"catalogue": "models", "figure": "uses"})
KEY = "sk-or-v1-a-secret-that-must-not-be-seen"


class World:
    """A ledger, and OpenRouter as a local server."""

    def __init__(self, store: Store, api: OpenRouterApi, server: Server, folder: Path) -> None:
        self.store, self.api, self.server, self.folder = store, api, server, folder
        self.now, self.key = NOW, ""
        self.settings = openrouter.Settings(api=server.url, silence=60)

    def collect(self, wanted: Period | None = None) -> str:
        secrets = {"OPENROUTER_API_KEY": self.key} if self.key else {}
        source = make_source("openrouter", self.settings, self.folder, secrets, lambda: self.now)
        return pipeline.collect(self.store, "openrouter", source, wanted, lambda line: None).error

    def day(self, day: date = DAY) -> Any:
        return ledger.load_period_data(self.store, MODELS, Period(day, day))

    def figure(self, key: str, day: date = DAY) -> Any:
        return build_digest(self.store, PLAN, Period(day, day), self.now)["catalogues"][0]["figures"][key]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    api = OpenRouterApi()
    slugs = sorted({model.partition(":")[0] for rows in api.days.values() for model, _ in rows if model != "other"})
    api.models = [
        {"id": slug, "canonical_slug": slug, "created": 1_700_000_000} for slug in [*slugs[5:], "nobody/idle-20260101"]
    ]
    api.models.append({"id": f"{slugs[9]}:free", "canonical_slug": slugs[9], "created": 1_700_000_000})
    with serving(api) as server:
        store = databases.memory()
        yield World(store, api, server, tmp_path)
        store.close()


def spread(first: date, last: date, tokens: int = 1000) -> dict[date, list[tuple[str, int]]]:
    """Days with 50 models and the rest."""
    every = [first + n * ONE for n in range((last - first).days + 1)]
    return {day: [*((f"a/m{n:02}", tokens - n) for n in range(50)), ("other", 300)] for day in every}


def test_the_recorded_bytes_are_read_exactly() -> None:
    days = parse_export(RECORDED.read_bytes(), "the sample")
    again = recorded_days()
    assert {day: [(row.model, row.tokens) for row in rows] for day, rows in days.items()} == again
    total = sum(row.tokens for row in days[DAY])
    assert all(row.share == row.tokens / total for row in days[DAY])


def test_the_recorded_manifest_is_read() -> None:
    recorded = RECORDED.with_name("openrouter-manifest-2026-10-08.json").read_bytes()
    manifest = msgspec.json.decode(recorded, type=ExportManifest)
    assert (manifest.snapshot_date, manifest.row_count, manifest.files.csv.bytes) == (date(2026, 10, 8), 1530, 122_881)
    assert (manifest.days[0], manifest.days[-1]) == (date(2026, 9, 8), date(2026, 10, 7))


def test_a_real_day_has_its_real_figures(world: World) -> None:
    assert world.collect() == ""
    rows = dict(world.api.days[DAY])
    other = rows.pop("other")
    folded: dict[str, int] = {}
    for model, tokens in rows.items():
        folded[model.partition(":")[0]] = folded.get(model.partition(":")[0], 0) + tokens
    flow = world.day().flow
    assert (flow.uses, flow.unattributed) == (sum(rows.values()) + other, other)
    assert sorted(flow.by_model.values()) == sorted(folded.values())
    listed = {model["canonical_slug"] for model in world.api.models}
    used = world.figure("models_used")
    assert used["value"] == len(folded.keys() & listed) and used["at_least"]
    assert world.figure("models_listed")["value"] == len(listed)
    top = world.figure("top_1_share")
    assert top["value"] == max(folded.values()) / flow.uses and top["at_least"]
    assert world.figure("models_never_used")["value"] is None


def test_the_effective_number_of_models_is_a_range(world: World) -> None:
    world.collect()
    rows = recorded_days()[DAY]
    parts: dict[str, float] = {}
    for model, tokens in rows[:-1]:
        parts[model.partition(":")[0]] = parts.get(model.partition(":")[0], 0) + tokens
    rest, least = rows[-1][1], min(parts.values())
    pieces = math.ceil(rest / least)

    def number(counts: list[float]) -> float:
        return math.prod((count / sum(counts)) ** -(count / sum(counts)) for count in counts)

    low, high = number([*parts.values(), rest]), number([*parts.values(), *[rest / pieces] * pieces])
    figure = world.figure("effective_models")
    assert math.isclose(figure["value"], low, rel_tol=1e-9) and figure["at_least"]
    assert f"between {math.floor(low)} and {math.ceil(high)}" in figure["reason"]


def test_nothing_is_claimed_that_the_rest_may_contradict(world: World) -> None:
    world.api.days = spread(date(2026, 8, 20), DAY)
    world.api.models = [{"id": f"a/m{n:02}", "canonical_slug": f"a/m{n:02}", "created": 1} for n in range(60)]
    world.collect()
    for n in range(1, 9):
        world.now = NOW + n * ONE
        day = world.now.date() - ONE
        rows = [(f"a/m{k:02}", 1000 - k) for k in range(60) if k != n]
        world.api.days[day] = [*rows[:50], ("other", 300)]
        world.api.newest = world.now.date()
        world.api.models += [{"id": f"new/{n}{k}", "canonical_slug": f"new/{n}{k}", "created": 1} for k in range(3)]
        assert world.collect() == ""
        document = build_digest(world.store, PLAN, Period(day, day), world.now)
        found = {finding["key"] for finding in document["catalogues"][0]["findings"]}
        assert not found & {"newly_used", "gone_quiet", "awake_again", "new_unused", "outweighed"}


def test_the_days_are_stitched_back_to_the_oldest_export(world: World) -> None:
    world.api.days = spread(date(2026, 8, 1), date(2026, 11, 27))
    world.api.newest, world.now = date(2026, 11, 28), datetime(2026, 11, 28, 2, 0, tzinfo=UTC)
    assert world.collect() == ""
    span = ledger.read_span(world.store, MODELS)
    assert span and (span.first, span.last) == (date(2026, 8, 20), date(2026, 11, 27))
    dated = [path for path in world.server.asked if path.endswith(".csv")]
    assert len(dated) == 4
    assert world.collect() == "" and len([p for p in world.server.asked if p.endswith(".csv")]) == 4
    figure = world.figure("models_used", date(2026, 9, 1))
    assert (figure["value"], figure["label"], figure["at_least"]) == (50, "named models used", True)


def test_a_hole_in_the_dated_exports_is_stepped_over(world: World) -> None:
    world.api.days = spread(date(2026, 8, 1), date(2026, 11, 27))
    world.api.newest, world.now = date(2026, 11, 28), datetime(2026, 11, 28, 2, 0, tzinfo=UTC)
    world.api.faults["2026-11-01.manifest.json"] = Fault(404, b"{}")
    assert world.collect() == ""
    assert ledger.read_span(world.store, MODELS).first == date(2026, 8, 20)  # type: ignore[union-attr]


def test_a_revision_replaces_a_day_and_composes_it_again(world: World) -> None:
    world.collect()
    archive = Archive(world.store)
    compose_digest(world.store, archive, PLAN, Period(DAY, DAY), world.now)
    ledger.mark_recomposed(world.store, "openrouter", "day", ledger.outdated_since(world.store, "openrouter", "day"))
    before = world.day().flow.uses
    model, tokens = world.api.days[DAY][0]
    world.api.days[DAY][0] = (model, tokens + 7)
    world.api.days[DAY + ONE] = list(world.api.days[DAY])
    world.api.newest, world.now = world.api.newest + ONE, NOW + ONE
    assert world.collect() == ""
    assert world.day().flow.uses == before + 7
    assert [period.first for period in outdated_periods(world.store, archive, PLAN, "day")] == [DAY]


def test_a_dated_file_is_read_and_not_the_latest(world: World) -> None:
    world.collect()
    assert not any(path.endswith("latest.csv") for path in world.server.asked)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            lambda lines: [line for line in lines if not line.startswith("2026-10-01,") or ",50," not in line],
            "49 of 50",
        ),
        (lambda lines: [line for line in lines if not line.startswith("2026-10-01,other")], "line for all other"),
        (lambda lines: [line for line in lines if not line.startswith("2026-10-01")], "do not have this day"),
        (lambda lines: [line.replace("2026-10-01,other,,1", "2026-10-01,other,,2") for line in lines], "contradict"),
        (lambda lines: [*lines, lines[-1]], "line for all other"),
    ],
)
def test_an_incomplete_day_is_unknown_and_the_others_are_known(world: World, edit: Any, said: str) -> None:
    world.api.edit = lambda dated, lines: edit(lines)
    world.collect()
    assert said in world.day().flow.reason
    assert world.day(DAY - ONE).flow.uses > 0
    assert world.figure("uses")["value"] is None


@pytest.mark.parametrize(
    ("name", "fault", "said"),
    [
        ("2026-10-02.csv", Fault(body=RECORDED.read_bytes()[:-5]), "SHA-256"),
        ("2026-10-02.csv", Fault(body=b"<html>"), "web page"),
        ("2026-10-02.csv", Fault(404, b"{}"), "answered 404"),
        ("latest.manifest.json", Fault(body=b"{}"), "not a manifest"),
        ("latest.manifest.json", Fault(body=b"\xff"), "not a manifest"),
        ("latest.manifest.json", Fault(503, b""), "answered 503"),
    ],
)
def test_a_file_that_is_not_as_its_manifest_says_is_refused(world: World, name: str, fault: Fault, said: str) -> None:
    world.api.faults[name] = fault
    assert said in world.collect()
    assert isinstance(world.day().flow, Unknown)
    world.api.faults.clear()
    assert world.collect() == "" and world.day().flow.uses > 0


def test_the_day_is_waited_for_until_it_is_published(world: World) -> None:
    world.api.newest -= ONE
    world.collect()
    assert isinstance(world.day().flow, Unknown) and world.day(DAY - ONE).flow.uses > 0
    world.api.newest += ONE
    world.collect()
    assert world.day().flow.uses > 0


def test_the_keyed_history_reaches_back_further(world: World) -> None:
    world.api.history = spread(date(2025, 1, 1), date(2026, 8, 19))
    del world.api.history[date(2025, 6, 15)]
    world.key = KEY
    assert world.collect() == ""
    assert ledger.read_span(world.store, MODELS).first == date(2025, 1, 1)  # type: ignore[union-attr]
    assert isinstance(world.day(date(2025, 6, 15)).flow, Unknown)
    assert world.day(date(2025, 6, 16)).flow.unattributed == 300
    assert {path.rsplit("/", 1)[-1] for path, key in world.api.keys if key} == {"rankings-daily"}
    stored = b"".join(path.read_bytes() for path in world.folder.rglob("*") if path.is_file())
    assert KEY.encode() not in stored


def test_a_refused_key_costs_one_line_and_no_other_figure(world: World) -> None:
    world.key = KEY
    world.api.faults["rankings-daily"] = Fault(401, b"{}")
    error = world.collect()
    assert len(error.splitlines()) == 1 and "answered 401" in error and KEY not in error
    assert world.day().flow.uses > 0


def test_counts_that_are_no_texts_of_digits_are_refused(world: World) -> None:
    world.key = KEY
    rows = [{"date": "2025-01-01", "model_permaslug": "a/b", "total_tokens": "-5"}]
    world.api.faults["rankings-daily"] = Fault(body=json.dumps({"data": rows}).encode())
    assert "is no count" in world.collect()


def test_the_licence_and_the_source_are_in_every_document(world: World) -> None:
    world.collect()
    assert any("CC BY 4.0" in gap and "openrouter.ai" in gap for gap in world.day().gaps)
    document = compose_digest(world.store, Archive(world.store), PLAN, Period(DAY, DAY), world.now)
    for outlet, site in (("x", "openrouter·ai"), ("discord", "openrouter")):
        post = build_post(document, outlet)
        words = "".join(post.parts) + json.dumps(embed_texts(post.embed) if post.embed else "")
        assert "CC BY 4.0" in words and site in words
    assert "https://creativecommons.org/licenses/by/4.0/" in (openrouter.__doc__ or "")


def test_a_silent_host_costs_one_line(world: World) -> None:
    for name in ("latest.manifest.json", "models"):
        world.api.faults[name] = Fault(hangs=True)
    world.settings = world.settings.model_copy(update={"silence": 0.2, "timeout": PATIENCE})
    began = time.monotonic()
    error = world.collect()
    assert time.monotonic() - began < PATIENCE and len(error.splitlines()) == 1


def test_nothing_new_is_not_sent_again(world: World) -> None:
    world.collect()
    asked = len(world.server.asked)
    world.now += ONE
    world.collect()
    assert len(world.server.asked) == asked + 2, "the manifest and the list, nothing else"


def test_the_total_of_a_week_is_exact_and_its_models_are_a_lower_bound(world: World) -> None:
    world.api.days = spread(date(2026, 8, 20), DAY)
    world.collect()
    book = world.day()
    assert book.total_7d == 7 * (sum(1000 - n for n in range(50)) + 300)
    assert not isinstance(book.total_7d, AtLeast)


def test_doctor_says_what_answers(world: World) -> None:
    said = openrouter.check_reachable(world.settings, world.folder, {})
    assert "export of 2026-10-02" in said
