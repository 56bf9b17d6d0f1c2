from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import ledger, pipeline, redaction, store
from bot.archive import Archive
from bot.metrics import METRICS
from bot.records import Period, Receipt, Snapshot, SourceError, Unknown
from tests import databases
from tests.render import documents
from tests.worlds import CATALOGUE, ONE, START, at, snapshot

NOW = datetime(2025, 4, 1, tzinfo=UTC)
PLAN = pipeline.NetworkPlan("replicate", "Replicate", (CATALOGUE,), {"catalogue": "models", "figure": "models_used"})
MISSED = START + 4 * ONE
DAYS = [START + n * ONE for n in range(10) if START + n * ONE != MISSED]


def counts(day: date) -> dict[str, int]:
    number = (day - START).days
    return {f"o{n % 3}/m{n}": 100 + number * n * n for n in range(12)} | {"idle/one": 0}


class Told:
    """A source that yields given snapshots and then may fail."""

    def __init__(self, snapshots: Sequence[Snapshot], error: str = "") -> None:
        self.given, self.error = snapshots, error
        self.asked: list[Period | None] = []

    def snapshots(self, wanted: Period | None) -> Iterator[Snapshot]:
        self.asked.append(wanted)
        yield from self.given
        if self.error:
            raise SourceError(self.error)


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[store.Store]:
    """A ledger of ten days, the fifth without a snapshot."""
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
    for day in DAYS:
        ledger.add_snapshot(opened, snapshot(day, counts(day)))
    yield opened
    opened.close()


def day_of(day: date) -> Period:
    return Period.for_day(day)


# --- collect ---------------------------------------------------------------------------------------------------------


def test_what_a_source_says_is_kept_and_told(db: store.Store) -> None:
    lines: list[str] = []
    given = Told([snapshot(START, {"a/b": 1}), snapshot(START + ONE, {"a/b": 2, "a/c": 0})])
    came = pipeline.collect(db, "replicate", given, Period(START, START), lines.append)
    assert came == pipeline.CollectResult("replicate", 2, 0, START + ONE)
    assert given.asked == [Period(START, START)]
    assert lines == [
        "replicate: kept 2025-03-02 00:00 UTC, 1 model, closes 2025-03-01",
        "replicate: kept 2025-03-03 00:00 UTC, 2 models, closes 2025-03-02",
    ]
    again = pipeline.collect(db, "replicate", given, None, lines.append)
    assert again == pipeline.CollectResult("replicate", 0, 2, START + ONE)
    assert lines[2].startswith("replicate: had 2025-03-02")


def test_a_source_that_breaks_is_a_value_and_what_came_before_stays(db: store.Store) -> None:
    came = pipeline.collect(db, "replicate", Told([snapshot(START, {"a/b": 1})], "it broke"), None, lambda _line: None)
    assert came == pipeline.CollectResult("replicate", 1, 0, START, "it broke")
    assert ledger.snapshot_days(db, CATALOGUE) == (START,)


def test_a_snapshot_that_closes_no_day_is_told_as_one(db: store.Store) -> None:
    lines: list[str] = []
    late = dataclasses.replace(snapshot(START, {"a/b": 1}), at=at(START, 14))
    came = pipeline.collect(db, "replicate", Told([late]), None, lines.append)
    assert came == pipeline.CollectResult("replicate", 1, 0, None)
    assert lines[0].endswith("taken too late after midnight UTC to close a day")


def test_a_second_snapshot_within_the_hour_is_told_which_one_closed_the_day(db: store.Store) -> None:
    first = snapshot(START, {"a/b": 1})
    second = dataclasses.replace(snapshot(START, {"a/b": 2}), at=first.at + timedelta(minutes=20))
    lines: list[str] = []
    for _ in range(2):
        pipeline.collect(db, "replicate", Told([first, second]), None, lines.append)
    closed = "closes no day: the snapshot of 2025-03-02 00:00 UTC closed that day before"
    assert [closed in line for line in lines] == [False, True, False, True]
    assert all("closes 2025-03-01" in line for line in lines[::2])
    assert not any("too late" in line for line in lines)


def test_what_a_network_says_is_shown_without_our_secrets(db: store.Store) -> None:
    redaction.register_secrets(["r8_canary/canary"])
    came = pipeline.collect(db, "replicate", Told([], "it said r8_canary%2Fcanary"), None, lambda _line: None)
    redaction.register_secrets([])
    assert came.error == "it said [redacted]"


