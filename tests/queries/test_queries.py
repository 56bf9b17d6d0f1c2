"""Every query over a small world whose uses are all listed here."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import ledger, number_format, pipeline, queries, render, store
from bot.archive import Archive
from bot.database_copy import copy_database
from bot.discord_bot import presenter
from bot.discord_bot.presenter import Query
from bot.metrics import METRICS
from bot.queries import NotFoundError, QueryContext, QueryError, WatchedNetwork
from bot.queries.context import VersionedCache
from bot.queries.registry import QUERIES
from bot.records import Catalogue, Document, Listing, Period, Reading, SafeName, Snapshot, SourceRef, start_of_day
from tests import databases
from tests.worlds import CATALOGUE, START, snapshot, window

ONE = timedelta(days=1)
DAYS = tuple(START + n * ONE for n in range(10))
MISSING, NEWEST = DAYS[5], DAYS[9]
NOW = datetime(2025, 3, 11, 9, tzinfo=UTC)
HIDDEN = ("hid", "shy/secret-model")
SECRETS = ("hid/", "secret-model")

FIRST, TWO, NEW, STILL = "acme/first", "acme/two", "late/new", "idle/still"


def counters(number: int) -> dict[str, int]:
    """Each listed model's counter at the end of day `number`."""
    shown = {
        FIRST: 1000 + 100 * number,
        TWO: 40 * min(number, 4),
        STILL: 0,
        "idle/once": 7,
        "other/first": 30 * number,
        "hid/one": 5 * number * number,
        "shy/secret-model": 500 * number,
    }
    if number < 4:
        shown["gone/model"] = 9 * number
    if number >= 8:
        shown[NEW] = 600 * (number - 7)
    return shown


WORLD = {day: counters(n) for n, day in enumerate(DAYS) if day != MISSING}
PLAN = pipeline.NetworkPlan(
    "replicate", "Replicate", (CATALOGUE,), {"catalogue": CATALOGUE.key, "figure": "models_used"}, HIDDEN
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryContext]:
    opened = store.open_store(f"sqlite:///{tmp_path_factory.mktemp('answers') / 'footfall.db'}")
    archive = Archive(opened)
    for day, counts in WORLD.items():
        ledger.add_snapshot(opened, snapshot(day, counts))
    for day in DAYS[1:]:
        pipeline.compose_digest(opened, archive, PLAN, Period.for_day(day), NOW)
    pipeline.compose_digest(opened, archive, PLAN, Period.for_day(DAYS[3], "week"), NOW)
    watched = WatchedNetwork("replicate", "Replicate", (CATALOGUE,), "How it is counted.", PLAN.headline)
    yield QueryContext(opened, archive, {"replicate": watched}, HIDDEN, lambda: NOW)
    opened.close()


def kept(desk: QueryContext, day: date = NEWEST) -> Document:
    document = desk.archive.find_digest("replicate", "day", day)
    assert document is not None
    return document


def uses_on(day: date) -> dict[str, int]:
    result = window(WORLD, day, day)
    assert result.known
    return dict(result.by_model)


# --- figures are looked up -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", DAYS[1:])
def test_usage_and_inventory_tell_the_figures_of_the_archive(desk: QueryContext, day: date) -> None:
    published = kept(desk, day)["catalogues"][0]["figures"]
    for answer in (queries.usage(desk, None, "day", day), queries.inventory(desk, "replicate", day)):
        figures = answer["catalogues"][0]["figures"]
        assert figures and all(figure == published[key] for key, figure in figures.items())
        assert (answer["day"], answer["edition"], answer["status"]) == (day.isoformat(), 1, "draft")
    assert published["uses"]["value"] == (sum(uses_on(day).values()) if day not in (MISSING, MISSING + ONE) else None)


def test_the_newest_digest_is_told_when_no_day_is_named(desk: QueryContext) -> None:
    assert queries.digest(desk, None) == kept(desk)
    assert queries.digest(desk, None, "week", DAYS[3])["day"] == "2025-03-03"


def test_a_trend_is_every_days_figure_as_published(desk: QueryContext) -> None:
    days = {row["day"]: row["figure"] for row in queries.trend(desk, "uses", None, 30)["days"]}
    assert list(days) == [day.isoformat() for day in DAYS[1:]]
    for day in DAYS[1:]:
        figure = kept(desk, day)["catalogues"][0]["figures"]["uses"]
        assert days[day.isoformat()] == {
            "value": figure["value"],
            "unknown": figure.get("unknown"),
            "unit": "runs",
            "label": "runs",
        }
    assert "no reading" in days[MISSING.isoformat()]["unknown"]
    assert len(queries.trend(desk, "uses", None, 3)["days"]) == 3


