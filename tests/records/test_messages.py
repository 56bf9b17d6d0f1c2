"""Reasons and gaps as codes with parameters: made in English, stored as JSON, shown in every language."""

from __future__ import annotations

import ast
import json
import pickle
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot import charts, i18n, render
from bot.archive import Archive
from bot.records import Message, collect_messages, join_messages, message, message_parts, restore_messages
from bot.records.messages import DAYS, MESSAGES, NOUNS
from bot.records.names import NameMask
from bot.render import document_translation, escaping, page_layout
from bot.render.page_layout import DigestPage, NetworkPage, SiteContext
from bot.store import Store, verdicts
from locales.__main__ import TARGETS
from tests.render import documents

ROOT = Path(__file__).parents[2]
SCHEMA_1 = ROOT / "tests" / "data" / "digests" / "schema-1.json"
"""A digest as the first version of documents had it: no `schema`, no `reasons`, counts without separators."""
SVGS = {"models": {"usage": "", "concentration": "", "uses": ""}}
SITE = SiteContext([NetworkPage("replicate", "Replicate", "")], {}, charts.trend_svg, datetime(2025, 2, 1, tzinfo=UTC))


def sample_params(template: str) -> dict[str, Any]:
    """Parameters of every kind for a template, none of them like another."""
    sample_params: dict[str, Any] = {}
    for place, name in enumerate(re.findall(r"\{(\w+)\}", template)):
        if name in DAYS:
            sample_params[name] = date(2025, 1, 14 + place)
        elif name == "reason":
            sample_params[name] = message("not_listed")
        elif name in ("n", "m", "percent", *NOUNS):
            sample_params[name] = 1234 + place
        else:
            sample_params[name] = {"unit": "runs", "word": "claimed", "time": "10:30"}.get(name, f"zz{name}")
    return sample_params


