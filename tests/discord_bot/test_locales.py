"""Commands in the user's language: names and descriptions, every answer (golden files), errors, autocomplete."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import discord
import pytest
import regex
from discord import app_commands

from bot import i18n
from bot.discord_bot import COMMANDS, command_translations, presenter
from bot.discord_bot.client import FootfallClient
from bot.discord_bot.name_index import LONGEST
from bot.i18n.translator import FIRST_STRONG, POP
from tests import hostile, query_contexts
from tests.discord_bot.rig import Rig, buttons, embed, run, texts
from tests.discord_bot.test_commands import MODEL, QUESTIONS
from tests.discord_bot.test_connection import desk, serving
from tests.peers import discord_rules
from tests.peers.discord_gateway import DiscordGateway
from tests.peers.openapi import Recorded, judged
from tests.render.test_escaping import DISCORD_LIVE, bare
from tests.units_in_text import repeated_units

GOLDEN = Path(__file__).parents[1] / "golden" / "answers"
__all__ = ["desk"]  # the fixture
SPEC = "discord_openapi_2026-07-18.json"
MISTAKES: list[tuple[str, dict[str, object]]] = [
    ("usage", {"network": "nowhere"}),
    ("usage", {"day": "2025-02-30"}),
    ("usage", {"day": "2026-01-01"}),
    ("usage", {"period": "month"}),
    ("model", {"model": "owner0/model0"}),
    ("model", {"model": query_contexts.SECRET}),
    ("model", {"model": "~0123456789ab"}),
    ("trend", {"metric": "usage"}),
    ("compare", {"model": MODEL, "other": "zzz"}),
]
# interactions/application-commands, Application Command Naming
NAME = regex.compile(r"[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}")
LOCALES = ["ar", "es-419", "es-ES", "tr", "vi", "zh-CN"]


# --- commands ------------------------------------------------------------------------------------------------------


def test_commands_are_registered_with_discord_as_they_were() -> None:
    """Each option, in this order and in English; `make golden` writes the file again."""
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    golden = GOLDEN.parent / "commands.json"
    payload = json.dumps([command.to_dict(tree) for command in COMMANDS], indent=1) + "\n"
    if os.environ.get("GOLDEN"):
        golden.write_text(payload, encoding="utf-8")
    assert payload == golden.read_text(encoding="utf-8")


# --- answers -------------------------------------------------------------------------------------------------------


def shown(result: Any) -> str:
    """An answer as readable text: embed, alt text, buttons."""
    message = result.response
    lines = [text for text in (message.content,) if text]
    for embed_document in message.embeds:
        lines += [f"= {embed_document.title}", embed_document.description or ""]
        lines += [f"-- {field.name}\n{field.value}" for field in embed_document.fields]
        lines.append(f"-- {embed_document.footer.text}")
    lines += [f"[picture: {attachment.description}]" for attachment in message.attachments]
    row = " ".join(f"({label})" if held.get("disabled") else f"[{label}]" for label, held in buttons(message).items())
    return "\n".join([*lines, *([row] if row else [])])


@pytest.mark.parametrize("locale", ["en-US", "ar"])
def test_every_answer_reads_as_it_was_signed(tmp_path: Path, locale: str) -> None:
    """One file per command and language; `make golden` writes them again."""
    entries: dict[str, list[str]] = {}

    async def scenario(rig: Rig) -> None:
        rig.speak(locale)
        bitter = [indexed_model.token for indexed_model in rig.bot.index.names.known if indexed_model.model in BITTER]
        pairs = [*QUESTIONS, *MISTAKES, *(("model", {"model": token}) for token in sorted(bitter))]
        for name, options in pairs:
            given = " ".join(f"{key}: {value}" for key, value in options.items())
            entries.setdefault(name, []).append(
                f"/{name} {given}".strip() + "\n\n" + shown(await rig.ask(name, **options))
            )

    run(tmp_path, scenario)
    assert set(entries) == {command.name for command in COMMANDS}
    for name, answers in entries.items():
        golden = GOLDEN / i18n.nearest_language(locale) / f"{name}.txt"
        text = "\n\n\n".join(answers) + "\n"
        if os.environ.get("GOLDEN"):
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_text(text, encoding="utf-8")
        assert text == golden.read_text(encoding="utf-8"), name


BITTER = frozenset(hostile.NAMES[key] for key in ("mention", "bold", "masked link", "heading", "tag"))
"""Hostile names whose own answers are golden files."""


@pytest.mark.parametrize("locale", [locale_name for locale_name in LOCALES if locale_name != "es-ES"])
def test_answers_follow_the_asker(tmp_path: Path, locale: str) -> None:
    """No English sentence of ours is left, except names of networks and keys of figures."""
    speech = i18n.translator_for(locale)

    async def scenario(rig: Rig) -> None:
        rig.speak(locale)
        for name, options in QUESTIONS:
            result = await rig.ask(name, **options)
            own = [*(text for text in texts(result.response) if name != "about"), *buttons(result.response)]
            left = [phrase for phrase in re.findall(r"[A-Za-z' ]{12,}", "\n".join(own)) if len(phrase.split()) > 2]
            left = [phrase for phrase in left if not any(word in phrase for word in BORROWED)]
            assert repeated_units("\n".join(own), speech.language) == [], name
            if speech.language in ("ar", "zh-CN"):
                assert left == [], (name, left)
            for english in ("What is counted", "Not known", "Whose numbers", "Day before", "as of", " unknown", "runs"):
                assert not re.search(rf"\b{english.strip()}\b", "\n".join(own)), (name, english)

    run(tmp_path, scenario)


BORROWED = ("onmouseover", "free money", "token", "x x")
"""Foreign names in the answers that look like English sentences."""


def test_a_locale_without_words_is_answered_in_english(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        english = embed(await rig.ask("usage")).title
        for locale in ("sv-SE", "zh-TW", "xx-YY"):
            rig.speak(locale)
            assert embed(await rig.ask("usage")).title == english

    run(tmp_path, scenario)


def test_mistakes_failures_and_waiting_are_said_in_the_askers_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(rig: Rig) -> None:
        rig.speak("es-ES")
        content = (await rig.ask("usage", network="nowhere")).response.content
        assert content == "nowhere: no existe esa red; conocidas: replicate"

        def fail(*_: object) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(presenter, "render_answer", fail)
        content = (await rig.ask("usage")).response.content
        assert re.fullmatch(r"Algo salió mal aquí\. En el registro consta como [0-9a-f]{12}\.", content)

    run(tmp_path, scenario)


def test_buttons_go_on_in_the_language_of_who_presses(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.speak("tr")
        first = await rig.ask("usage")
        await rig.ann.click(first.response.message, label="Önceki gün")
        assert "9 Mart 2025" in (rig.channel.last_message.embeds[0].title or "")

    run(tmp_path, scenario)


def test_hostile_names_stand_alone_in_right_to_left_answers(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.speak("ar")
        bitter = [
            indexed_model
            for indexed_model in rig.bot.index.names.known
            if any(indexed_model.model in raw for raw in hostile.NAMES.values())
        ]
        assert len(bitter) > 40
        for indexed_model in bitter:
            result = await rig.ask("model", model=indexed_model.token)
            for text in [embed(result).title or "", *[field.name or "" for field in embed(result).fields]]:
                assert not DISCORD_LIVE.search(bare(text)), (indexed_model.model, text)
            for line in "\n".join(texts(result.response)).splitlines():
                assert line.count(FIRST_STRONG) == line.count(POP), (indexed_model.model, line)

    run(tmp_path, scenario)


@pytest.mark.parametrize("locale", ["ar", "es-419", "zh-CN"])
def test_offers_are_in_the_askers_language_and_within_the_limit(tmp_path: Path, locale: str) -> None:
    async def scenario(rig: Rig) -> None:
        rig.speak(locale)
        for command, option in (("trend", "metric"), ("method", "metric"), ("usage", "day")):
            autocomplete = await rig.ann.autocomplete(rig.channel, command, option, "")
            assert autocomplete and all(
                0 < len(entry["name"].encode("utf-16-le")) // 2 <= LONGEST for entry in autocomplete
            )
        named = {
            choice["value"]: choice["name"]
            for choice in await rig.ann.autocomplete(rig.channel, "method", "metric", "")
        }
        assert i18n.translator_for(locale).translate_text("models listed") in named["models_listed"]
        assert "models_listed" in named["models_listed"]
        # What is typed is looked for in the words that are shown, and in the keys.
        typed = i18n.translator_for(locale).translate_text("models never used")
        assert "models_never_used" in await rig.choices("method", "metric", typed)
        assert "models_never_used" in await rig.choices("method", "metric", "never_used")

    run(tmp_path, scenario)


# --- what Discord is told ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The commands as registered with Discord."""
    kept: list[list[dict[str, Any]]] = []

    async def scenario(rig: Rig) -> None:
        kept.extend(
            http_request.json
            for http_request in rig.env.http_requests
            if http_request.method == "PUT" and http_request.path.endswith("/commands")
        )

    run(tmp_path_factory.mktemp("told"), scenario)
    (payload,) = kept
    return payload


