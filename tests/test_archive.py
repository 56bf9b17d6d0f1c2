from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from bot import store
from bot.archive import Archive, ArchiveError
from bot.records import Document, Receipt

DAY = date(2025, 1, 12)
SENT = Receipt("x", "footfall", 0, "1", "https://x.com/footfall/status/1", datetime(2025, 1, 13, 2, 30, tzinfo=UTC))


def document(uses: int | None = 5, day: date = DAY, **changes: Any) -> Document:
    figure = {"value": uses, "unit": "runs", "label": "runs", "evidence": "reported"}
    if uses is None:
        figure["unknown"] = "no reading at the end of 12 Jan 2025"
    block = {"catalogue": "models", "figures": {"uses": figure}}
    plain: Document = {
        "network": "replicate",
        "period": "day",
        "day": day.isoformat(),
        "last_day": day.isoformat(),
        "edition": 1,
        "status": "draft",
        "composed_at": "2025-01-13T02:00:00+00:00",
        "catalogues": [block],
        "panels": [],
        "changes": [],
        "refs": [],
    }
    return {**plain, **changes}


@pytest.fixture
def archive(db: store.Store) -> Archive:
    return Archive(db)


def test_composing_a_draft_again_replaces_it(archive: Archive) -> None:
    archive.save_digest(document(5))
    kept = archive.save_digest(document(6))
    assert (kept["edition"], kept["status"]) == (1, "draft")
    assert [entry.edition for entry in archive.list_digests("replicate")] == [1]
    assert archive.figure_trend("replicate", "models", "uses")[0].value == 6


def test_the_first_receipt_issues_a_digest(archive: Archive) -> None:
    archive.add_receipt(archive.save_digest(document()), SENT)
    digest = archive.find_digest("replicate", "day", DAY)
    assert digest is not None and digest["status"] == "issued"
    assert archive.digest_receipts("replicate", "day", DAY) == (SENT,)


def test_the_same_receipt_twice_is_kept_once(archive: Archive) -> None:
    kept = archive.save_digest(document())
    archive.add_receipt(kept, SENT)
    archive.add_receipt(kept, SENT)
    assert len(archive.digest_receipts("replicate", "day", DAY)) == 1


def test_an_issued_digest_that_changes_becomes_a_new_edition_that_says_what_changed(archive: Archive) -> None:
    archive.add_receipt(archive.save_digest(document(5)), SENT)
    kept = archive.save_digest(document(7))
    assert (kept["edition"], kept["status"]) == (2, "draft")
    (change,) = kept["changes"]
    assert (change["catalogue"], change["figure"]) == ("models", "uses")
    assert (change["published"]["value"], change["now"]["value"]) == (5, 7)
    first = archive.find_digest("replicate", "day", DAY, edition=1)
    assert first is not None and first["catalogues"][0]["figures"]["uses"]["value"] == 5


def test_an_issued_digest_that_comes_out_the_same_stays_as_it_is(archive: Archive) -> None:
    archive.add_receipt(archive.save_digest(document(5)), SENT)
    kept = archive.save_digest(document(5, composed_at="2025-01-14T02:00:00+00:00"))
    assert (kept["edition"], kept["status"], kept["composed_at"]) == (1, "issued", "2025-01-13T02:00:00+00:00")


def test_a_draft_edition_that_comes_out_as_issued_is_dropped(archive: Archive) -> None:
    archive.add_receipt(archive.save_digest(document(5)), SENT)
    archive.save_digest(document(7))
    assert archive.save_digest(document(5))["edition"] == 1
    assert [(e.edition, e.status) for e in archive.list_digests("replicate")] == [(1, "issued")]


def test_a_third_edition_tells_its_changes_against_the_second(archive: Archive) -> None:
    archive.add_receipt(archive.save_digest(document(5)), SENT)
    archive.add_receipt(archive.save_digest(document(7)), SENT)
    kept = archive.save_digest(document(None))
    assert kept["edition"] == 3
    assert kept["changes"][0]["published"]["value"] == 7
    assert kept["changes"][0]["now"]["unknown"] == "no reading at the end of 12 Jan 2025"


def test_a_trend_has_every_day_once_and_keeps_unknown_apart_from_zero(archive: Archive) -> None:
    archive.save_digest(document(0, day=date(2025, 1, 10)))
    archive.save_digest(document(None, day=date(2025, 1, 11)))
    archive.add_receipt(archive.save_digest(document(5)), SENT)
    archive.save_digest(document(7))
    figure_trend = archive.figure_trend("replicate", "models", "uses")
    assert [(t.day.day, t.value, t.unknown) for t in figure_trend] == [
        (10, 0, None),
        (11, None, "no reading at the end of 12 Jan 2025"),
        (12, 7, None),
    ]
    assert archive.figure_trend("replicate", "models", "uses", last=1) == figure_trend[-1:]


def test_the_newest_digest_is_of_the_latest_day_not_the_latest_written(archive: Archive) -> None:
    archive.save_digest(document(1, day=date(2025, 1, 12)))
    archive.save_digest(document(2, day=date(2025, 1, 10)))
    newest = archive.newest_digest("replicate")
    assert newest is not None and newest["day"] == "2025-01-12"


def test_what_is_not_there_is_none(archive: Archive) -> None:
    assert archive.newest_digest("replicate") is None
    assert archive.find_digest("replicate", "day", DAY) is None
    assert archive.digest_receipts("replicate", "day", DAY) == ()


def test_a_receipt_for_an_edition_that_was_never_kept_is_refused(archive: Archive) -> None:
    with pytest.raises(ArchiveError, match="no such edition"):
        archive.add_receipt(document(edition=4), SENT)


def test_big_and_exact_values_survive_the_archive(archive: Archive) -> None:
    archive.save_digest(document(10**15 - 1))
    assert archive.figure_trend("replicate", "models", "uses")[0].value == 10**15 - 1