def test_top_by_uses_is_the_digests_own_table(desk: QueryContext) -> None:
    answer = queries.top(desk, None)
    assert answer["models"] == kept(desk)["catalogues"][0]["top"][:10]
    assert answer["models"][0]["uses"] == max(uses_on(NEWEST).values())


@pytest.mark.parametrize(("by", "falls"), [("rise", False), ("fall", True)])
def test_top_by_movement_orders_models_by_how_much_they_moved(desk: QueryContext, by: str, falls: bool) -> None:
    now, before = uses_on(DAYS[4]), uses_on(DAYS[3])
    moved = {n: c for n in {*now, *before} if (c := now.get(n, 0) - before.get(n, 0)) and (c < 0) == falls}
    rows = queries.top(desk, None, by, "day", DAYS[4])["models"]
    assert [row["change"] for row in rows] == sorted(moved.values(), key=lambda c: -abs(c))
    assert all(row["change"] == row["uses"] - row["before"] for row in rows)
    assert all(row["ratio"] == pytest.approx(row["uses"] / row["before"] - 1) for row in rows if row["before"])
    assert all(row["ratio"] is None for row in rows if not row["before"])
    row = next(row for row in rows if row["before"])
    counts = f"{row['before']:,} to {row['uses']:,} runs, {number_format.format_signed(row['change'])}"
    assert f"{counts} ({number_format.format_ratio(row['ratio'])})" in words(
        queries.top(desk, None, by, "day", DAYS[4])
    )
    assert rows


def test_a_models_card_is_its_row_of_the_ledger(desk: QueryContext) -> None:
    card = queries.model(desk, FIRST, None, DAYS[4])
    by_model = uses_on(DAYS[4])
    assert (card["uses"]["value"], card["rank"]) == (100, 2)
    assert card["share"] == 100 / sum(by_model.values())
    assert card["last_used"] == DAYS[4].isoformat() and card["idle_days"] == 0
    assert card["days"] == [{"day": d.isoformat(), "uses": 100} for d in DAYS[1:5]]


# --- why -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", [*DAYS[2:5], *DAYS[8:]])
def test_the_parts_of_why_add_up_to_the_change_exactly(desk: QueryContext, day: date) -> None:
    answer = queries.why(desk, None, day)
    now, before = sum(uses_on(day).values()), sum(uses_on(day - ONE).values())
    assert (answer["uses"], answer["before"], answer["change"]) == (now, before, now - before)
    parts = [m["change"] for m in answer["movers"]] + [answer["rest"]["change"], answer["unattributed"]]
    assert sum(parts) == now - before
    assert answer["without_largest"] == now - before - max((m["change"] for m in answer["movers"]), key=abs)
    assert answer["uses"] == kept(desk, day)["catalogues"][0]["figures"]["uses"]["value"]


def test_more_movers_than_are_shown_are_summed_as_the_rest(db: store.Store) -> None:
    names = [f"o/m{n}" for n in range(9)]
    for number, day in enumerate(DAYS[:3]):
        ledger.add_snapshot(db, snapshot(day, {name: number * number * (n + 1) for n, name in enumerate(names)}))
    desk = _desk(db, DAYS[1:3])
    answer = queries.why(desk, None)
    # Day 1 uses n+1, day 2 uses 3(n+1): each moved by 2(n+1).
    assert [m["change"] for m in answer["movers"]] == [18, 16, 14, 12, 10]
    assert answer["rest"] == {"models": 4, "change": 2 + 4 + 6 + 8}
    assert answer["change"] == 90 and answer["without_largest"] == 72


def _desk(db: store.Store, days: tuple[date, ...], hidden: tuple[str, ...] = ()) -> QueryContext:
    archive = Archive(db)
    for day in days:
        pipeline.compose_digest(db, archive, replace(PLAN, hidden=hidden), Period.for_day(day), NOW)
    watched = WatchedNetwork("replicate", "Replicate", (CATALOGUE,), "", PLAN.headline)
    return QueryContext(db, archive, {"replicate": watched}, hidden, lambda: NOW)