def nodes(documents: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every command, option and choice, with its kind."""
    for command in documents:
        yield "command", command
        for option in command.get("options", ()):
            yield "option", option
            yield from (("choice", choice) for choice in option.get("choices", ()))


def test_commands_are_told_in_every_language_by_discords_rules(told: list[dict[str, Any]]) -> None:
    for kind, node in nodes(told):
        names = node["name_localizations"]
        assert sorted(names) == LOCALES, node["name"]
        for name in names.values():
            if kind == "choice":
                assert 1 <= len(name) <= 100
            else:
                assert NAME.fullmatch(name) and name == name.lower(), name
        if kind != "choice":
            described = node["description_localizations"]
            assert sorted(described) == LOCALES
            assert all(1 <= len(entry.encode("utf-16-le")) // 2 <= 100 for entry in described.values())
            assert node["description"] not in described.values()


@pytest.mark.parametrize("locale", LOCALES)
def test_no_two_commands_or_options_share_a_name(told: list[dict[str, Any]], locale: str) -> None:
    def named(held: list[dict[str, Any]]) -> list[str]:
        return [document["name_localizations"][locale] for document in held]

    assert len(set(named(told))) == len(told)
    for command in told:
        options = command.get("options", [])
        assert len(set(named(options))) == len(options), command["name"]
        # A localized name may not be another option's own one either.
        own = {option["name"]: option["name_localizations"][locale] for option in options}
        assert not [a for a, result in own.items() for b in own if a != b and result == b]


def test_the_commands_agree_with_discords_description(told: list[dict[str, Any]]) -> None:
    body = json.dumps(told).encode()
    headers = {"Authorization": "Bot x", "Content-Type": "application/json"}
    sent = Recorded("PUT", "/applications/200000000000000001/commands", headers, body)
    faults = judged([SPEC], [sent], discord_rules.ALLOWED)
    if faults is None:
        pytest.skip(f"NOT CHECKED: no SPECS_DIR, so the commands were not compared with {SPEC}")
    assert faults == []
    wrong = json.loads(body)
    assert set(LOCALES) <= locales_of(SPEC)
    wrong[0]["name_localizations"]["ar"] = "x" * 33
    longer = Recorded(sent.method, sent.target, headers, json.dumps(wrong).encode())
    assert judged([SPEC], [longer], discord_rules.ALLOWED), "a name of 33 characters was let pass"


def locales_of(spec: str) -> set[str]:
    """The locales in Discord's description; its schema of localisations does not check them."""
    document = json.loads((Path(os.environ["SPECS_DIR"]) / spec).read_text(encoding="utf-8"))
    return {entry["const"] for entry in document["components"]["schemas"]["AvailableLocalesEnum"]["oneOf"]}


def test_a_changed_translation_is_told_to_discord(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = command_translations.translate_text

    async def scenario(rig: Rig) -> None:
        def registrations() -> int:
            return sum(
                http_request.method == "PUT" and http_request.path.endswith("/commands")
                for http_request in rig.env.http_requests
            )

        assert registrations() == 1
        await rig.env.restart_bot(FootfallClient(rig.desk))
        assert registrations() == 1, "Discord has them already"
        monkeypatch.setattr(
            command_translations, "translate_text", lambda *given: "otro" if given[0] == "about" else real(*given)
        )
        await rig.env.restart_bot(FootfallClient(rig.desk))
        assert registrations() == 2

    run(tmp_path, scenario)


def test_the_real_client_answers_and_tells_commands_in_arabic(desk: Any, tmp_path: Path) -> None:
    """Through the gateway: a locale that discord.py lacks."""
    with DiscordGateway() as peer, serving(peer, desk, tmp_path):
        peer.until(lambda: peer.identified)
        reply = peer.ask("status", locale="ar")
        assert reply.done.wait(60) and reply.message is not None
        assert reply.message["embeds"][0]["title"] == "مدى الحداثة"
        (commands,) = peer.synced
        assert {command["name_localizations"]["ar"] for command in commands} >= {"حالة", "استخدام"}
