"""The commands as members use them, in an in-process Discord that enforces its limits."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot import queries
from bot.discord_bot import COMMANDS, presenter, responder
from bot.discord_bot.context import Cooldowns
from bot.discord_bot.name_index import IndexedModel
from bot.queries.registry import QUERIES
from bot.store import StoreError
from tests import hostile, query_contexts
from tests.discord_bot.rig import Rig, buttons, embed, run, texts
from tests.render.test_escaping import DISCORD_LIVE, bare

DEFERRED, DEFERRED_UPDATE = 5, 6
"""interactions/receiving-and-responding, Interaction Callback Type."""
MODEL, OTHER = "owner0/model-0", "owner1/model-1"
AUTHOR, CATEGORY = "owner0", "image"
QUESTIONS: list[tuple[str, dict[str, object]]] = [
    ("usage", {}),
    ("usage", {"period": "week", "day": "2025-03-05"}),
    ("inventory", {}),
    ("model", {"model": MODEL}),
    ("top", {}),
    ("top", {"by": "rise"}),
    ("idle", {}),
    ("idle", {"days": 2, "day": query_contexts.MISSING.isoformat()}),
    ("compare", {"model": MODEL, "other": OTHER}),
    ("compare", {"model": MODEL, "other": OTHER, "period": "week", "day": "2025-03-05"}),
    ("new", {}),
    ("new", {"days": 2, "day": query_contexts.MISSING.isoformat()}),
    ("records", {}),
    ("author", {"author": AUTHOR}),
    ("author", {"author": AUTHOR, "period": "week", "day": "2025-03-05"}),
    ("category", {"category": CATEGORY}),
    ("trend", {"metric": "uses"}),
    ("digest", {}),
    ("digest", {"period": "week"}),
    ("why", {}),
    ("why", {"day": query_contexts.MISSING.isoformat()}),
    ("method", {"metric": "gini_listed"}),
    ("networks", {}),
    ("status", {}),
    ("health", {}),
    ("about", {}),
]


PICTURED: list[tuple[str, dict[str, object]]] = [
    ("usage", {}),
    ("digest", {}),
    ("trend", {"metric": "models_used"}),
    ("model", {"model": MODEL}),
    ("compare", {"model": MODEL, "other": OTHER}),
    ("author", {"author": AUTHOR}),
    ("category", {"category": CATEGORY}),
]


def test_every_command_is_asked_here() -> None:
    assert {name for name, _ in QUESTIONS} == {command.name for command in COMMANDS}


def test_every_command_answers_with_an_embed_that_pings_and_links_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for name, options in QUESTIONS:
            result = await rig.ask(name, **options)
            embed_document = embed(result)
            assert embed_document.title and (embed_document.description or embed_document.fields), name
            assert not result.ephemeral
            for text in texts(result.response):
                assert "@everyone" not in text and "unhidden" not in text
                assert query_contexts.SECRET not in text, name
        sent = [http_request.json for http_request in rig.env.http_requests if http_request.path.endswith("/callback")]
        assert sent and all(entry["data"]["allowed_mentions"] == {"parse": []} for entry in sent)

    run(tmp_path, scenario)


def test_an_answer_has_figure_definition_evidence_time_and_gaps(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        usage = queries.usage(rig.desk, None)
        figures = usage["catalogues"][0]["figures"]
        embed_document = embed(await rig.ask("usage"))
        fields = {field.name: field.value or "" for field in embed_document.fields}
        assert f"**{figures['uses']['value']:,} runs**" in (embed_document.description or "")
        assert f"Models used: **{figures['models_used']['value']}**" in (embed_document.description or "")
        assert "watched for 9 of 30 days" in fields["Not known"]
        # In two lines; the page and /method have the whole definition.
        sentence, source = fields["What is counted"].splitlines()
        definition = queries.method(rig.desk, "uses")["definition"]
        assert definition.startswith(sentence) and sentence.endswith(".") and sentence != definition
        assert source == "Runs as reported by Replicate." and "Whose numbers" not in fields
        assert embed_document.timestamp and embed_document.timestamp.isoformat() == usage["composed_at"]
        assert "2025-03-10" in (embed_document.footer.text or "") and not (embed_document.footer.text or "").endswith(
            "of"
        )

    run(tmp_path, scenario)


def test_unknown_is_said_with_its_reason(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        day = query_contexts.MISSING.isoformat()
        for name, options in (
            ("usage", {}),
            ("top", {}),
            ("why", {}),
            ("idle", {"days": 1}),
            ("model", {"model": MODEL}),
        ):
            embed_document = embed(await rig.ask(name, day=day, **options))
            assert "no reading at the end of 7 Mar 2025" in (embed_document.description or ""), name
            assert not re.search(r"\*\*0\b", embed_document.description or ""), name

    run(tmp_path, scenario)


def test_the_parts_of_why_stand_in_the_embed(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        why = queries.why(rig.desk, None)
        embed_document = embed(await rig.ask("why"))
        assert f"{why['before']:,} then, {why['uses']:,} now" in (embed_document.description or "")

    run(tmp_path, scenario)


def test_hostile_names_act_on_nothing_wherever_they_are_shown(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        known = {str(indexed_model.model): indexed_model for indexed_model in rig.bot.index.names.known}
        assert len(known) > len(hostile.NAMES)
        for raw in hostile.NAMES.values():
            name = next((name for name in known if name and name in raw), None)
            if name is None:
                continue
            result = await rig.ask("model", model=known[name].token)
            assert embed(result).title
            for text in [embed(result).title or "", *[field.name or "" for field in embed(result).fields]]:
                assert not DISCORD_LIVE.search(bare(text)), (name, text)
        for raw in hostile.NAMES.values():
            typed = raw[:300].encode("utf-8", "ignore").decode()
            if typed.strip():
                result = await rig.ask("model", model=typed)
                for text in [
                    result.response.content or "",
                    *[embed_document.title or "" for embed_document in result.response.embeds],
                ]:
                    assert not DISCORD_LIVE.search(bare(text)), (raw, text)

    run(tmp_path, scenario)


def test_a_private_answer_is_for_the_asker_alone(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for name, options in QUESTIONS:
            result = await rig.ask(name, private=True, **options)
            assert result.ephemeral, name
        assert not rig.channel.history(viewer=rig.bob)

    run(tmp_path, scenario)


def test_pictures_come_with_alt_text_and_are_drawn_once(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for name, options in PICTURED:
            for _ in range(2):
                result = await rig.ask(name, **options)
                (picture,) = result.response.attachments
                assert embed(result).image.url and picture.description
                assert 20 < len(picture.description) <= 1000
        # usage and digest of the same day show the same card.
        assert rig.bot.pictures.fresh == 6

    run(tmp_path, scenario)


def test_a_picture_is_in_the_language_of_whoever_asks_and_is_drawn_once_in_each(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for name, options in (("usage", {}), ("digest", {}), ("trend", {"metric": "models_used"})):
            entries: dict[str, list[str]] = {}
            for locale in ("ar", "en-US", "zh-CN", "ar", "en-US"):
                rig.speak(locale)
                result = await rig.ask(name, **options)
                (picture,) = result.response.attachments
                entries.setdefault(locale, []).append(picture.description)
                # Fields of discord.py's own have no room for it: what was sent is looked at.
                sent = [
                    http_request.json
                    for http_request in rig.env.http_requests
                    if http_request.path.endswith("/callback")
                ][-1]
                assert sent["data"]["embeds"][0]["image"]["description"] == picture.description
            for locale, word in (("ar", "المصدر: "), ("en-US", "Source: "), ("zh-CN", "来源：")):
                assert len(set(entries[locale])) == 1 and word in entries[locale][0], (name, locale)
        # The card and the trend once in each language.
        assert rig.bot.pictures.fresh == 6

    run(tmp_path, scenario)


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("usage", {"network": "nowhere"}, "nowhere: no such network; known: replicate"),
        ("usage", {"day": "2025-02-30"}, "day: found 2025-02-30, wanted a UTC day as YYYY-MM-DD"),
        ("usage", {"day": "2026-01-01"}, "2026-01-01: is in the future; today is 2025-03-11 (UTC)"),
        ("usage", {"period": "month"}, "replicate: no month digest yet"),
        ("model", {"model": "owner0/model0"}, "did you mean"),
        ("model", {"model": query_contexts.SECRET}, "this name is hidden here"),
        ("model", {"model": "~0123456789ab"}, "this model is not known any more"),
        ("trend", {"metric": "usage"}, "no such metric; did you mean uses"),
        ("method", {"metric": "%s"}, "no such metric"),
        ("compare", {"model": MODEL, "other": "zzz"}, "no such model"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence_to_the_asker_alone(
    tmp_path: Path, name: str, options: dict[str, object], text: str
) -> None:
    async def scenario(rig: Rig) -> None:
        result = await rig.ask(name, **options)
        content = (result.response.content or "").replace("\\", "")
        assert result.ephemeral and text in content
        assert "python" not in content and "Traceback" not in content

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RuntimeError("secret detail"), "Something went wrong here."),
        (StoreError("database postgresql://host/name: gone"), "The archive cannot be read just now."),
        (TimeoutError(), "The answer took too long."),
    ],
)
def test_a_failure_shows_a_sentence_with_an_id_that_stands_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, text: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    async def scenario(rig: Rig) -> None:
        monkeypatch.setattr(presenter, "render_answer", fail)
        with capture_logs() as logged:
            result = await rig.ask("usage")
        content = result.response.content or ""
        (line,) = [log_line for log_line in logged if log_line["log_level"] == "error"]
        assert content == f"{text} In the log this is {line['id']}."
        assert result.ephemeral and str(rig.ann.id) not in str(line)

    run(tmp_path, scenario)


def test_an_answer_that_takes_long_is_deferred_and_then_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = presenter.render_answer

    # The in-process Discord lets no clock run on while a thread works: the real pace is tried at the local gateway.
    async def impatient(_work: object) -> bool:
        return False

    monkeypatch.setattr(responder, "_finishes_promptly", impatient)

    def late(*given: Any) -> presenter.RenderedAnswer:
        threading.Event().wait(0.05)
        return real(*given)

    async def scenario(rig: Rig) -> None:
        monkeypatch.setattr(presenter, "render_answer", late)
        result = await rig.ask("usage", private=True)
        assert kinds(rig) == [DEFERRED] and result.ephemeral
        assert embed(result).title and result.response.attachments
        mistaken = await rig.ask("model", model="zzz")
        assert not mistaken.response.embeds and "no such model" in mistaken.response.content
        first = await rig.ask("usage")
        await rig.ann.click(first.response.message, label="Day before")
        assert "9 March" in (rig.channel.last_message.embeds[0].title or "")
        assert kinds(rig) == [DEFERRED, DEFERRED, DEFERRED, DEFERRED_UPDATE]

    run(tmp_path, scenario)


def kinds(rig: Rig) -> list[int]:
    """The type of the first response to each interaction."""
    return [
        http_request.json["type"] for http_request in rig.env.http_requests if http_request.path.endswith("/callback")
    ]


def test_an_acknowledgement_that_was_accepted_and_lost_is_taken_as_given(tmp_path: Path) -> None:
    """discord.py retries after a 5xx; Discord then says that it was acknowledged already."""

    async def scenario(rig: Rig) -> None:
        rig.env.inject_error("POST", "/interactions/*/*/callback", status=400, code=40060)
        with capture_logs() as logged:
            await rig.ask("status")
        assert not [log_line for log_line in logged if log_line["log_level"] == "error"]

    run(tmp_path, scenario)


def test_who_asks_too_often_is_told_how_long_to_wait(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for _ in range(2):
            assert embed(await rig.ask("status"))
        refused = await rig.ask("status")
        assert refused.ephemeral and re.fullmatch(
            r"Too many questions at once\. Ask again in \d+ seconds?\.", refused.response.content
        )
        assert embed(await rig.ask("status", member=rig.bob))
        await rig.env.advance_time(61)
        assert embed(await rig.ask("status"))

    run(tmp_path, scenario, cooldowns=Cooldowns((2, 60.0), (50, 60.0)))


def test_a_server_that_asks_too_often_waits_as_a_whole(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for member in (rig.ann, rig.bob, rig.ann):
            await rig.ask("status", member=member)
        assert "Too many questions" in (await rig.ask("status", member=rig.bob)).response.content

    run(tmp_path, scenario, cooldowns=Cooldowns((50, 60.0), (3, 60.0)))


# --- buttons -------------------------------------------------------------------------------------------------------


def test_buttons_lead_to_periods_with_a_digest_and_work_after_a_restart(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        first = await rig.ask("usage")
        shown = buttons(first.response)
        assert shown["Month"]["disabled"] and shown["Day after"]["disabled"] and shown["Day"]["disabled"]
        assert all(len(document["custom_id"]) <= 100 for document in shown.values())
        await rig.env.restart_bot(type(rig.bot)(rig.desk))
        before = await rig.ann.click(first.response.message, label="Day before")
        (changed,) = rig.channel.last_message.embeds
        assert "9 March 2025" in (changed.title or "") and not before.ephemeral
        (picture,) = rig.channel.last_message.attachments
        assert "2025-03-09" in picture.filename
        assert len(rig.channel.history()) == 1

    run(tmp_path, scenario)


def test_somebody_elses_button_answers_in_private_and_leaves_the_message(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        first = await rig.ask("usage")
        result = await rig.bob.click(first.response.message, label="Day before")
        assert result.ephemeral and "9 March" in (embed(result).title or "")
        assert "10 March" in (rig.channel.history()[0].embeds[0].title or "")

    run(tmp_path, scenario)


def test_the_button_of_a_model_stands_for_it_by_its_stand_in(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        first = await rig.ask("model", model=MODEL)
        token = IndexedModel("replicate", rig.bot.index.names.known[0].model).token
        assert token in buttons(first.response)["Day before"]["custom_id"]
        await rig.ann.click(first.response.message, label="Day before")
        assert "9 March" in (rig.channel.last_message.embeds[0].description or "")
        assert rig.channel.last_message.embeds[0].title == MODEL

    run(tmp_path, scenario)


def test_pages_of_a_trend_hold_every_day_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presenter, "PAGED", {**presenter.PAGED, "trend": ("days", 4)})

    async def scenario(rig: Rig) -> None:
        days = [row["day"] for row in queries.trend(rig.desk, "uses", None)["days"]]
        result = await rig.ask("trend", metric="uses")
        seen: list[str] = []
        while True:
            message = rig.channel.last_message
            seen += re.findall(r"^(2025-\d\d-\d\d):", message.embeds[0].description, re.M)
            if buttons(result.response)["Next page"].get("disabled"):
                break
            result = await rig.ann.click(message, label="Next page")
        assert seen == days[::-1]

    run(tmp_path, scenario)


def test_a_button_of_an_older_version_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig) -> None:
        first = await rig.ask("usage")
        monkeypatch.setattr("bot.discord_bot.presenter.QUERIES", {"top": QUERIES["top"]})
        result = await rig.ann.click(first.response.message, label="Day before")
        assert result.followups or result.response.content == "this button is of an older version; ask again"

    run(tmp_path, scenario)


# --- what is offered while typing ----------------------------------------------------------------------------------


def test_models_are_offered_by_match_and_use_and_hidden_ones_never(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.choices("model", "model", ""))[:2] == [MODEL, OTHER]
        assert (await rig.choices("model", "model", "owner1/"))[0] == OTHER
        assert (await rig.choices("model", "model", "model-7"))[0] == "owner7/model-7"
        assert "owner3/model-3" in await rig.choices("model", "model", "ownr3/modle-3")
        for typed in ("", "hidden", query_contexts.SECRET):
            assert query_contexts.SECRET not in await rig.choices("model", "model", typed)
        assert len(await rig.choices("compare", "model", "o")) == 25

    run(tmp_path, scenario)


def test_metrics_networks_and_days_are_offered(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.choices("method", "metric", "gini"))[:2] == ["gini_listed", "gini_used"]
        assert "uses_change" in await rig.choices("method", "metric", "uses_change")
        assert "uses_change" not in await rig.choices("trend", "metric", "uses_change")
        assert await rig.choices("usage", "network", "rep") == ["replicate"]
        assert (await rig.choices("usage", "day", ""))[:2] == ["2025-03-10", "2025-03-09"]
        assert await rig.choices("usage", "day", "", period="week") == ["2025-03-03"]
        assert await rig.choices("usage", "day", "", network="nowhere") == []

    run(tmp_path, scenario)
