"""Several networks at once: autocomplete has the models of all, and different units are never compared."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bot import ledger, pipeline
from bot.queries import QueryContext, WatchedNetwork
from bot.records import Catalogue, Period
from tests import query_contexts
from tests.discord_bot.rig import Rig, discord_of, embed
from tests.worlds import snapshot

HUB = Catalogue("opengradient", "hub", "hub models", "inferences", "claimed")
PLAN = pipeline.NetworkPlan("opengradient", "OpenGradient", (HUB,), {"catalogue": "hub", "figure": "models_used"}, ())


@contextmanager
def two_networks(folder: Path) -> Iterator[QueryContext]:
    with query_contexts.desk(folder) as desk:
        for number, day in enumerate(query_contexts.DAYS[-3:]):
            day_snapshot = snapshot(day, {"og/sentiment": 5 * number, "owner0/model-0": 3 * number, "x" * 100: number})
            ledger.add_snapshot(desk.store, replace(day_snapshot, network="opengradient", catalogue="hub"))
        for day in query_contexts.DAYS[-2:]:
            pipeline.compose_digest(desk.store, desk.archive, PLAN, Period.for_day(day), query_contexts.NOW)
        other = WatchedNetwork("opengradient", "OpenGradient", (HUB,), "The hub.", PLAN.headline)
        yield replace(desk, watched={**desk.watched, "opengradient": other})


def run(folder: Path, scenario: Callable[[Rig], Awaitable[None]]) -> None:
    async def go() -> None:
        with two_networks(folder) as desk:
            async with discord_of(desk, folder) as rig:
                await scenario(rig)

    asyncio.run(go())


def test_a_model_of_another_network_is_offered_and_answered(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        offers = await rig.ann.autocomplete(rig.channel, "model", "model", "sentiment")
        assert offers[0]["name"] == "og/sentiment · OpenGradient"
        embed_document = embed(await rig.ask("model", model=offers[0]["value"]))
        assert embed_document.title == "og/sentiment" and "**5 inferences**" in (embed_document.description or "")
        assert any("claimed on chain" in (field.value or "") for field in embed_document.fields)

    run(tmp_path, scenario)


def test_a_name_that_two_networks_have_leads_to_the_one_that_was_chosen(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        offers = {
            choice["name"]: choice["value"]
            for choice in await rig.ann.autocomplete(rig.channel, "model", "model", "model-0")
        }
        mine, theirs = (f"owner0/model-0 · {title}" for title in ("Replicate", "OpenGradient"))
        assert "**4,000 runs**" in (embed(await rig.ask("model", model=offers[mine])).description or "")
        assert "**3 inferences**" in (embed(await rig.ask("model", model=offers[theirs])).description or "")
        only = await rig.choices("model", "model", "model-0", network="opengradient")
        assert only == ["owner0/model-0"]

    run(tmp_path, scenario)


def test_networks_with_different_units_are_compared_by_shares_alone(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.choices("compare", "model", "open"))[0] == "opengradient"
        embed_document = embed(await rig.ask("compare", model="replicate", other="opengradient"))
        assert (
            embed_document.description
            == "Runs and inferences are different things: compare the shares, not the numbers."
        )
        for field in embed_document.fields[:2]:
            assert "Share of models used" in (field.value or "")
            assert "runs" not in (field.value or "") and "Models listed" not in (field.value or "")

    run(tmp_path, scenario)


def test_answers_keep_no_view_in_memory(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for network in ("replicate", "opengradient") * 3:
            shown = await rig.ask("usage", network=network)
            await rig.ann.click(shown.response.message, label="Day before")
        store = rig.bot._connection._view_store
        assert not any(store._views.values()) and not store._synced_message_views

    run(tmp_path, scenario)


def test_status_and_about_tell_every_network(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert [field.name for field in embed(await rig.ask("status")).fields] == ["Replicate", "OpenGradient"]
        first = await rig.ask("about")
        assert embed(first).fields[0].name == "Replicate"
        await rig.ann.click(first.response.message, label="Next page")
        assert rig.channel.last_message.embeds[0].fields[0].name == "OpenGradient"

    run(tmp_path, scenario)
