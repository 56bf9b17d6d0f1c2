"""Commands of members, servers and the operator in the user's language: golden files, and no English."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot import i18n
from bot.discord_bot import MEMBER, OWNER, SERVER, BotSettings
from bot.discord_bot.commands._options import LOCALES
from bot.subscriptions import ChannelSubscriptions
from tests.discord_bot.rig import Rig, embed, run, texts
from tests.discord_bot.test_locales import GOLDEN, shown
from tests.discord_bot.test_operator_commands import CHANNEL, FIRST, owned, uncertain
from tests.discord_bot.test_server_commands import admin

Asked = tuple[str, dict[str, object]]
MODEL = "owner0/model-0"
WATCHES: tuple[Asked, ...] = (
    ("watches", {}),
    ("watch", {"model": MODEL}),
    ("watch", {"model": MODEL, "share": 25.0}),
    ("watch", {"model": "owner1/model-1"}),
    ("watch", {"model": "nobody/nothing"}),
    ("watches", {}),
    ("unwatch", {"model": "owner2/model-2"}),
    ("unwatch", {"model": "owner1/model-1"}),
    ("unwatch", {"model": MODEL}),
    ("forget-me", {}),
    ("watch", {"model": MODEL}),
    ("forget-me", {}),
)
FULL = {"time": "8:30", "zone": "Europe/Zurich", "networks": "replicate", "threshold": 10.0, "quiet": "22:00-07:00"}
SUBSCRIPTIONS: tuple[Asked, ...] = (
    ("subscriptions", {}),
    ("subscribe", {}),
    ("subscribe", FULL),
    ("subscriptions", {}),
    ("subscribe", {"time": "25:00"}),
    ("subscribe", {"zone": "Mars/Olympus"}),
    ("subscribe", {"quiet": "all night"}),
    ("subscribe", {"quiet": "22:00-22:00"}),
    ("unsubscribe", {}),
    ("unsubscribe", {}),
)
DELIVERIES: tuple[Asked, ...] = (
    ("deliveries list", {}),
    ("deliveries retry", {"id": 1}),
    ("deliveries retry", {"id": 999}),
    ("deliveries resolve", {"id": 1}),
    ("deliveries resolve", {"id": 1, "sent": "nonsense"}),
    ("deliveries resolve", {"id": 1, "sent": f"https://discord.com/channels/1/{CHANNEL}/2"}),
    ("deliveries resolve", {"id": 1, "not_sent": True}),
    ("deliveries retry", {"id": 1}),
    ("deliveries pause", {"outlet": "x"}),
    ("deliveries pause", {"outlet": "discord"}),
    ("deliveries pause", {"outlet": "discord"}),
    ("deliveries list", {}),
    ("deliveries lift", {"outlet": "discord"}),
    ("deliveries lift", {"outlet": "discord"}),
)


def an_owner(rig: Rig) -> Any:
    uncertain(rig)
    return owned(rig)


FILES: dict[str, tuple[tuple[Asked, ...], Callable[[Rig], Any]]] = {
    "help": ((("help", {}),), lambda rig: rig.ann),
    "watches": (WATCHES, lambda rig: rig.ann),
    "subscriptions": (SUBSCRIPTIONS, admin),
    "deliveries": (DELIVERIES, an_owner),
}


def told(tmp_path: Path, name: str, locale: str) -> tuple[str, list[str]]:
    """The content of the golden file, and every text of the answers."""
    pair, whom = FILES[name]
    lines: list[str] = []
    plain: list[str] = []

    async def scenario(rig: Rig) -> None:
        rig.speak(locale)
        member = whom(rig)
        for command, options in pair:
            result = await rig.ask(command, member=member, **options)
            given = " ".join(f"{key}: {value}" for key, value in options.items())
            text = re.sub(r"<#\d+>", "<#channel>", shown(result))
            lines.append(f"/{command} {given}".strip() + "\n\n" + text)
            plain.extend(texts(result.response))

    run(tmp_path, scenario, bot_settings=FIRST if name == "deliveries" else BotSettings())
    return "\n\n\n".join(lines) + "\n", plain


@pytest.mark.parametrize("locale", ["en-US", "ar"])
@pytest.mark.parametrize("name", FILES)
def test_every_answer_reads_as_it_was_signed(tmp_path: Path, name: str, locale: str) -> None:
    text, _ = told(tmp_path, name, locale)
    golden = GOLDEN / i18n.nearest_language(locale) / f"{name}.txt"
    if os.environ.get("GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


# A key, a zone, a place, a link, what a platform answered: not ours to translate.
BORROWED = re.compile(
    r"https?://\S+|<t:\d+:\w>|<#\w+>|python -m bot \S+ \S+|Europe/Zurich|Footfall|Replicate|replicate"
)


@pytest.mark.parametrize("locale", ["ar", "zh-CN"])
@pytest.mark.parametrize("name", FILES)
def test_no_english_sentence_is_left(tmp_path: Path, name: str, locale: str) -> None:
    _, plain = told(tmp_path, name, locale)
    assert re.findall(r"(?:\b[a-z']{2,} ){2}[a-z']{2,}", BORROWED.sub("", "\n".join(plain))) == []


def test_every_command_has_its_golden_file() -> None:
    words = {command.split()[0] for held, _ in FILES.values() for command, _ in held}
    assert words == {command.name for command in (*MEMBER, *SERVER, *OWNER)}


def test_languages_to_choose_from_are_those_there_are_words_in() -> None:
    assert list(LOCALES) == list(i18n.LANGUAGES)


@pytest.mark.parametrize(("kept", "shown"), [("zh_CN", "简体中文"), ("es_ES", "Español"), ("zh-CN", "简体中文")])
def test_a_language_as_it_was_stored_before_is_still_read(tmp_path: Path, kept: str, shown: str) -> None:
    async def scenario(rig: Rig) -> None:
        mod = admin(rig)
        await rig.ask("subscribe", member=mod)
        channels = ChannelSubscriptions(rig.desk.store)
        (subscription,) = channels.all_subscriptions()
        channels.save_subscription(
            subscription.guild, subscription.channel, replace(subscription.terms, locale=kept), rig.desk.clock()
        )
        assert shown in str(embed(await rig.ask("subscriptions", member=mod)).description)

    run(tmp_path, scenario)