def test_what_a_newcomer_used_before_it_was_seen_is_not_called_nothing(desk: QueryContext) -> None:
    (row,) = [m for m in queries.why(desk, None)["movers"] if m["model"] == NEW]
    assert row == {"model": NEW, "uses": 600, "before": None, "change": 600, "ratio": None}
    assert "newly counted, 600 runs" in words(queries.top(desk, None, "rise"))


def test_a_ledger_that_knows_otherwise_than_the_edition_says_so(db: store.Store) -> None:
    for number, day in enumerate(DAYS[:4]):
        if number != 2:
            ledger.add_snapshot(db, snapshot(day, {FIRST: 10 * number * number}))
    desk = _desk(db, (DAYS[3],))
    assert kept(desk, DAYS[3])["catalogues"][0]["figures"]["uses"]["value"] is None
    ledger.add_snapshot(db, snapshot(DAYS[2], {FIRST: 35}))
    for answer in (queries.why(desk, None), queries.top(desk, None, "rise")):
        assert answer["unknown"] == "the ledger has changed since this edition was composed"
        assert "changed since" in words(answer)


# --- unknown, with reasons -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", [MISSING, MISSING + ONE, MISSING + 2 * ONE])
def test_what_moved_across_a_missing_reading_is_unknown_with_the_reason(desk: QueryContext, day: date) -> None:
    for answer in (queries.why(desk, None, day), queries.top(desk, None, "fall", "day", day)):
        assert "no reading at the end of 6 Mar 2025" in answer["unknown"]
        assert "change" not in answer and not answer.get("models")


def test_use_of_an_unknown_day_is_unknown_everywhere(desk: QueryContext) -> None:
    card = queries.model(desk, FIRST, None, MISSING)
    assert card["uses"] == {"value": None, "unit": "runs", "unknown": "no reading at the end of 6 Mar 2025"}
    assert card["listed"] is None and card["rank"] is None and card["last_used"] is None
    assert "no use seen" not in words(card)
    assert queries.top(desk, None, "uses", "day", MISSING)["models"] == []
    assert "no reading" in queries.top(desk, None, "uses", "day", MISSING)["unknown"]
    assert "no reading" in queries.idle(desk, None, 1, MISSING)["unknown"]


def test_a_day_with_a_list_but_no_known_use_still_says_who_was_listed(desk: QueryContext) -> None:
    card = queries.model(desk, FIRST, None, MISSING + ONE)
    assert card["uses"]["value"] is None and "6 Mar 2025" in card["uses"]["unknown"]
    assert card["listed"] is True and card["last_used"] == (MISSING + ONE).isoformat()


def test_a_model_that_left_is_said_to_be_gone_and_not_to_be_unused(desk: QueryContext) -> None:
    card = queries.model(desk, "gone/model")
    assert card["uses"]["unknown"] == "not listed on this day" and card["listed"] is False
    assert "no use seen" not in words(card)


def test_a_model_without_a_reading_when_the_day_began_has_unknown_use(desk: QueryContext) -> None:
    card = queries.model(desk, NEW, None, DAYS[8])
    assert card["uses"]["unknown"] == "it had no reading when the day began" and card["share"] is None


def test_idle_counts_listed_models_without_use_and_never_more_than_was_watched(desk: QueryContext) -> None:
    answer = queries.idle(desk, None, 3)
    used = set(window(WORLD, DAYS[7], DAYS[9]).by_model)
    assert answer["count"] == len(set(WORLD[NEWEST]) - used) == 3
    assert [row["model"] for row in answer["models"]] == ["idle/once", STILL, TWO]
    assert (answer["models"][-1]["last_used"], answer["never_seen"]) == (DAYS[4].isoformat(), 2)
    # Last used on day 4: the five days since are idle, the six with that day are not.
    assert [TWO in [row["model"] for row in queries.idle(desk, None, days)["models"]] for days in (5, 6)] == [
        True,
        False,
    ]
    assert queries.idle(desk, None, 30)["unknown"] == "watched for 9 of 30 days"


