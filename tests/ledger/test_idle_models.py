"""`idle` for models of event sources: a day that was not read counts for nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot import ledger, pipeline, queries, store
from bot.archive import Archive
from bot.findings import model_activity as findings
from bot.queries import QueryContext, WatchedNetwork
from bot.records import Listing, Period, SafeName, Snapshot, SourceRef, Use, start_of_day
from bot.subscriptions import ModelChange, ModelWatch, detect_change
from tests.databases import ON_BOTH, ON_SQLITE
from tests.ledger.test_lake import DAY, HUB, NOW, ONE, haul

pytestmark = ON_SQLITE

LAST = DAY + 9 * ONE
HEADLINE = {"catalogue": "hub", "figure": "uses"}


def lists(db: store.Store, first: int = -1) -> None:
    names = tuple(Listing(SafeName(f"a/m{n}"), SafeName("a")) for n in range(3))
    for n in range(first, 10):
        closes = DAY + n * ONE
        ledger.add_snapshot(
            db,
            Snapshot(
                "og", "hub", start_of_day(closes + ONE), SourceRef("hub", start_of_day(closes)), names, closes=closes
            ),
        )


def read(db: store.Store, number: int, *models: str) -> None:
    """A complete day: one use of each of these models, "" for an unnamed use."""
    day = DAY + number * ONE
    used = tuple(
        Use(f"{day}:{n}", 100 + n, start_of_day(day) + timedelta(seconds=n), 1, SafeName(m) if m else None, "0x1", "c")
        for n, m in enumerate(models)
    )
    ledger.add_event_batch(db, haul(day, uses=used))


def first_told(db: store.Store) -> tuple[list[str], str | None]:
    """The models that findings call newly used on the last day, and the notice for a watch of `a/m1`."""
    book = ledger.load_period_data(db, HUB, Period(LAST, LAST))
    claims = [scored_claim.claim for scored_claim in findings.newly_used(findings.FindingInput(book, {}))]
    watch = ModelWatch(1, "key", "og", "hub", SafeName("a/m1"), 0.5, NOW, "en")
    heard = detect_change(watch, book, {"a/m1": 1}, {"a/m1": 0})
    return [claim.model for claim in claims], heard.kind if heard else None


def idle(db: store.Store, days: int = 7) -> dict[str, object]:
    archive, plan = Archive(db), pipeline.NetworkPlan("og", "OG", (HUB,), HEADLINE)
    pipeline.compose_digest(db, archive, plan, Period(LAST, LAST), NOW)
    desk = QueryContext(db, archive, {"og": WatchedNetwork("og", "OG", (HUB,), "", HEADLINE)}, (), lambda: NOW, ())
    return queries.idle(desk, "og", days)


def test_a_model_is_idle_where_every_day_was_read_and_every_use_names_another(db: store.Store) -> None:
    lists(db)
    for n in range(10):
        read(db, n, "a/m0")
    idle_models = idle(db)
    assert (idle_models["count"], idle_models["never_seen"], idle_models["listed"]) == (2, 2, 3)


def test_use_that_names_no_model_may_be_any_models(db: store.Store) -> None:
    lists(db)
    for n in range(10):
        read(db, n, *(("", "a/m0") if n in (2, 8) else ("a/m0",)))
    idle_models = idle(db)
    assert idle_models["unknown"] == "1 of 8 uses name no model" and "count" not in idle_models
    assert idle(db, 1)["count"] == 2


def test_days_that_nobody_read_are_no_days_without_use(db: store.Store) -> None:
    lists(db)
    for n in (0, 1, 2, 8, 9):
        read(db, n, "a/m0")
    idle_models = idle(db)
    assert idle_models["unknown"] == "the old chain was read for 2 of 7 days" and idle_models["models"] == []
    assert idle(db, 2)["count"] == 2


def test_a_first_use_is_told_where_every_day_before_it_was_read(db: store.Store) -> None:
    lists(db)
    for n in range(10):
        read(db, n, *(("a/m1",) if n == 9 else ("a/m0",)))
    assert first_told(db) == (["a/m1"], "first")


@ON_BOTH
def test_no_use_is_called_the_first_across_days_that_nobody_read(db: store.Store) -> None:
    lists(db)
    for n in (0, 1, 8, 9):
        read(db, n, *(("a/m1",) if n == 9 else ("a/m0",)))
    assert first_told(db) == ([], "moved")


@pytest.mark.parametrize("spoilt", [None, "unread", "unnamed"])
def test_a_model_falls_asleep_after_seven_days_that_are_known(db: store.Store, spoilt: str | None) -> None:
    lists(db)
    for n in range(10):
        if n != 5 or spoilt != "unread":
            read(db, n, "a/m0", *(("a/m1",) if n < 9 else ()), *(("",) if n == 9 and spoilt == "unnamed" else ()))
    book = ledger.load_period_data(db, HUB, Period(LAST, LAST))
    assert [(str(m.name), uses) for m, uses in book.quiet] == ([] if spoilt else [("a/m1", 7)])
    heard = detect_change(
        ModelWatch(1, "key", "og", "hub", SafeName("a/m1"), 5.0, NOW, "en"), book, {"a/m1": 0}, {"a/m1": 1}
    )
    assert heard is None if spoilt else heard == ModelChange("quiet", 0, 7)


@pytest.mark.parametrize("whole", [True, False])
def test_a_model_is_awake_again_where_all_days_of_its_sleep_were_read(db: store.Store, whole: bool) -> None:
    lists(db, -10)
    for n in range(-9, 10):
        if n != 3 or whole:
            read(db, n, *(("a/m0", "a/m1") if n in (-9, 9) else ("a/m0",)))
    book = ledger.load_period_data(db, HUB, Period(LAST, LAST))
    assert [(str(m.name), last) for m, last in book.woken] == ([("a/m1", DAY - 9 * ONE)] if whole else [])
    assert ledger.load_period_data(db, HUB, Period.for_day(LAST, "week")).woken == ()