def test_an_error_that_is_not_the_sources_own_is_not_swallowed(db: store.Store) -> None:
    class Mistaken:
        def snapshots(self, wanted: Period | None) -> Iterator[Snapshot]:
            raise ZeroDivisionError
            yield

    with pytest.raises(ZeroDivisionError):
        pipeline.collect(db, "replicate", Mistaken(), None, lambda _line: None)


# --- covered ---------------------------------------------------------------------------------------------------------


def test_every_day_is_covered_also_the_first_and_an_unread_one(filled: store.Store) -> None:
    assert [p.first for p in pipeline.covered_periods(filled, PLAN, "day")] == [START + n * ONE for n in range(10)]


def test_weeks_and_months_are_covered_once_they_are_over(filled: store.Store) -> None:
    # 1 March 2025 is a Saturday: the week of 24 February is covered in part, that of 3 March whole.
    weeks = pipeline.covered_periods(filled, PLAN, "week")
    assert [(p.first, p.last) for p in weeks] == [
        (date(2025, 2, 24), date(2025, 3, 2)),
        (date(2025, 3, 3), date(2025, 3, 9)),
    ]
    assert pipeline.covered_periods(filled, PLAN, "month") == ()
    ledger.add_snapshot(filled, snapshot(date(2025, 3, 31), counts(date(2025, 3, 31))))
    assert [p.first for p in pipeline.covered_periods(filled, PLAN, "month")] == [date(2025, 3, 1)]


def test_nothing_is_covered_before_anything_was_collected(db: store.Store) -> None:
    assert pipeline.covered_periods(db, PLAN, "day") == ()


# --- compose ---------------------------------------------------------------------------------------------------------


def test_composing_keeps_what_it_returns(filled: store.Store) -> None:
    archive = Archive(filled)
    document = pipeline.compose_digest(filled, archive, PLAN, day_of(DAYS[-1]), NOW)
    assert archive.find_digest("replicate", "day", DAYS[-1]) == document
    assert document["catalogues"][0]["figures"]["uses"]["value"] == sum(n * n for n in range(12))
    assert document["composed_at"] == NOW.isoformat()


def test_every_finding_is_worded(filled: store.Store) -> None:
    block = pipeline.build_digest(filled, PLAN, day_of(DAYS[-1]), NOW)["catalogues"][0]
    assert block["findings"] and all(finding["text"] for finding in block["findings"])


def test_the_same_ledger_gives_the_same_digest_byte_for_byte(filled: store.Store) -> None:
    first, two = (json.dumps(pipeline.build_digest(filled, PLAN, day_of(DAYS[-1]), NOW)) for _ in range(2))
    assert first == two


def test_an_issued_day_that_changes_becomes_a_new_edition(filled: store.Store) -> None:
    archive = Archive(filled)
    issued = pipeline.compose_digest(filled, archive, PLAN, day_of(MISSED), NOW)
    assert issued["catalogues"][0]["figures"]["uses"]["value"] is None
    archive.add_receipt(issued, Receipt("x", "us", 1, "17", "https://example.org/17", NOW))
    ledger.add_snapshot(filled, snapshot(MISSED, counts(MISSED)))
    later = pipeline.compose_digest(filled, archive, PLAN, day_of(MISSED), NOW)
    assert later["edition"] == 2
    (change,) = (c for c in later["changes"] if c["figure"] == "uses")
    assert (change["published"]["value"], change["now"]["value"]) == (None, sum(n * n for n in range(12)))


