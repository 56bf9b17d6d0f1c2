"""/watch, /unwatch, /watches, /forget-me: what is stored about a member, and that all of it can be deleted."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot import store
from bot.deliveries import NOTICES, EditionKey
from bot.discord_bot import BotSettings, FootfallClient, responder
from bot.discord_bot.context import Cooldowns
from bot.discord_bot.name_index import IndexedModel
from bot.queries import QueryContext
from bot.subscriptions import ModelWatches, SubscriptionLimits
from bot.subscriptions.model_watches import OUTLET
from tests import hostile, query_contexts
from tests.discord_bot.rig import FREE, Rig, embed, run, texts

MODEL, OTHER = "owner0/model-0", "owner1/model-1"


def kept(rig: Rig, member: Any = None) -> tuple[Any, ...]:
    return ModelWatches(rig.desk.store).account_watches(str((member or rig.ann).id))


def sentence(result: Any) -> str:
    assert result.ephemeral
    return str(result.response.content).replace("\\", "")


def holds(desk: QueryContext, needle: str) -> list[str]:
    """The places of a text in the whole database: table and column."""
    holds = []
    with desk.store.read_transaction() as connection:
        for table in store.tables.sorted_tables:
            for row in connection.execute(sa.select(table)).mappings():
                holds += [f"{table.name}.{key}" for key, value in row.items() if needle in str(value)]
    return holds


def test_a_model_is_watched_with_half_as_the_usual_share(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        result = await rig.ask("watch", model=MODEL)
        assert result.ephemeral and embed(result).title == "Watched"
        assert "50%" in (embed(result).description or "") and "/forget-me" in " ".join(texts(result.response))
        (watch,) = kept(rig)
        assert (watch.network, watch.catalogue, watch.model, watch.share) == ("replicate", "models", MODEL, 0.5)
        assert (watch.since, watch.locale) == (query_contexts.NOW, "en")

    run(tmp_path, scenario)


def test_watching_again_changes_the_share(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.ask("watch", model=MODEL)
        again = await rig.ask("watch", model=MODEL.upper(), share=20.0, network="replicate")
        assert embed(again).title == "Watch changed" and [row.share for row in kept(rig)] == [0.2]

    run(tmp_path, scenario)


def test_models_that_are_not_there_or_hidden_are_refused(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert "no such model on Replicate" in sentence(await rig.ask("watch", model="nobody/nothing"))
        assert "no such network" in sentence(await rig.ask("watch", model=MODEL, network="nowhere"))
        hidden = sentence(await rig.ask("watch", model=query_contexts.SECRET))
        assert query_contexts.SECRET not in hidden and kept(rig) == ()

    run(tmp_path, scenario)


def test_a_network_whose_record_has_ended_is_not_watched(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert "has ended" in sentence(await rig.ask("watch", model=MODEL)) and kept(rig) == ()

    run(tmp_path, scenario, bot_settings=BotSettings(closed=frozenset({"replicate"})))


def test_models_are_not_watched_where_no_use_names_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig) -> None:
        known = rig.desk.find_digest("replicate", "day")
        block = {"catalogue": "models", "figures": {"share_attributed": {"value": 0.0}}}
        monkeypatch.setattr(QueryContext, "find_digest", lambda *_: {**known, "catalogues": [block]})
        sentence_text = sentence(await rig.ask("watch", model=MODEL))
        assert "none of the use on Replicate names its model" in sentence_text and kept(rig) == ()

    run(tmp_path, scenario)


def test_a_member_watches_so_many_models_and_no_more(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.ask("watch", model=MODEL)
        assert "the most that one member may" in sentence(await rig.ask("watch", model=OTHER))
        assert embed(await rig.ask("watch", model=MODEL, share=5.0)).title == "Watch changed"
        assert embed(await rig.ask("watch", model=OTHER, member=rig.bob)).title == "Watched"
        third = rig.channel.guild.add_member(rig.env.create_user("cem"))
        assert "ask its operator" in sentence(await rig.ask("watch", model=OTHER, member=third))

    run(tmp_path, scenario, bot_settings=BotSettings(bounds=SubscriptionLimits(per_member=1, watches=2)))


def test_what_is_watched_is_listed_and_ended_one_by_one_also_after_a_restart(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert "None yet" in (embed(await rig.ask("watches")).description or "")
        for model in (MODEL, OTHER):
            await rig.ask("watch", model=model)
        await rig.env.restart_bot(FootfallClient(rig.desk, cooldowns=Cooldowns(*FREE)))
        listed = embed(await rig.ask("watches")).description or ""
        assert "model-0" in listed and "model-1" in listed
        offered = await rig.choices("unwatch", "model", "MODEL-0")
        assert len(offered) == 1 and await rig.choices("unwatch", "model", "nothing") == []
        assert "1 watch left" in (embed(await rig.ask("unwatch", model=offered[0])).description or "")
        assert "do not watch" in sentence(await rig.ask("unwatch", model=offered[0]))
        last = await rig.ask("unwatch", model=OTHER)
        assert "nothing is kept about you" in (embed(last).description or "")
        assert holds(rig.desk, str(rig.ann.id)) == []

    run(tmp_path, scenario)


def test_nobody_ends_or_sees_the_watch_of_another(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.ask("watch", model=MODEL)
        (watch,) = kept(rig)
        for what in (f"#{watch.id}", MODEL):
            assert "do not watch" in sentence(await rig.ask("unwatch", model=what, member=rig.bob))
        bobs = await rig.bob.autocomplete(rig.channel, "unwatch", "model", "")
        assert bobs == [] and len(kept(rig)) == 1
        assert "None yet" in (embed(await rig.ask("watches", member=rig.bob)).description or "")

    run(tmp_path, scenario)


def test_a_members_number_stands_in_one_column_and_is_gone_when_forgotten(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for member, model in ((rig.ann, MODEL), (rig.ann, OTHER), (rig.bob, MODEL)):
            await rig.ask("watch", model=model, member=member)
        for name, options in (("usage", {}), ("top", {}), ("watches", {})):
            await rig.ask(name, **options)
        ann = str(rig.ann.id)
        assert holds(rig.desk, ann) == ["members.account"]
        key = kept(rig)[0].member
        edition = EditionKey(NOTICES, "day", date(2025, 3, 11), 1)
        rig.bot.repositories.outbox.plan(edition, OUTLET, key, 1, query_contexts.NOW, None)
        description = embed(await rig.ask("forget-me")).description or ""
        assert "2 watches" in description and "1 record of direct messages" in description
        assert holds(rig.desk, ann) == [] and holds(rig.desk, key) == []
        assert ("user", rig.ann.id) not in rig.bot.cooldowns._known
        assert len(kept(rig, rig.bob)) == 1, "another member's watch stays"
        assert embed(await rig.ask("forget-me")).description == "Nothing was kept about you."

    run(tmp_path, scenario)


def test_hostile_names_are_watched_listed_and_ended_without_acting(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        names = [
            indexed_model.model
            for indexed_model in rig.bot.index.names.known
            if str(indexed_model.model) in hostile.NAMES.values()
        ]
        assert len(names) > 5
        for name in names[:20]:
            result = await rig.ask("watch", model=IndexedModel("replicate", name).token)
            assert embed(result).title == "Watched"
            listed = await rig.ask("watches")
            for text in [*texts(result.response), *texts(listed.response)]:
                assert "@everyone" not in text and "<@" not in text
        for row in kept(rig):
            assert embed(await rig.ask("unwatch", model=f"#{row.id}")).title == "Watch ended"

    run(tmp_path, scenario, bot_settings=BotSettings(bounds=SubscriptionLimits(per_member=50)))


@pytest.mark.parametrize("command", ["watches", "unwatch", "forget-me", "watch"])
def test_a_database_that_is_away_is_a_sentence_with_an_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    async def scenario(rig: Rig) -> None:
        def away(*_: object, **__: object) -> None:
            raise store.StoreError("database x: away")

        for name in ("account_watches", "erase_member", "save_watch"):
            monkeypatch.setattr(ModelWatches, name, away)
        options = {"model": MODEL} if "watch" in command and command != "watches" else {}
        sentence_text = sentence(await rig.ask(command, **options))
        assert (
            sentence_text.startswith("The archive cannot be read just now.") and "In the log this is" in sentence_text
        )
        assert await rig.choices("unwatch", "model", "") == []

    run(tmp_path, scenario)


def test_a_slow_database_is_announced_to_the_asker_alone_and_then_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The in-process Discord lets no clock run on while a thread works: the real pace is tried at the local gateway.
    async def impatient(_work: object) -> bool:
        return False

    monkeypatch.setattr(responder, "_finishes_promptly", impatient)

    async def scenario(rig: Rig) -> None:
        for command, options in (("watch", {"model": MODEL}), ("watches", {}), ("forget-me", {})):
            assert embed(await rig.ask(command, **options)).title
        assert "no such model" in sentence(await rig.ask("watch", model="nobody/nothing"))
        first = [http_request.json for http_request in rig.env.http_requests if http_request.path.endswith("/callback")]
        assert [(entry["type"], entry["data"]["flags"]) for entry in first] == [(5, 64)] * 4

    run(tmp_path, scenario)


def test_an_unexpected_fault_is_a_sentence_with_the_id_that_stands_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug with secrets")

    async def scenario(rig: Rig) -> None:
        monkeypatch.setattr(ModelWatches, "account_watches", broken)
        with capture_logs() as logs:
            sentence_text = sentence(await rig.ask("watches"))
        (line,) = [log for log in logs if log["event"] == "unexpected"]
        assert sentence_text == f"Something went wrong here. In the log this is {line['id']}."
        assert str(rig.ann.id) not in str(line) and line["question"] == "watches"

    run(tmp_path, scenario)


def test_cooldowns_hold_for_these_commands_too(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for _ in range(2):
            assert embed(await rig.ask("watches"))
        assert "Too many questions at once" in sentence(await rig.ask("watches"))
        assert "Too many questions at once" in sentence(await rig.ask("forget-me"))

    run(tmp_path, scenario, cooldowns=Cooldowns((2, 60.0), (50, 60.0)))
