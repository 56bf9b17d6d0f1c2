"""The state of the sources: last good lists, held days, ended records, revisions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot import ledger, pipeline
from bot.queries import QueryContext, health
from bot.records import Document, Period, Receipt
from tests import query_contexts
from tests.query_contexts import NEWEST, NOW, PLAN
from tests.worlds import CATALOGUE, snapshot


def only_catalogue(answer: Document, network: int = 0) -> Document:
    first: Document = answer["networks"][network]["catalogues"][0]
    return first


def test_a_source_that_was_read_yesterday_is_not_behind_and_its_list_is_complete(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path) as desk:
        answer = health(desk)
    assert answer["as_of"] == "2025-03-11T09:00:00+00:00"
    catalogue = only_catalogue(answer)
    assert (catalogue["last_day"], catalogue["days_behind"]) == ("2025-03-10", 0)
    assert catalogue["list"]["at"] == "2025-03-11T00:00:00+00:00" and catalogue["list"]["complete"] is True
    assert catalogue["list"]["models"] == len(query_contexts.counts(NEWEST))
    assert catalogue["verdicts"] == [] and answer["networks"][0]["revisions"] == []
    json.dumps(answer)


def test_a_held_list_is_listed_with_its_reason_and_is_no_good_reading(tmp_path: Path) -> None:
    short = dict(list(query_contexts.counts(NEWEST).items())[:20])
    with query_contexts.desk(tmp_path) as desk:
        ledger.add_snapshot(desk.store, snapshot(NEWEST + timedelta(days=1), short))
        catalogue = only_catalogue(health(replace(desk, clock=lambda: NOW + timedelta(days=1))))
    assert [(each["day"], each["state"]) for each in catalogue["verdicts"]] == [("2025-03-11", "held")]
    assert catalogue["verdicts"][0]["reason"]
    assert catalogue["list"]["day"] == "2025-03-10", (
        "the newest list is held, so the one before it is the last good one"
    )


def test_a_list_that_may_miss_models_is_not_complete(tmp_path: Path) -> None:
    day = NEWEST + timedelta(days=1)
    with query_contexts.desk(tmp_path) as desk:
        ledger.add_snapshot(desk.store, snapshot(day, query_contexts.counts(day), 3, "a page was missing"))
        listed = only_catalogue(health(desk))["list"]
    assert (listed["complete"], listed["missing"], listed["note"]) == (False, 3, "a page was missing")


def test_a_record_has_ended_only_where_nothing_new_can_arrive(tmp_path: Path) -> None:
    with query_contexts.two_networks(tmp_path) as desk:
        ended = {each["network"]: each["record_ended"] for each in health(desk)["networks"]}
    assert ended == {"replicate": "2025-03-10", "opengradient": None}


def test_use_that_is_counted_by_several_evidences_stands_side_by_side(tmp_path: Path) -> None:
    with query_contexts.two_networks(tmp_path) as desk:
        answer = health(desk)
    assert only_catalogue(answer, 0)["counts"] == []
    evidences = {figure["evidence"] for figure in only_catalogue(answer, 1)["counts"]}
    assert evidences == {"claimed", "backed", "verified", "reported"}


def revise(desk: QueryContext) -> None:
    """Publish the newest day, then reject its list and compose it again."""
    issued = desk.archive.find_digest("replicate", "day", NEWEST)
    assert issued is not None
    desk.archive.add_receipt(issued, Receipt("x", "@footfall", 0, "9", "https://x.com/i/status/9", NOW))
    assert ledger.record_decision(desk.store, CATALOGUE, NEWEST, "rejected")
    pipeline.compose_digest(desk.store, desk.archive, PLAN, Period.for_day(NEWEST), NOW + timedelta(hours=1))


def test_a_revision_says_what_was_published_and_what_is_known_now_and_why(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path) as desk:
        revise(desk)
        answer = health(desk)
        assert desk.archive.revisions("replicate", 0) == ()
    (revision,) = answer["networks"][0]["revisions"]
    assert (revision["day"], revision["edition"], revision["status"]) == ("2025-03-10", 2, "draft")
    change = next(each for each in revision["changes"] if each["figure"] == "models_used")
    assert change["published"]["value"] > 0 and change["now"]["value"] is None and change["now"]["unknown"]
