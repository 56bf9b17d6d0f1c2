"""/help, /new, /records, /author, /category and /compare as members see them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import discord

from bot.discord_bot import BotSettings, presenter
from bot.discord_bot.commands import help as help_commands
from bot.i18n import translator_for
from bot.queries.registry import QUERIES
from tests import query_contexts
from tests.discord_bot.rig import Rig, buttons, embed, run, texts

MODEL, OTHER, AUTHOR = "owner0/model-0", "owner1/model-1", "owner0"
MISSING = query_contexts.MISSING.isoformat()


def text(result: Any) -> str:
    return "\n".join(texts(result.response))


def test_every_query_has_a_topic_in_help_and_only_one() -> None:
    named = [name for names in help_commands.TOPICS.values() for name in names]
    assert sorted(named) == sorted(QUERIES)


def test_help_names_each_command_and_its_answer_in_the_readers_language_to_them_alone(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for locale in ("en-US", "tr", "ar"):
            rig.speak(locale)
            result, speech = await rig.ask("help"), translator_for(locale)
            assert result.ephemeral and len(result.response.attachments) == 0
            shown = text(result).replace("\\", "")
            for name, query in QUERIES.items():
                assert f"/{speech.translate_word('command', name)}" in shown, (locale, name)
                assert speech.translate_text(query.summary)[:40] in shown, (locale, name)
        assert "/subscribe" not in text(await rig.ask("help")) and "/deliveries" not in text(await rig.ask("help"))

    run(tmp_path, scenario)


def test_help_names_the_commands_of_servers_and_the_operator_to_those_who_may_use_them(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        guild = rig.channel.guild
        role = guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
        manager = guild.add_member(rig.env.create_user("meg"), roles=[role])
        rig.bot.bot_settings = BotSettings(owners=frozenset({rig.bob.id}))
        assert "/subscribe" in text(await rig.ask("help", member=manager))
        assert "/deliveries" not in text(await rig.ask("help", member=manager))
        assert "/deliveries" in text(await rig.ask("help", member=rig.bob))

    run(tmp_path, scenario)


def test_authors_and_categories_are_completed_from_the_data_and_hidden_ones_are_not(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert "owner7" in await rig.choices("author", "author", "owner7")
        assert "owner3" in await rig.choices("author", "author", "ownr3")
        assert await rig.choices("category", "category", "ima") == ["image"]
        assert await rig.choices("author", "author", "owner7", network="nowhere") == []

    run(tmp_path, scenario)


def test_an_author_has_its_use_by_day_and_a_button_for_the_week(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        result = await rig.ask("author", author=AUTHOR, day="2025-03-05")
        shown = embed(result)
        assert shown.title == "owner0, Replicate: 5 March 2025"
        assert (shown.description or "").startswith("**4,000 runs** · 0 (+0.0%) since Tuesday") or (
            "unchanged since Tuesday" in (shown.description or "")
        )
        fields = {field.name: field.value or "" for field in shown.fields}
        assert "2025-03-05: **4,000 runs** · 1 of 1 models used" in fields["Day by day, newest first"]
        week = await rig.ann.click(result.response, label="Week")
        assert "week of" in (embed(week).title or "") and "Week by week, newest first" in text(week)

    run(tmp_path, scenario)


def test_an_unknown_day_of_an_author_is_said_with_its_reason(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for name, options in (
            ("author", {"author": AUTHOR}),
            ("category", {"category": "image"}),
            ("new", {"days": 2}),
        ):
            shown = embed(await rig.ask(name, day=MISSING, **options)).description or ""
            assert "no reading at the end of 7 Mar 2025" in shown, name

    run(tmp_path, scenario)


def test_a_comparison_goes_to_the_week_and_the_day_before_with_both_models(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        result = await rig.ask("compare", model=MODEL, other=OTHER, day="2025-03-05")
        assert "since Tuesday" in text(result) and len(result.response.attachments) == 1
        week = await rig.ann.click(result.response, label="Week")
        assert "week of" in text(week) and embed(week).title == f"{MODEL} and {OTHER}"
        before = await rig.ann.click(week.response, label="Day")
        assert "March 2025" in text(before)

    run(tmp_path, scenario)


def test_a_button_with_the_former_name_of_an_option_still_answers() -> None:
    token = "~0123456789ab"
    for name, written, wanted in (
        ("model", f"name={token}", {"model": token}),
        ("compare", f"a={token}&b={token}", {"model": token, "other": token}),
    ):
        match = re.fullmatch(presenter.WRITTEN, f"ask:0:{name}:0:{written}")
        assert match is not None
        assert presenter.query_from_button(match).options == wanted


def test_pages_of_new_models_are_turned_and_records_name_their_days(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        result = await rig.ask("new", days=5)
        assert "New on the list since" in text(result) and "Next page" not in buttons(result.response)
        records = text(await rig.ask("records"))
        assert "Highest: **" in records and "Not known: 3 days" in records

    run(tmp_path, scenario)