@pytest.mark.parametrize("change", ["added", "removed", "redefined", "relabelled", "reworded"])
def test_an_upgrade_makes_no_new_edition_of_what_was_issued_and_verifies(
    filled: store.Store, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    archive, period, uses = Archive(filled), day_of(DAYS[-1]), METRICS["uses"]
    more = replace(uses, key="uses_again", compute=lambda book: 1)
    if change == "removed":
        monkeypatch.setitem(METRICS, more.key, more)
    issued = pipeline.compose_digest(filled, archive, PLAN, period, NOW)
    archive.add_receipt(issued, Receipt("x", "us", 1, "17", "https://example.org/17", NOW))
    kept = archive.find_digest("replicate", "day", DAYS[-1])
    monkeypatch.undo()
    if change == "added":
        monkeypatch.setitem(METRICS, more.key, more)
    if change == "redefined":
        monkeypatch.setitem(METRICS, "uses", replace(uses, version=2, compute=lambda book: 1))
    if change == "relabelled":
        monkeypatch.setitem(METRICS, "uses", replace(uses, label="all {unit} there were", definition="In other words."))
    if change == "reworded":
        used = METRICS["models_used_30d"]
        assert issued["catalogues"][0]["figures"][used.key]["unknown"] != "in other words"
        monkeypatch.setitem(METRICS, used.key, replace(used, compute=lambda book: Unknown("in other words")))
    assert pipeline.compose_digest(filled, archive, PLAN, period, NOW) == kept
    assert list(pipeline.mismatches_with(pipeline.recompute_digest(filled, PLAN, issued), issued)) == []


# --- post ------------------------------------------------------------------------------------------------------------


def test_only_outlets_that_show_pictures_get_one(filled: store.Store) -> None:
    document = pipeline.build_digest(filled, PLAN, day_of(DAYS[-1]), NOW)
    posts = {outlet: pipeline.render_post(document, outlet) for outlet in ("text", "x", "discord")}
    assert {outlet: len(post.pictures) for outlet, post in posts.items()} == {"text": 0, "x": 1, "discord": 1}
    assert all("11 of 13" in "".join(posts[outlet].parts) for outlet in ("text", "x"))


def test_a_hidden_name_is_in_no_post(filled: store.Store) -> None:
    document = pipeline.build_digest(filled, PLAN, day_of(DAYS[-1]), NOW)
    news = {**documents.FINDINGS["model_move"][0], "model": "o2/m11", "author": "o2"}
    document["catalogues"][0]["findings"].insert(0, {"key": "model_move", "text": "", "score": 0.9, "values": news})
    document["lead"] = {"form": "mover", "finding": 0}
    for outlet in ("text", "x", "discord"):
        assert "o2/m11" in str(pipeline.render_post(document, outlet)), outlet
        assert "o2/m11" not in str(pipeline.render_post(document, outlet, ["o2/m11"])), outlet


# --- mismatches ------------------------------------------------------------------------------------------------------


def test_a_digest_agrees_with_the_ledger_that_it_was_made_from(filled: store.Store) -> None:
    for day in DAYS[1:]:
        document = json.loads(json.dumps(pipeline.build_digest(filled, PLAN, day_of(day), NOW)))
        assert list(pipeline.mismatches_with(pipeline.recompute_digest(filled, PLAN, document), document)) == []
    week = pipeline.build_digest(filled, PLAN, Period.for_day(DAYS[-1], "week"), NOW)
    assert list(pipeline.mismatches_with(pipeline.recompute_digest(filled, PLAN, week), week)) == []


def test_what_came_later_is_found_figure_by_figure(filled: store.Store) -> None:
    document = pipeline.build_digest(filled, PLAN, day_of(MISSED), NOW)
    ledger.add_snapshot(filled, snapshot(MISSED, counts(MISSED)))
    mismatches = list(pipeline.mismatches_with(pipeline.recompute_digest(filled, PLAN, document), document))
    assert "models.models_listed: says unknown (no reading at the end of 5 Mar 2025), is 13" in mismatches
    assert any(line.startswith("models.top: row 1 says null, is ") for line in mismatches)
    assert any(line.startswith("refs: ") for line in mismatches)


def changed(document: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    block = document["catalogues"][0]
    figures = {**block["figures"], key: {**block["figures"][key], "value": value}}
    return {**document, "catalogues": [{**block, "figures": figures}]}


def test_a_figure_of_another_value_is_named_with_both(filled: store.Store) -> None:
    document = changed(pipeline.build_digest(filled, PLAN, day_of(DAYS[-1]), NOW), "models_used", 12)
    assert list(pipeline.mismatches_with(pipeline.recompute_digest(filled, PLAN, document), document)) == [
        "models.models_used: says 12, is 11"
    ]


def test_hiding_a_name_before_or_after_a_digest_is_no_mismatch(filled: store.Store) -> None:
    hiding = dataclasses.replace(PLAN, hidden=("o2/m11",))
    before, after = (pipeline.build_digest(filled, plan, day_of(DAYS[-1]), NOW) for plan in (hiding, PLAN))
    assert "o2/m11" in json.dumps(after) and "o2/m11" not in json.dumps(before)
    for document in (before, after):
        for plan in (hiding, PLAN):
            assert list(pipeline.mismatches_with(pipeline.recompute_digest(filled, plan, document), document)) == []