def test_every_idle_model_stands_on_a_page_the_never_used_before_the_longest_idle(db: store.Store) -> None:
    desk = _desk(db, ())
    names = [f"acme/m{n:03}" for n in range(240)]
    for place, day in enumerate(DAYS[:4]):  # The first five are used on the second day and then no more.
        ledger.add_snapshot(db, snapshot(day, {name: int(place > 0 and n < 5) for n, name in enumerate(names)}))
    pipeline.compose_digest(db, desk.archive, PLAN, Period.for_day(DAYS[3]), NOW)
    pages = [queries.idle(desk, None, 2, page=page) for page in (1, 2, 3)]
    assert [(page["page"], page["pages"], len(page["models"])) for page in pages] == [
        (1, 3, 100),
        (2, 3, 100),
        (3, 3, 40),
    ]
    rows = [row for page in pages for row in page["models"]]
    assert [row["model"] for row in rows] == names[5:] + names[:5] and len(rows) == pages[0]["count"] == 240
    assert [row["last_used"] for row in rows[234:]] == [None] + [DAYS[1].isoformat()] * 5
    assert queries.idle(desk, None, 2, page=9) == pages[2]
    with pytest.raises(QueryError, match="page: found 0, wanted 1 or more"):
        queries.idle(desk, None, 2, page=0)
    assert "page 2 of 3; --page 3 has the next" in words(pages[1]) and "page 3 of 3\n" in words(pages[2]) + "\n"
    shown: list[str] = []
    for page in range(24):
        question = Query("idle", {"days": "2"}, page)
        result, number, of = presenter._page_rows(question, question.find_answer(desk))
        assert (number, of) == (page, 24)
        shown += [row["model"] for row in result]
    assert shown == [row["model"] for row in rows]
    options = QUERIES["idle"].parse_options({"days": "2", "page": "3"})
    assert queries.idle(desk, **options) == pages[2]


# --- compare -------------------------------------------------------------------------------------------------------


def test_two_models_stand_side_by_side_with_their_own_figures(desk: QueryContext) -> None:
    answer = queries.compare(desk, FIRST, TWO)
    assert [side["name"] for side in answer["sides"]] == [FIRST, TWO]
    assert [side["figures"]["uses"]["value"] for side in answer["sides"]] == [100, 0]
    assert answer["comparable"] is True
    assert {side["figures"]["uses"]["evidence"] for side in answer["sides"]} == {"reported"}


def two_networks(db: store.Store) -> QueryContext:
    """The world's first days on Replicate, and on another network under other names."""
    other = Catalogue("elsewhere", "hub", "hub models", "inferences", "claimed")
    desk = _desk(db, ())
    for day, counts in list(WORLD.items())[:3]:
        ledger.add_snapshot(db, snapshot(day, counts))
        names = {name: SafeName(name.replace("acme/", "away/")) for name in counts}
        listings = tuple(Listing(names[n], SafeName("a")) for n in counts)
        readings = tuple(Reading(names[n], c) for n, c in counts.items())
        at = start_of_day(day + ONE)
        ledger.add_snapshot(db, Snapshot("elsewhere", "hub", at, SourceRef("test:", at), listings, readings))
    headline = {"catalogue": "hub", "figure": "models_used"}
    there = pipeline.NetworkPlan("elsewhere", "Elsewhere", (other,), headline)
    for plan in (PLAN, there):
        pipeline.compose_digest(db, desk.archive, plan, Period.for_day(DAYS[2]), NOW)
    return replace(
        desk, watched={**desk.watched, "elsewhere": WatchedNetwork("elsewhere", "Elsewhere", (other,), "", headline)}
    )


def test_networks_of_different_units_are_said_not_to_compare(db: store.Store) -> None:
    answer = queries.compare(two_networks(db), "replicate", "elsewhere")
    assert answer["comparable"] is False and answer["units"] == ["runs", "inferences"]
    assert "compare the shares" in words(answer) and "share of models used" in words(answer)


def test_a_model_is_looked_for_on_every_network_and_a_near_miss_suggested_from_each(db: store.Store) -> None:
    desk = two_networks(db)
    assert [side["network"] for side in queries.compare(desk, "acme/first", "away/first")["sides"]] == [
        "replicate",
        "elsewhere",
    ]
    assert queries.model(desk, "away/first")["network"] == "elsewhere"
    with pytest.raises(
        NotFoundError, match=r"^away/frist: no such model on Replicate, Elsewhere; did you mean away/first"
    ):
        queries.compare(desk, "away/frist", "acme/first")
    with pytest.raises(NotFoundError, match=r"^first: no such .*; there are 4 of that name, such as acme/first"):
        queries.model(desk, "first")
    with pytest.raises(NotFoundError, match=r"^first: no such model on Elsewhere; there are 2 of that name"):
        queries.model(desk, "first", "elsewhere")


