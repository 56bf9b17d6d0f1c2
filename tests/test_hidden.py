"""A hidden name is hidden in every interface, in every form, also when it was hidden late."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot import ledger, pipeline, queries, render, site_builder, store, web
from bot.archive import Archive
from bot.queries import QueryContext, QueryError, WatchedNetwork
from bot.records import Listing, Period, Reading, SafeName, model_identity
from tests import query_contexts
from tests.worlds import ONE, START, snapshot

RAW = "evil\u200b-corp/slur\u202e"
"""As its network writes it; it is stored, and was published, in another form."""
KEPT = model_identity(RAW)
HIDDEN = (RAW, "shy author")
DAYS = tuple(START + n * ONE for n in range(16))
BITES = (str(KEPT), KEPT.partition("~")[0], "slur", "shy author", RAW)
"""Texts that must not be visible."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryContext]:
    """A world that was composed before its two biggest models were hidden."""
    folder = tmp_path_factory.mktemp("hidden")
    opened = store.open_store(f"sqlite:///{folder / 'f.db'}")
    for number, day in enumerate(DAYS):
        counts = {KEPT: 900 * number, SafeName("shy author/one"): 400 * number, SafeName("ann/plain"): number}
        day_snapshot = snapshot(day, {})
        listings = tuple(Listing(name, SafeName(name.partition("/")[0])) for name in counts)
        readings = tuple(Reading(name, count) for name, count in counts.items())
        note = f"{KEPT} was slow; shy author/one was not."
        ledger.add_snapshot(opened, replace(day_snapshot, listings=listings, readings=readings, note=note))
    archive, plan = Archive(opened), replace(query_contexts.PLAN, hidden=())
    for day in DAYS[1:]:
        pipeline.compose_digest(opened, archive, plan, Period.for_day(day), query_contexts.NOW)
    watched = WatchedNetwork("replicate", "Replicate", (query_contexts.CATALOGUE,), "", plan.headline)
    yield QueryContext(opened, archive, {"replicate": watched}, HIDDEN, lambda: query_contexts.NOW.replace(day=20))
    opened.close()


def biting(text: str) -> list[str]:
    return [name for name in BITES if name in text or json.dumps(name)[1:-1] in text]


def test_the_names_were_published_in_the_open(desk: QueryContext) -> None:
    kept = json.dumps(desk.archive.newest_digest("replicate"), ensure_ascii=False)
    assert len(biting(kept)) >= 4


@pytest.mark.parametrize("outlet", ["x", "discord", "text"])
def test_in_no_post_of_a_digest_from_before(desk: QueryContext, outlet: str) -> None:
    for day in DAYS[1:]:
        kept = desk.archive.find_digest("replicate", "day", day)
        assert kept is not None
        post = pipeline.render_post(kept, outlet, HIDDEN)
        text = "\n".join([*post.parts, json.dumps(post.embed, ensure_ascii=False), *(p.alt for p in post.pictures)])
        assert not biting(text), day
    assert "a hidden model" in pipeline.render_post(kept, "text", HIDDEN).parts[0]


ASKED: list[Any] = [
    lambda d: queries.digest(d, None),
    lambda d: queries.usage(d, None),
    lambda d: queries.inventory(d, None),
    *(lambda d, by=by: queries.top(d, None, by) for by in ("uses", "rise", "fall")),
    lambda d: queries.idle(d, None, 1),
    lambda d: queries.why(d, None),
]


@pytest.mark.parametrize("ask", ASKED)
def test_in_no_answer_and_in_no_words_of_one(desk: QueryContext, ask: Any) -> None:
    answer = ask(desk)
    assert not biting(json.dumps(answer, ensure_ascii=False))
    if "question" in answer:
        assert not biting(
            render.render_template("text", f"text/answers/{answer['question']}.j2", hidden=HIDDEN, answer=answer)
        )


@pytest.mark.parametrize("typed", [RAW, str(KEPT), "shy author/one"])
def test_asked_about_it_is_not_told(desk: QueryContext, typed: str) -> None:
    with pytest.raises(QueryError) as refused:
        queries.model(desk, typed)
    assert "hidden here" in str(refused.value) or "no such model" in str(refused.value)


def test_on_no_page_and_in_no_file_of_the_site(desk: QueryContext, tmp_path: Path) -> None:
    site_builder.write_site(desk, tmp_path / "site", lambda _: None, query_contexts.NOW)
    files = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    assert len(files) > 30
    for path in files:
        if path.suffix != ".parquet":  # the same rows as in history.csv, compressed
            assert not biting(path.read_text(encoding="utf-8")), path


def test_nowhere_in_the_api(desk: QueryContext, tmp_path: Path) -> None:
    paths = ("usage", "inventory", "top", "top?by=rise", "idle?days=1", "why", "digest", "status", "about")

    async def ask() -> list[str]:
        async with TestClient(TestServer(web.make_application(desk, tmp_path))) as client:
            return [await (await client.get(f"/api/v1/{path}")).text() for path in paths]

    for path, text in zip(paths, asyncio.run(ask()), strict=True):
        assert "error" not in json.loads(text) and not biting(text), path
