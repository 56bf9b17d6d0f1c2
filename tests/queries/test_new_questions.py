"""What is new, record days, authors and categories, two side by side: over the small world of `test_queries`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bot import ledger, queries, render, store
from bot.queries import NotFoundError, QueryContext, QueryError, list_queries
from bot.queries.group_queries import group_names
from bot.queries.registry import QUERIES
from bot.records import Period
from tests.queries.test_queries import DAYS, FIRST, HIDDEN, MISSING, NEW, NEWEST, SECRETS, STILL, TWO, WORLD, desk

__all__ = ["desk"]
"""A fixture of the other module."""


def values(rows: list[dict[str, Any]], key: str) -> list[object]:
    return [row[key]["value"] for row in rows]


# --- new -----------------------------------------------------------------------------------------------------------


def test_what_is_new_says_whether_it_was_used_since_and_counts_nothing_on_its_first_day(desk: QueryContext) -> None:
    answer = queries.new(desk, None, days=5, day=NEWEST)
    assert (answer["count"], answer["used"], answer["unused"], answer["undecided"], answer["gone"]) == (1, 1, 0, 0, 0)
    (row,) = answer["models"]
    assert (row["model"], row["first_listed"]) == (NEW, DAYS[8].isoformat())
    assert row["uses"]["value"] == 600 and row["uses_before"] == 600
    (first_day,) = queries.new(desk, None, days=5, day=DAYS[8])["models"]
    assert first_day["uses"]["value"] is None and "no use could be counted yet" in first_day["uses"]["unknown"]


def test_one_run_is_written_in_the_singular(desk: QueryContext) -> None:
    answer = queries.new(desk, None, days=5, day=NEWEST)
    for uses, shown in ((1, "1 run;"), (600, "600 runs;")):
        row = {**answer["models"][0], "uses": {"value": uses, "unit": "runs"}}
        text = render.render_template("text", "text/answers/new.j2", hidden=(), answer={**answer, "models": [row]})
        assert f", {shown} 600 before" in text


def test_what_is_new_names_the_days_without_a_list(desk: QueryContext) -> None:
    assert queries.new(desk, None, days=5, day=NEWEST)["unread"] == ["no reading at the end of 6 Mar 2025"]
    assert queries.new(desk, None, days=2, day=NEWEST)["unread"] == []


def test_what_is_new_is_unknown_where_the_watch_is_too_short_or_the_list_is_missing(desk: QueryContext) -> None:
    short, missing = queries.new(desk, None, days=30), queries.new(desk, None, days=2, day=MISSING)
    assert short["unknown"] == "watched for 9 of 30 days" and short["models"] == []
    assert missing["unknown"] == "no reading at the end of 6 Mar 2025" and "count" not in missing


@pytest.mark.parametrize("days", [0, 61])
def test_what_is_new_has_a_limit(desk: QueryContext, days: int) -> None:
    with pytest.raises(QueryError, match="wanted 1 to 60"):
        queries.new(desk, None, days=days)
    with pytest.raises(QueryError, match="wanted 1 or more"):
        queries.new(desk, None, page=0)


# --- records -------------------------------------------------------------------------------------------------------


def test_records_are_the_highest_and_lowest_known_days_of_a_plain_count(desk: QueryContext) -> None:
    answer = queries.records(desk, None)
    uses = {day: use for day in DAYS if (use := used_on(day)) is not None}
    (record,) = [record for record in answer["records"] if record["metric"] == "uses"]
    assert record["high"] == {"value": max(uses.values()), "day": first_with(uses, max), "times": 1}
    assert record["low"] == {"value": min(uses.values()), "day": first_with(uses, min), "times": 1}
    assert (record["known_days"], record["unknown_days"], record["bounded_days"]) == (len(uses), 10 - len(uses), 0)
    (listed,) = [record for record in answer["records"] if record["metric"] == "models_listed"]
    assert listed["high"] == {"value": 8, "day": DAYS[0].isoformat(), "times": 6}
    assert answer["largest"] == {"model": NEW, "uses": 600, "day": NEWEST.isoformat()}


def used_on(day: date) -> int | None:
    """All use of a day, if both ends were read."""
    before = day - (DAYS[1] - DAYS[0])
    if day not in WORLD or before not in WORLD:
        return None
    return sum(count - WORLD[before][name] for name, count in WORLD[day].items() if name in WORLD[before])


def first_with(uses: dict[date, int], choose: Any) -> str:
    return next(day.isoformat() for day, count in sorted(uses.items()) if count == choose(uses.values()))


def test_a_day_known_only_as_a_lower_bound_is_no_record_and_is_named_if_it_goes_beyond(desk: QueryContext) -> None:
    points = [
        replace(point, uses=9999, at_least=True) if point.day == DAYS[2] else point
        for point in ledger.day_history(desk.store, next(iter(desk.watched.values())).catalogues[0], NEWEST)
    ]
    catalogue = desk.watched["replicate"].catalogues[0]
    record = list_queries._record("uses", points, catalogue)
    assert record["high"]["value"] < 9999 and record["bounded_days"] == 1
    assert record["beyond"] == {"value": 9999, "day": DAYS[2].isoformat(), "times": 1}


def test_records_up_to_a_day_know_nothing_of_later_ones(desk: QueryContext) -> None:
    answer = queries.records(desk, None, day=DAYS[3])
    assert (answer["first_day"], answer["days"]) == (DAYS[0].isoformat(), 4)
    assert all(record["high"]["day"] <= DAYS[3].isoformat() for record in answer["records"])


# --- authors and categories ----------------------------------------------------------------------------------------


def test_an_author_has_figures_changes_days_and_its_most_used_models(desk: QueryContext) -> None:
    answer = queries.author(desk, "acme", day=DAYS[3])
    figures = answer["figures"]
    assert figures["uses"]["value"] == 140 and figures["models_listed"]["value"] == 2
    assert figures["share"]["value"] == pytest.approx(140 / used_on(DAYS[3]))  # type: ignore[operator]
    assert answer["changes"]["uses"] == {"change": 0, "ratio": 0.0, "since": DAYS[2].isoformat()}
    assert answer["models"] == [{"model": FIRST, "uses": 100}, {"model": TWO, "uses": 40}]
    assert values(answer["periods"], "uses") == [None, 140, 140, 140]


def test_an_unknown_day_of_an_author_is_unknown_and_not_zero(desk: QueryContext) -> None:
    answer = queries.author(desk, "acme", day=DAYS[7])
    assert values(answer["periods"], "uses")[5:8] == [None, None, 100]
    assert "changes" in answer and "uses" not in answer["changes"]
    assert answer["periods"][5]["uses"]["unknown"] == "no reading at the end of 6 Mar 2025"


def test_an_author_has_no_days_before_it_was_listed(desk: QueryContext) -> None:
    answer = queries.author(desk, "late", day=NEWEST)
    assert [row["day"] for row in answer["periods"]] == [DAYS[8].isoformat(), DAYS[9].isoformat()]
    assert answer["first_listed"] == DAYS[8].isoformat()
    assert [row["day"] for row in queries.author(desk, "late", day=DAYS[3])["periods"]] == [DAYS[3].isoformat()]


def test_an_author_by_week_has_weeks(desk: QueryContext) -> None:
    answer = queries.author(desk, "ACME", period="week", day=DAYS[3])
    assert [row["day"] for row in answer["periods"]] == ["2025-02-24", "2025-03-03"] or len(answer["periods"]) == 1
    assert answer["name"] == "acme"


def test_a_name_that_is_no_author_is_refused_with_near_ones_and_a_hidden_one_is_hidden(desk: QueryContext) -> None:
    with pytest.raises(NotFoundError, match="acne: no such author on Replicate; did you mean acme"):
        queries.author(desk, "acne")
    with pytest.raises(QueryError, match="this name is hidden here"):
        queries.author(desk, "hid")
    with pytest.raises(NotFoundError, match="Replicate sorts its models into no categories"):
        queries.category(desk, "image")


def test_a_hidden_author_is_neither_listed_nor_suggested(desk: QueryContext) -> None:
    names = [str(name) for _, name in group_names(desk, "author", desk.find_network(None))]
    assert "acme" in names and "hid" not in names
    with pytest.raises(NotFoundError) as refused:
        queries.author(desk, "hidd")
    assert "did you mean hid" not in str(refused.value)


def test_a_category_is_answered_like_an_author(desk: QueryContext, tmp_path: Any) -> None:
    with desk.store.write_transaction() as connection:
        named = store.models.c.author == "acme"
        connection.execute(store.models.update().where(named).values(category="image"))
    try:
        fresh = QueryContext(desk.store, desk.archive, desk.watched, HIDDEN, desk.clock)
        image, acme = queries.category(fresh, "image"), queries.author(fresh, "acme")
        same = ("figures", "changes", "periods", "models", "first_listed")
        assert {key: image[key] for key in same} == {key: acme[key] for key in same}
    finally:
        with desk.store.write_transaction() as connection:
            connection.execute(store.models.update().values(category=None))


# --- side by side --------------------------------------------------------------------------------------------------


def test_two_models_are_compared_on_the_same_day_with_their_changes(desk: QueryContext) -> None:
    answer = queries.compare(desk, FIRST, TWO, day=DAYS[3])
    assert [side["day"] for side in answer["sides"]] == [DAYS[3].isoformat()] * 2
    assert [side["figures"]["uses"]["value"] for side in answer["sides"]] == [100, 40]
    assert [side["changes"]["uses"]["change"] for side in answer["sides"]] == [0, 0]
    for side, name in zip(answer["sides"], (FIRST, TWO), strict=True):
        card = queries.model(desk, name, None, DAYS[3])
        assert side["figures"]["share"]["value"] == card["share"]
        assert (side["figures"]["uses"]["value"], side["days"]) == (card["uses"]["value"], card["days"])


def test_no_use_seen_is_unknown_where_a_model_was_not_listed_or_had_no_reading_before(desk: QueryContext) -> None:
    new, still = queries.compare(desk, NEW, STILL, day=DAYS[8])["sides"]
    assert new["figures"]["uses"]["value"] is None and still["figures"]["uses"]["value"] == 0
    before, _ = queries.compare(desk, NEW, STILL, day=DAYS[3])["sides"]
    assert before["figures"]["uses"]["unknown"] and before["changes"] == {}
    for name, side in ((NEW, new), (STILL, still)):
        assert queries.model(desk, name, None, DAYS[8])["uses"]["value"] == side["figures"]["uses"]["value"]


def test_two_models_are_compared_by_week(desk: QueryContext) -> None:
    week = Period.for_day(DAYS[3], "week")
    first, _ = queries.compare(desk, FIRST, TWO, period="week", day=DAYS[3])["sides"]
    assert (first["period"], first["day"], first["last_day"]) == ("week", week.first.isoformat(), week.last.isoformat())
    assert first["figures"]["uses"]["value"] == 700 and first["changes"] == {}


def test_hidden_names_are_in_no_answer(desk: QueryContext) -> None:
    for answer in (queries.new(desk, None, days=5), queries.records(desk, None), queries.author(desk, "acme")):
        assert not any(secret in str(answer) for secret in SECRETS)


def test_former_names_of_options_are_still_understood() -> None:
    assert QUERIES["model"].parse_options({"name": FIRST})["model"] == FIRST
    both = QUERIES["compare"].parse_options({"a": FIRST, "b": TWO})
    assert (both["model"], both["other"]) == (FIRST, TWO)
    assert QUERIES["model"].parse_options({"name": TWO, "model": FIRST})["model"] == FIRST