# --- names ---------------------------------------------------------------------------------------------------------

EVERYTHING: list[Callable[[QueryContext], Any]] = [
    lambda d: queries.digest(d, None),
    lambda d: queries.digest(d, None, "week", DAYS[3]),
    lambda d: queries.usage(d, None),
    lambda d: queries.inventory(d, None),
    lambda d: queries.top(d, None),
    lambda d: queries.top(d, None, "rise"),
    lambda d: queries.top(d, None, "fall"),
    lambda d: queries.idle(d, None, 1),
    lambda d: queries.why(d, None, DAYS[9]),
    lambda d: queries.why(d, None, DAYS[4]),
    lambda d: queries.trend(d, "uses", None),
    lambda d: queries.compare(d, FIRST, TWO),
    lambda d: queries.status(d),
    lambda d: queries.about(d),
]


@pytest.mark.parametrize("ask", EVERYTHING)
def test_a_hidden_name_is_in_no_answer(desk: QueryContext, ask: Callable[[QueryContext], Any]) -> None:
    text = json.dumps(ask(desk))
    assert not any(secret in text for secret in SECRETS)


@pytest.fixture(scope="module")
def open_digests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[store.Store]:
    """The world with digests that hide nothing."""
    with closing(store.open_store(databases.sqlite(tmp_path_factory.mktemp("open") / "footfall.db"))) as opened:
        for day, counts in WORLD.items():
            ledger.add_snapshot(opened, snapshot(day, counts))
        desk = _desk(opened, DAYS[1:])
        pipeline.compose_digest(opened, desk.archive, replace(PLAN, hidden=()), Period.for_day(DAYS[3], "week"), NOW)
        yield opened


@pytest.mark.parametrize("ask", EVERYTHING[:11])
def test_a_name_hidden_after_the_digest_was_composed_is_gone_too(
    db: store.Store, open_digests: store.Store, ask: Callable[[QueryContext], Any]
) -> None:
    copy_database(open_digests, db, lambda _line: None)
    desk = _desk(db, ())
    assert any(secret in json.dumps(kept(desk)) for secret in SECRETS)  # composed in the open
    text = json.dumps(ask(replace(desk, hidden=HIDDEN)))
    assert not any(secret in text for secret in SECRETS)


def test_hidden_models_are_counted_under_no_name(desk: QueryContext) -> None:
    rows = queries.top(desk, None)["models"]
    assert [row["uses"] for row in rows if row["model"] == "a hidden model"] == [500, 85]
    assert queries.usage(desk, None)["catalogues"][0]["figures"]["uses"]["value"] == sum(uses_on(NEWEST).values())


@pytest.mark.parametrize("typed", ["shy/secret-model", "SHY/Secret-Model", "hid/one"])
def test_a_hidden_model_cannot_be_asked_about(desk: QueryContext, typed: str) -> None:
    with pytest.raises(QueryError, match=r"^this name is hidden here$"):
        queries.model(desk, typed)


