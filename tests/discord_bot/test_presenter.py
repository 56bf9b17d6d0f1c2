"""Rendered answers are cached as long as they would not change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot import ledger
from bot.archive import Archive
from bot.discord_bot.chart_cache import ChartCache
from bot.discord_bot.presenter import AnswerPresenter, Query, RenderedAnswer
from bot.queries.context import VersionedCache
from bot.records import Document, Receipt
from tests import query_contexts
from tests.worlds import snapshot

TOP = Query("top", {"by": "rise"})


def nobody() -> None:
    raise AssertionError("no name stands for another here")


def test_an_answer_is_made_once_until_ledger_archive_day_or_language_differ(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path) as desk:
        sayings = AnswerPresenter(desk, ChartCache(), VersionedCache(9))

        def said(question: Query = TOP, locale: str = "en") -> RenderedAnswer:
            return sayings.present_answer(question, nobody, locale)  # type: ignore[arg-type]

        first = said()
        assert said() is first
        assert said(locale="vi") != first and said(replace(TOP, page=1)) is not first
        newest = desk.archive.newest_digest("replicate")
        assert newest is not None
        desk.archive.add_receipt(newest, Receipt("x", "@footfall", 0, "1", "", query_contexts.NOW))
        issued = said()
        assert issued is not first
        ledger.add_snapshot(
            desk.store,
            snapshot(query_contexts.NEWEST + timedelta(days=1), query_contexts.counts(query_contexts.NEWEST)),
        )
        assert said() is not issued
        later = replace(desk, clock=lambda: query_contexts.NOW + timedelta(days=1))
        assert AnswerPresenter(later, ChartCache(), sayings.recent).present_answer(TOP, nobody) is not said()  # type: ignore[arg-type]


def test_a_digest_composed_again_is_told_again(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path) as desk:
        before, newest = desk.archive.data_version(), desk.archive.newest_digest("replicate")
        assert newest is not None
        document: Document = {**newest, "composed_at": "2025-03-11T09:00:01+00:00"}
        Archive(desk.store).save_digest(document)
        assert desk.archive.data_version() != before


def test_how_things_stand_is_never_kept(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path) as desk:
        sayings = AnswerPresenter(desk, ChartCache(), VersionedCache(9))
        status = Query("status")
        assert sayings.present_answer(status, nobody) is not sayings.present_answer(status, nobody)  # type: ignore[arg-type]
