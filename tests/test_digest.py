"""The document: its shape, its order, its hidden names, and differences between two of them."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.digest import (
    TOP,
    DigestError,
    compose_document,
    figure_differences,
    incomparable_figures,
)
from bot.metrics import METRICS, compute_figures
from bot.records import (
    Catalogue,
    Document,
    HistoryPoint,
    Period,
    PeriodData,
    SafeName,
    SourceRef,
    Unknown,
    model_identity,
)
from bot.records.names import HIDDEN, HIDDEN_AUTHOR
from tests.period_data import DAY, MODELS, ONE, REF, WHY, book, model, unread, world

AT = datetime(2025, 1, 13, 0, 20, tzinfo=UTC)
HEADLINE = {"catalogue": "models", "figure": "models_used"}
LLM = Catalogue("replicate", "llm", "language models", "answers", "verified")


def document(*books: PeriodData, hidden: tuple[str, ...] = (), headline: dict[str, str] = HEADLINE) -> Document:
    return compose_document("replicate", "Replicate", books, headline, hidden, AT)


def part(*books: PeriodData, hidden: tuple[str, ...] = ()) -> dict[str, Any]:
    catalogue: dict[str, Any] = document(*books, hidden=hidden)["catalogues"][0]
    return catalogue


# --- shape -----------------------------------------------------------------------------------------------------------


def test_a_document_says_what_it_is() -> None:
    document_document = document(book([3, 1], idle=2))
    assert {
        key: document_document[key] for key in ("network", "title", "period", "day", "last_day", "edition", "status")
    } == {
        "network": "replicate",
        "title": "Replicate",
        "period": "day",
        "day": "2025-01-12",
        "last_day": "2025-01-12",
        "edition": 1,
        "status": "draft",
    }
    assert document_document["headline"] == HEADLINE and document_document["composed_at"] == "2025-01-13T00:20:00+00:00"
    assert document_document["changes"] == document_document["panels"] == []
    assert document_document["refs"] == [{"url": REF.url, "at": "2025-01-13T00:00:00+00:00", "sha256": REF.sha256}]


def test_a_document_survives_json_unchanged() -> None:
    for period_data in (book([3, 1], idle=2), unread(), world(1).book(30)):
        document_document = document(period_data)
        assert json.loads(json.dumps(document_document, allow_nan=False)) == document_document


def test_every_figure_of_the_period_is_there_known_or_not() -> None:
    for whole in (book([3, 1]), unread()):
        figures = part(whole)["figures"]
        assert list(figures) == [key for key, metric in METRICS.items() if metric.belongs_to(whole)]
        assert "models_used" in figures and "paid" not in figures
        assert all((figure["value"] is None) == ("unknown" in figure) for figure in figures.values())
        assert all(figure["refs"] == [0] and figure["label"] and figure["unit"] for figure in figures.values())
    assert part(book([3, 1]))["figures"]["uses"] == {
        "value": 4,
        "unit": "runs",
        "label": "runs",
        "evidence": "reported",
        "refs": [0],
    }
    assert part(unread())["figures"]["uses"]["unknown"] == WHY.reason


def test_a_week_names_its_first_and_last_day() -> None:
    document_document = document(replace(book([3]), period=Period.for_day(DAY, "week")))
    assert (document_document["period"], document_document["day"], document_document["last_day"]) == (
        "week",
        "2025-01-06",
        "2025-01-12",
    )
    assert (
        "uses_7d" not in document_document["catalogues"][0]["figures"]
        and "uses_change" in document_document["catalogues"][0]["figures"]
    )


def test_the_time_of_composition_is_told_in_utc() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=9)))
    compose_document_document = compose_document("replicate", "Replicate", [book([3])], HEADLINE, (), elsewhere)
    assert compose_document_document["composed_at"] == "2025-01-13T00:20:00+00:00"


# --- catalogues and refs ---------------------------------------------------------------------------------------------


def test_the_headlines_catalogue_comes_first() -> None:
    models, llm = book([3]), replace(book([9]), catalogue=LLM)
    assert [catalogue["catalogue"] for catalogue in document(llm, models)["catalogues"]] == ["models", "llm"]
    other = document(models, llm, headline={"catalogue": "llm", "figure": "uses"})
    assert [catalogue["catalogue"] for catalogue in other["catalogues"]] == ["llm", "models"]


def test_refs_stand_once_and_each_figure_points_at_those_of_its_book() -> None:
    other = SourceRef("https://api.replicate.com/v1/models", AT, "")
    models = replace(book([3]), refs=(REF, REF))
    llm = replace(book([9]), catalogue=LLM, refs=(other, REF))
    document_document = document(models, llm)
    assert [ref["url"] for ref in document_document["refs"]] == [REF.url, other.url]
    assert {tuple(figure["refs"]) for figure in document_document["catalogues"][0]["figures"].values()} == {(0,)}
    assert {tuple(figure["refs"]) for figure in document_document["catalogues"][1]["figures"].values()} == {(0, 1)}


@pytest.mark.parametrize(
    ("headline", "complaint"),
    [
        (
            {"catalogue": "hub", "figure": "uses"},
            "networks.replicate.headline.catalogue: found 'hub', wanted one of models",
        ),
        (
            {"catalogue": "models", "figure": "usage"},
            "networks.replicate.headline.figure: found 'usage', wanted one of",
        ),
    ],
)
def test_a_headline_that_names_nothing_is_refused(headline: dict[str, str], complaint: str) -> None:
    with pytest.raises(DigestError, match=re.escape(complaint)):
        document(book([3]), headline=headline)


def test_books_of_two_periods_make_no_digest() -> None:
    yesterday = replace(book([9]), catalogue=LLM, period=Period.for_day(DAY - ONE))
    with pytest.raises(DigestError, match="found books of 2 periods"):
        document(book([3]), yesterday)
    with pytest.raises(DigestError, match="at least one book"):
        document()


# --- the table, the curve, the history -------------------------------------------------------------------------------


def test_the_table_ranks_by_use_and_then_by_name() -> None:
    top = part(book({3: 10, 2: 30, 1: 10, 4: 50}, idle=3))["top"]
    assert [(row["rank"], row["model"], row["author"], row["uses"], row["share"]) for row in top] == [
        (1, "a1/m4", "a1", 50, 0.5),
        (2, "a0/m2", "a0", 30, 0.3),
        (3, "a0/m1", "a0", 10, 0.1),
        (4, "a1/m3", "a1", 10, 0.1),
    ]


def test_the_table_holds_the_most_used_and_no_more() -> None:
    top = part(book(list(range(1, 61))))["top"]
    assert len(top) == TOP and [row["uses"] for row in top] == list(range(60, 60 - TOP, -1))


def test_a_model_that_left_is_in_the_table_by_its_name() -> None:
    left = replace(book({1: 5, 2: 9}), listed=(model(1),), names={2: SafeName("x/y")}, authors={2: SafeName("x")})
    assert [(row["model"], row["author"]) for row in part(left)["top"]] == [("x/y", "x"), ("a0/m1", "a0")]


def test_shares_are_of_all_use_also_of_that_which_names_no_model() -> None:
    partly = part(book([30, 10], unattributed=60))
    assert [row["share"] for row in partly["top"]] == [0.3, 0.1]
    assert partly["curve"] == [[1, 0.3], [2, 0.4]]


@settings(max_examples=100)
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=600))
def test_the_curve_rises_to_all_used_models_in_a_few_dozen_steps(uses: list[int]) -> None:
    curve = part(book(uses))["curve"]
    steps = [models for models, _ in curve]
    assert steps[0] == 1 and steps[-1] == len(uses) and steps == sorted(set(steps)) and len(steps) < 60
    ordered = sorted(uses, reverse=True)
    assert all(share == sum(ordered[:models]) / sum(uses) for models, share in curve)


def test_the_curve_of_a_long_list_is_still_short() -> None:
    assert len(part(book([1] * 10_000))["curve"]) < 60


def test_what_is_unknown_or_absent_has_no_table_and_no_curve() -> None:
    for period_data in (unread(), book(idle=3), book(idle=3, unattributed=5)):
        assert part(period_data)["top"] == part(period_data)["curve"] == []


def test_history_is_the_last_thirty_days_with_nulls_where_unknown() -> None:
    days = tuple(HistoryPoint(DAY - n * ONE, uses=n, models_listed=5) for n in range(44, -1, -1))
    history = part(replace(book([3]), history=days))["history"]
    assert len(history) == 30 and history[-1]["day"] == "2025-01-12" and history[0]["day"] == "2024-12-14"
    assert history[0] == {
        "day": "2024-12-14",
        "uses": 29,
        "models_used": None,
        "models_listed": 5,
        "models_added": None,
    }


# --- hidden names ----------------------------------------------------------------------------------------------------


def test_a_hidden_model_is_counted_and_not_named() -> None:
    plain, masked = part(book([10, 30])), part(book([10, 30]), hidden=("a0/m2",))
    assert (masked["top"][0]["model"], masked["top"][0]["author"]) == (HIDDEN, HIDDEN_AUTHOR)
    assert masked["top"][0]["uses"] == 30 and masked["top"][1]["model"] == "a0/m1"
    assert masked["figures"] == plain["figures"]


def test_a_hidden_author_hides_all_their_models_also_those_that_left() -> None:
    left = replace(book({1: 5, 2: 9, 3: 1}), listed=(model(1), model(3)), names={2: SafeName("a0/m2")})
    for period_data in (left, replace(left, authors={2: SafeName("a0")})):
        assert [row["model"] for row in part(period_data, hidden=("a0",))["top"]] == [HIDDEN, HIDDEN, "a1/m3"]


def test_gaps_do_not_name_what_is_hidden() -> None:
    gaps = ("The counter of a0/m1 fell; a0/m10 and xa0/m1 did not, nor did a0/m1.", "a0/m2 came late.")
    period_data = replace(book([10, 30]), gaps=gaps)
    assert part(period_data)["gaps"] == list(gaps)
    assert part(period_data, hidden=("a0/m1",))["gaps"] == [
        f"The counter of {HIDDEN} fell; a0/m10 and xa0/m1 did not, nor did {HIDDEN}.",
        "a0/m2 came late.",
    ]
    assert part(period_data, hidden=("a0",))["gaps"][1] == f"{HIDDEN} came late."


def test_a_name_is_hidden_in_the_form_that_its_network_writes() -> None:
    raw = "a0/m\u200b1"
    period_data = replace(book({1: 5, 2: 4}), listed=(model(1, name=model_identity(raw)), model(2, name="a0/m1")))
    assert [row["model"] for row in part(period_data, hidden=(raw,))["top"]] == [HIDDEN, "a0/m1"]
    assert [row["model"] for row in part(period_data, hidden=("",))["top"]] == [model_identity(raw), "a0/m1"]


def test_no_hidden_name_is_anywhere_in_a_document() -> None:
    for seed in range(5):
        period_data = replace(world(seed).book(40), gaps=("no reading of a1/m3 and a0/m2",))
        text = json.dumps(document(period_data, hidden=("a0", "a1/m3")))
        assert not re.search(r"a0|a1/m3", text) and "a hidden model" in text


# --- headline and differences ----------------------------------------------------------------------------------------


def test_the_same_books_differ_in_nothing() -> None:
    document_document = document(book([3, 1]))
    later = compose_document("replicate", "Replicate", [book([3, 1])], HEADLINE, ("a0",), AT + ONE)
    assert (
        figure_differences(document_document, later) == []
        and figure_differences(document_document, json.loads(json.dumps(document_document))) == []
    )


def test_a_difference_tells_what_was_published_and_what_is_known_now() -> None:
    old, new = document(book([3, 1])), document(book([3, 2], total_30d=WHY))
    changes = {change["figure"]: change for change in figure_differences(old, new)}
    assert changes["uses"] == {
        "catalogue": "models",
        "figure": "uses",
        "published": old["catalogues"][0]["figures"]["uses"],
        "now": new["catalogues"][0]["figures"]["uses"],
    }
    assert changes["uses_30d"]["published"]["value"] == 120 and changes["uses_30d"]["now"]["value"] is None
    assert "models_listed" not in changes and "models_used" not in changes
    order = list(METRICS)
    assert list(changes) == sorted(changes, key=order.index)


def test_another_reason_for_the_same_unknown_is_no_difference() -> None:
    other = Unknown("the counter of 2 models fell")
    assert figure_differences(document(book([3], total_30d=WHY)), document(book([3], total_30d=other))) == []


def test_a_figure_or_catalogue_that_one_lacks_is_no_difference() -> None:
    both, document_document = document(book([3]), replace(book([9]), catalogue=LLM)), document(book([3]))
    assert figure_differences(both, document_document) == figure_differences(document_document, both) == []
    assert {key.partition(".")[0] for key in incomparable_figures(both, document_document)} == {
        "llm"
    } and incomparable_figures(document_document, both) == []
    fewer = copy.deepcopy(document_document)
    del fewer["catalogues"][0]["figures"]["uses"]
    assert figure_differences(fewer, document_document) == figure_differences(document_document, fewer) == []
    assert incomparable_figures(document_document, fewer) == ["models.uses"]


def test_a_renamed_label_or_unit_is_no_difference() -> None:
    old = document(book([3]))
    new = document(replace(book([3]), catalogue=replace(MODELS, title="other models", unit="calls")))
    assert new["catalogues"][0]["figures"]["uses"]["label"] != old["catalogues"][0]["figures"]["uses"]["label"]
    assert figure_differences(old, new) == incomparable_figures(old, new) == []


def test_a_figure_whose_definition_changed_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    old = document(book([3]))
    assert "version" not in old["catalogues"][0]["figures"]["uses"]
    monkeypatch.setitem(METRICS, "uses", replace(METRICS["uses"], version=2))
    new = document(book([4]))
    assert new["catalogues"][0]["figures"]["uses"]["version"] == 2
    assert "uses" not in [change["figure"] for change in figure_differences(old, new)]
    assert incomparable_figures(old, new) == incomparable_figures(new, old) == ["models.uses"]
    assert next(change["figure"] for change in figure_differences(new, document(book([5])))) == "uses"


@settings(max_examples=40)
@given(st.lists(st.integers(0, 9), max_size=6), st.lists(st.integers(0, 9), max_size=6))
def test_differences_are_exactly_the_figures_that_are_not_equal(before: list[int], after: list[int]) -> None:
    old, new = compute_figures(book(before, idle=1)), compute_figures(book(after, idle=1))
    changed = [key for key in new if old[key].value != new[key].value]
    documents = figure_differences(document(book(before, idle=1)), document(book(after, idle=1)))
    assert [change["figure"] for change in documents] == changed


def test_catalogue_facts_stand_beside_its_figures() -> None:
    part_document = part(book([3]))
    assert (part_document["catalogue"], part_document["title"], part_document["unit"], part_document["evidence"]) == (
        MODELS.key,
        MODELS.title,
        MODELS.unit,
        MODELS.evidence,
    )
    assert part_document["findings"] == []