@pytest.mark.parametrize("typed", ["secret-model", "secret-modle", "hid", "hid/on", "shy/secret", "one"])
def test_a_hidden_name_is_never_suggested(desk: QueryContext, typed: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        queries.model(desk, typed)
    assert not any(secret in str(refused.value).partition(":")[2] for secret in SECRETS)


def test_near_misses_are_suggested_and_not_taken(desk: QueryContext) -> None:
    with pytest.raises(NotFoundError, match=r"^acme/frist: no such model on Replicate; did you mean acme/first"):
        queries.model(desk, "acme/frist")
    with pytest.raises(NotFoundError, match="replicat: no such network; known: replicate; did you mean replicate"):
        queries.usage(desk, "replicat")
    with pytest.raises(NotFoundError, match="models_usd: no such metric; did you mean models_used"):
        queries.method(desk, "models_usd")


def test_a_name_without_its_author_is_taken_where_it_means_one_model(desk: QueryContext) -> None:
    assert queries.model(desk, "TWO")["model"] == TWO
    with pytest.raises(NotFoundError, match="there are 2 of that name, such as acme/first and other/first"):
        queries.model(desk, "first")


def test_names_that_differ_in_case_alone_are_told_apart(db: store.Store) -> None:
    for number, day in enumerate(DAYS[:2]):
        ledger.add_snapshot(db, snapshot(day, {"Acme/One": 5 * number, "acme/one": 3 * number}))
    desk = _desk(db, DAYS[1:2])
    assert queries.model(desk, "acme/one")["uses"]["value"] == 3
    assert queries.model(desk, "Acme/One")["uses"]["value"] == 5


def test_what_a_stranger_typed_comes_back_harmless(desk: QueryContext) -> None:
    with pytest.raises(NotFoundError) as refused:
        queries.model(desk, "a\x1b[31m\nb\u202ec" + "x" * 5000)
    assert len(str(refused.value)) < 400
    assert not any(sign in str(refused.value) for sign in "\x1b\n\u202e")


# --- what cannot be answered ---------------------------------------------------------------------------------------


def test_days_that_are_not_there_are_said_to_be_so(desk: QueryContext) -> None:
    with pytest.raises(QueryError, match=r"^2025-03-12: is in the future; today is 2025-03-11 \(UTC\)$"):
        queries.usage(desk, None, "day", date(2025, 3, 12))
    with pytest.raises(NotFoundError, match="no day digest for 2024-01-01; there are 9, from 2025-03-02 to 2025-03-10"):
        queries.why(desk, None, date(2024, 1, 1))
    with pytest.raises(NotFoundError, match="no month digest yet; run: python -m bot compose --period month"):
        queries.digest(desk, None, "month")


@pytest.mark.parametrize("day", [date.min, date(1, 12, 31)])
@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_the_first_days_of_the_calendar_are_no_crash(desk: QueryContext, day: date, period: Any) -> None:
    with pytest.raises(NotFoundError):
        queries.digest(desk, None, period, day)


def test_nothing_collected_is_no_crash(db: store.Store) -> None:
    desk = _desk(db, ())
    assert queries.status(desk)["catalogues"][0]["last_day"] is None
    with pytest.raises(NotFoundError, match="no day digest yet"):
        queries.usage(desk, None)
    with pytest.raises(NotFoundError, match="no such model"):
        queries.model(desk, FIRST)
    with pytest.raises(QueryError, match="none is configured"):
        queries.compare(replace(desk, watched={}), FIRST, TWO)


@pytest.mark.parametrize("days", [0, -1, 10**9])
def test_days_out_of_range_are_refused(desk: QueryContext, days: int) -> None:
    with pytest.raises(QueryError, match=f"found {days:,}, wanted 1 to"):
        queries.idle(desk, None, days)
    with pytest.raises(QueryError, match=f"found {days:,}, wanted 1 to"):
        queries.trend(desk, "uses", None, days)


def test_a_figure_of_longer_periods_has_no_trend_by_day(desk: QueryContext) -> None:
    longer = next(key for key, metric in METRICS.items() if "day" not in metric.periods)
    with pytest.raises(QueryError, match="is no figure of a day; it stands in week and month digests"):
        queries.trend(desk, longer, None)


def test_an_order_that_is_not_known_is_refused(desk: QueryContext) -> None:
    with pytest.raises(QueryError, match="by: found sideways, wanted one of uses, rise, fall"):
        queries.top(desk, None, "sideways")


# --- what there is -------------------------------------------------------------------------------------------------


def test_every_metric_is_defined_in_words(desk: QueryContext) -> None:
    entries = {metric_definition["metric"]: metric_definition for metric_definition in queries.metric_definitions()}
    assert entries.keys() == METRICS.keys()
    for key in METRICS:
        answer = queries.method(desk, key)
        assert answer["definition"] == entries[key]["definition"] == METRICS[key].definition
        assert answer["label"] == entries[key]["label"] and "{" not in answer["label"]


def test_status_tells_what_is_there_and_how_old_it_is(desk: QueryContext) -> None:
    (row,) = queries.status(desk)["catalogues"]
    assert (row["first_day"], row["last_day"], row["days_behind"]) == (START.isoformat(), NEWEST.isoformat(), 0)
    assert row["models"] == len({name for counts in WORLD.values() for name in counts})
    assert row["newest_digest"] == NEWEST.isoformat()


def test_networks_and_their_digests_are_listed(desk: QueryContext) -> None:
    (network,) = queries.networks(desk)["networks"]
    assert (network["network"], network["catalogues"][0]["unit"]) == ("replicate", "runs")
    listed = queries.kept_digests(desk, "replicate")["digests"]
    assert listed == [{"day": d.isoformat(), "edition": 1, "status": "draft"} for d in DAYS[1:]]
    assert [digest["day"] for digest in queries.kept_digests(desk, None, "week")["digests"]] == ["2025-03-03"]


@pytest.mark.parametrize("ask", [*EVERYTHING[2:], lambda d: queries.model(d, TWO), lambda d: queries.method(d, "uses")])
def test_every_answer_can_be_put_into_words(desk: QueryContext, ask: Callable[[QueryContext], Any]) -> None:
    assert words(ask(desk)).strip()


def words(answer: Document) -> str:
    return render.render_template("text", f"text/answers/{answer['question']}.j2", hidden=HIDDEN, answer=answer)


def test_what_is_kept_of_an_answer_ends_with_the_next_snapshot_and_the_next_digest(tmp_path: Path) -> None:
    opened = store.open_store(f"sqlite:///{tmp_path / 'footfall.db'}")
    try:
        archive = Archive(opened)
        watched = WatchedNetwork("replicate", "Replicate", (CATALOGUE,), "", PLAN.headline)
        desk = QueryContext(opened, archive, {"replicate": watched}, (), lambda: NOW)
        for day in DAYS[:8]:
            ledger.add_snapshot(opened, snapshot(day, counters(DAYS.index(day))))
            if day != DAYS[0]:
                pipeline.compose_digest(opened, archive, PLAN, Period.for_day(day), NOW)
        assert queries.idle(desk, None, 3)["day"] == DAYS[7].isoformat()
        with pytest.raises(NotFoundError):
            queries.model(desk, NEW)
        ledger.add_snapshot(opened, snapshot(DAYS[8], counters(8)))
        pipeline.compose_digest(opened, archive, PLAN, Period.for_day(DAYS[8]), NOW)
        fresh = QueryContext(opened, archive, desk.watched, (), lambda: NOW)
        assert queries.model(desk, NEW) == queries.model(fresh, NEW)
        assert queries.idle(desk, None, 3) == queries.idle(fresh, None, 3)
        assert queries.idle(desk, None, 3)["day"] == DAYS[8].isoformat()
    finally:
        opened.close()


def test_what_several_ask_for_at_once_is_looked_up_once_and_a_failure_is_not_kept() -> None:
    recent, looks, go = VersionedCache(2), [], threading.Event()

    def look() -> int:
        looks.append(1)
        assert go.wait(120)
        return len(looks)

    with ThreadPoolExecutor(3) as threads:
        entries = [threads.submit(recent.get_or_compute, "a", 1, look) for _ in range(3)]
        go.set()
        assert [entry.result(120) for entry in entries] == [1, 1, 1]
    assert recent.get_or_compute("a", 2, look) == 2, "another mark, another look"
    with pytest.raises(ZeroDivisionError):
        recent.get_or_compute("b", 1, lambda: 1 // 0)
    assert recent.get_or_compute("b", 1, lambda: 5) == 5
    assert recent.get_or_compute("c", 1, lambda: 6) == 6
    assert recent.get_or_compute("a", 2, look) == 3, "the oldest of more than two was forgotten"


def test_a_cache_forgets_the_oldest_values_once_all_weigh_too_much() -> None:
    recent, looks = VersionedCache(10, len), list[str]()

    def ask(text: str) -> str:
        return recent.get_or_compute(text, 1, lambda: looks.append(text) or text)

    for text in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa", "bbbb", "larger than all", "larger than all"):
        assert ask(text) == text
    assert looks == ["aaaa", "bbbb", "cccc", "bbbb", "larger than all", "larger than all"]


def test_a_quotient_is_no_change_on_any_face(desk: QueryContext) -> None:
    """Runs per listed model are 100, not +9,900%."""
    answer = queries.trend(desk, "uses_per_listed", None)
    figure = answer["days"][-1]["figure"]
    assert figure["unit"] == "ratio" and figure["value"] > 0 and "%" not in words(answer).partition("2025-03")[2]
    assert "%" in words(queries.trend(desk, "inventory_change_7d", None))
    from bot import charts, number_format

    form = number_format.display_unit(answer["unit"], answer["label"])
    points = [(DAYS[n], 100.0 + n) for n in range(9)]
    drawn = charts.trend_svg(points, answer["label"], form)
    assert "%" not in re.sub(r"<(style|svg)[^>]*>", "", drawn)