def codes_in(path: Path) -> Iterator[str]:
    """What could be codes in a module: its texts, and those with a part that is put in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.escape(node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else None for part in node.values)
            pattern = "".join(r"\w+" if part is None else re.escape(str(part)) for part in parts)
            if re.match(r"[a-z]+_", pattern):
                yield pattern


OF_EARLIER_RECORDS = {"listing_time_unknown", "single_snapshot_model", "single_snapshot_models"}
"""Codes that only documents on nights of the npm package hold."""


def test_every_template_is_used_and_every_code_has_one() -> None:
    modules = [path for path in (ROOT / "bot").rglob("*.py") if path.name != "messages.py"]
    patterns = {pattern for path in modules for pattern in codes_in(path)}
    used = re.compile("|".join(pattern for pattern in patterns if re.fullmatch(r"[a-z0-9_+\\]+", pattern)))
    assert {code for code in MESSAGES if not used.fullmatch(code)} == OF_EARLIER_RECORDS
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "message":
                options = [node.args[0].body, node.args[0].orelse] if isinstance(node.args[0], ast.IfExp) else node.args
                for option in options:
                    known = not isinstance(option, ast.Constant) or option.value in MESSAGES or " " in str(option.value)
                    assert known, (path.name, ast.unparse(option))


@pytest.mark.parametrize("language", TARGETS)
@pytest.mark.parametrize("code", MESSAGES)
def test_every_language_fills_every_template(code: str, language: str) -> None:
    params = sample_params(MESSAGES[code])
    sentence = document_translation.translate_sentence(message(code, **params), language)
    assert sentence is not None
    text = "".join(translated_span.text for translated_span in sentence)
    assert not re.search(r"[{}]", text)
    foreign = [value for value in params.values() if isinstance(value, str) and value.startswith("zz")]
    assert sorted(translated_span.text for translated_span in sentence if translated_span.foreign) == sorted(foreign)
    if any(name in params for name in ("n", "m", "models")):
        assert "1,23" in text or "1.23" in text


def test_english_words_have_separators_nouns_and_days() -> None:
    assert message("watched_days", n=1234, m=5678) == "watched for 1,234 of 5,678 days"
    assert message("counter_fell", models=1) == "the counter of 1 model fell, so its use is not known"
    assert message("list_short", percent=12, day=date(2025, 1, 7)) == "the list came 12% short at the end of 7 Jan 2025"
    assert message("leaves_bad_signature", leaves=1) == "1 leaf with a signature that does not check out."


def test_a_message_is_its_text_and_keeps_what_it_was_made_of() -> None:
    message_text = message(
        "reading_left_out", reason=join_messages([message("no_reading", day=date(2025, 1, 2)), "theirs"])
    )
    for kept in (str(message_text), pickle.loads(pickle.dumps(message_text)), ValueError(message_text).args[0]):
        assert isinstance(kept, Message)
        assert (kept, kept.code, kept.params["reason"].params["parts"][0].code) == (
            "A reading is left out: no reading at the end of 2 Jan 2025; theirs.",
            "reading_left_out",
            "no_reading",
        )
    assert document_translation.translate_to_text(message_text, "tr") == (
        "Bir okuma dışarıda bırakıldı: 2 Ocak 2025 sonunda okuma yok; theirs."
    )


def test_a_document_has_its_messages_again_after_json() -> None:
    gap = message("counters_came_back", models=3, day=date(2025, 1, 2))
    document = {"gaps": [gap, "theirs"], "figures": {"uses": {"unknown": message("no_use")}}}
    kept = {**document, "reasons": collect_messages(document)}
    assert set(kept["reasons"]) == {gap, "not defined: no use"}
    again = restore_messages(json.loads(json.dumps(kept)))
    assert again == kept
    assert again["gaps"][0].params == {"models": 3, "day": date(2025, 1, 2)}
    assert again["figures"]["uses"]["unknown"].code == "no_use" and type(again["gaps"][1]) is str


@pytest.mark.parametrize("kept", [1, [], {}, {"code": "no_use"}, {"code": 1, "params": 2}, {"params": {"day": "x"}}])
def test_a_table_of_reasons_that_is_none_leaves_the_words(kept: object) -> None:
    document = restore_messages({"gaps": ["a gap"], "reasons": {"a gap": kept}})
    assert document["gaps"] == ["a gap"] and type(document["gaps"][0]) is str


@pytest.mark.parametrize("unknown", [("of_the_future", {}), ("watched_days", {"n": 1}), ("watched_days", {})])
def test_a_code_or_parameters_of_another_version_are_shown_in_english(unknown: tuple[str, dict[str, int]]) -> None:
    assert escaping.escape_text(Message("watched for a while", *unknown), "text", locale="tr") == "watched for a while"


def test_hidden_names_are_taken_out_of_parameters_too() -> None:
    gap = message("named_by_sender", n=2, unit="inferences", rest="acme/bear 2")
    shown = NameMask.from_names(["acme/bear"]).mask_text(gap, ())
    assert "acme" not in shown and "acme" not in json.dumps(collect_messages([shown]))
    assert isinstance(shown, Message) and shown.params["rest"] == "a hidden model 2"


def test_notes_are_taken_apart_as_they_were_joined() -> None:
    day = message("hub_read_at", time="10:30", day=date(2025, 1, 2))
    assert list(message_parts(join_messages(["one", "", day], "\n"))) == ["one", day]
    assert list(message_parts(day)) == [day] and list(message_parts("one\ntwo")) == ["one", "two"]
    assert join_messages([day]) is day and join_messages([]) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "as an earlier version kept it",
        '{"text": broken',
        "[1]",
        '{"text": "x"}',
        message("list_empty", day=date(2025, 1, 2)),
    ],
)
def test_a_column_keeps_a_message_and_reads_plain_texts_as_they_are(db: Store, text: str) -> None:
    column = verdicts.c.fault
    with db.read_transaction() as connection:
        (kept,) = connection.execute(sa.select(sa.literal(text, column.type).label("kept"))).one()
    assert kept == ("x" if text == '{"text": "x"}' else text)
    assert not isinstance(text, Message) or (kept.code, kept.params) == (text.code, text.params)


@pytest.mark.parametrize("locale", ["en", "tr"])
def test_a_document_of_the_first_schema_is_still_shown(locale: str) -> None:
    kept = json.loads(SCHEMA_1.read_text(encoding="utf-8"))
    assert "schema" not in kept and "reasons" not in kept
    document = restore_messages(kept)
    options = render.PostRenderOptions(locale, ())
    tweet, embed = (render.build_post(document, outlet, options) for outlet in ("x", "discord"))
    gap = "between 3781 and 3802 models were listed at the end of 14 Jan 2025"
    assert any("Replicate" in part for part in tweet.parts) and gap in json.dumps(embed.embed)
    label = "models added" if locale == "en" else "eklenen modeller"
    assert escaping.escape_text("models added", "text", locale=locale) == label
    shown = DigestPage(document, {"models": gap}, SVGS)
    pages = dict([page_layout.issue_page(SITE, shown, "", (None, None)), *page_layout.issue_downloads(shown)])
    page = pages["replicate/2025-01-15/index.html"].decode()
    assert gap in page and json.loads(pages["replicate/2025-01-15/digest.json"]) == kept


def test_the_archive_writes_the_second_schema_with_its_reasons(db: Store) -> None:
    archive, document = Archive(db), documents.recorded("day-2025-01-15")
    archive.save_digest({**document, "reasons": {}})
    again = archive.newest_digest("replicate")
    assert again is not None and again["schema"] == 2
    assert again["reasons"] == document["reasons"]
    words = {text for block in again["catalogues"] for text in block["gaps"] if isinstance(text, Message)}
    assert words and all(escaping.escape_text(text, "text", locale="tr") != text for text in words)
    unknown = [trend.unknown for trend in archive.figure_trend("replicate", "models", "models_added")]
    assert [document_translation.translate_to_text(str(text), "tr") for text in unknown] == [
        "14 Ocak 2025 sonunda 3.781 ile 3.802 arasında model listeleniyordu"
    ]


def test_words_of_strangers_stay_as_they_are() -> None:
    for language in i18n.LANGUAGES:
        for text in ("Buy tokens at 7 Mar 2025", "watched for 8 of 60 days", "the counter of {unit} fell"):
            assert document_translation.translate_sentence(text, language) is None
