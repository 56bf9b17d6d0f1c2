"""The translations are complete, have the same values as their English sentences, and agree with the code."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message

from bot import i18n, records, sources
from bot.i18n import translator
from bot.queries.network_queries import opening_paragraph
from bot.render import answer_embed, document_translation
from locales.__main__ import FORMS, TARGETS, missing, updated, written
from locales.collect import ROOT, messages
from tests.patience import PATIENCE
from tests.render import documents

UNTRANSLATED: dict[str, frozenset[str]] = {language: frozenset() for language in TARGETS}
"""Sentences that may stay English, by name, each with a reason."""

ONE_PAGE = {"number": 1, "of": 1, "first": True, "stamped": False}

# Words for numbers in Chinese: no digits, and so unseen by the lint. "One" is left out, as it is in every second
# sentence; a percentage point is named with a hundred.
CHINESE_NUMBERS = "二三四五六七八九十百千万亿"


def catalogue(language: str) -> Catalog:
    return translator.read_catalog(language)


def forms(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())  # type: ignore[arg-type]


def said(language: str) -> Iterator[Message]:
    return (message for message in catalogue(language) if message.id)


GUARD = "Uses of different networks are different things, so only shares, counts of models and changes are compared."
"""A sentence of `templates/comparison.j2`."""


@pytest.fixture(scope="module")
def wanted() -> Catalog:
    """The messages of the code and the templates; collected once, and not changed."""
    return messages()


@pytest.mark.parametrize("language", TARGETS)
def test_every_sentence_is_translated(language: str, wanted: Catalog) -> None:
    assert set(missing(updated(language, wanted))) == UNTRANSLATED[language]


@pytest.mark.parametrize("language", TARGETS)
def test_catalogues_are_in_step_with_the_code(language: str, wanted: Catalog) -> None:
    text = written(language, updated(language, wanted))
    assert translator.po_path(language).read_bytes() == text, "run: make words"


def test_a_changed_sentence_is_noticed_and_loses_its_translation(wanted: Catalog) -> None:
    wanted = copy.deepcopy(wanted)
    (old,) = [message for message in wanted if message.id == GUARD]
    wanted.delete(old.id)
    wanted.add("Uses of networks differ.", locations=old.locations)
    assert missing(updated("vi", wanted)) == ["Uses of networks differ."]


def test_the_command_says_what_is_not_in_step(tmp_path: Path) -> None:
    for folder in ("bot", "templates", "locales"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    template = tmp_path / "templates" / "comparison.j2"
    template.write_text(template.read_text().replace(GUARD, "Uses of networks differ."))
    call = [sys.executable, "-m", "locales", "--check"]
    completed = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    untranslated = {(language, sentence) for language in TARGETS for sentence in UNTRANSLATED[language]}
    untranslated |= {(language, "Uses of networks differ.") for language in TARGETS}
    steps = {f"{path}: is not in step with the code; run: python -m locales" for path in tmp_path.rglob("*.po")}
    wanted = {f"{language}: not translated: {sentence[:100]}" for language, sentence in untranslated} | steps
    assert completed.returncode == 1 and len(steps) == len(TARGETS)
    assert set(completed.stdout.splitlines()) == wanted, "nothing else is out of step"


@pytest.mark.parametrize("language", TARGETS)
def test_no_translation_holds_a_number_that_its_sentence_does_not(language: str) -> None:
    wrong = [message.id for message in said(language) if not translator.has_same_digits(message)]
    assert wrong == []
    if language == "zh-CN":
        spelled = [
            form
            for message in said(language)
            for form in forms(message.string)
            if set(form.replace("百分点", "")) & set(CHINESE_NUMBERS)
            and not re.search("two|ten|hundred", " ".join(forms(message.id)))
        ]
        assert spelled == []


@pytest.mark.parametrize("invented", ["7 agents", "٧ agents", "７ agents", "Ⅶ agents"])
def test_a_translation_with_another_number_is_not_taken(invented: str) -> None:
    assert not translator.has_same_digits(Message("agents", invented))
    assert translator.has_same_digits(Message("7 agents", "٧ وكلاء"))


@pytest.mark.parametrize("language", TARGETS)
def test_translations_set_in_the_same_parts(language: str) -> None:
    def parts(text: str) -> set[str]:
        return set(re.findall(r"%\(\w+\)s|\{\w+\}", text))

    for message in said(language):
        wanted = [parts(form) for form in forms(message.id)]
        for form in forms(message.string):
            assert re.fullmatch(r"(?:[^%]|%%|%\(\w+\)s)*", form) or "%(" not in message.id[0], (message.id, form)
            assert parts(form) <= set().union(*wanted), (message.id, form)
        if isinstance(message.id, str):
            assert parts(str(message.string)) == wanted[0], message.id


@pytest.mark.parametrize("language", TARGETS)
def test_every_plural_has_as_many_forms_as_the_language(language: str) -> None:
    wanted = int(FORMS[language].partition("nplurals=")[2][0])
    assert catalogue(language).num_plurals == wanted
    for message in said(language):
        if not isinstance(message.id, str):
            assert len(forms(message.string)) == wanted, message.id


def test_arabic_has_six_forms() -> None:
    speech = i18n.translator_for("ar")
    texts = [
        speech.translate_plural_word("unit", "{n} model", "{n} models", n).format(n=n)
        for n in (0, 1, 2, 3, 11, 100, 1.5)
    ]
    assert texts == ["0 نموذج", "نموذج واحد", "نموذجان", "3 نماذج", "11 نموذجًا", "100 نموذج", "1.5 نموذج"]
    assert [speech.translate_plural_word("unit", "{n} day", "{n} days", n) for n in (103, 111, 102)] == [
        "{n} أيام",
        "{n} يومًا",
        "{n} يوم",
    ]


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("es-ES", "es-ES"),
        ("es-419", "es-ES"),
        ("es", "es-ES"),
        ("zh-CN", "zh-CN"),
        ("zh", "zh-CN"),
        ("zh-TW", "en"),
        ("en-GB", "en"),
        ("sv-SE", "en"),
        ("ar", "ar"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_nearest_language_answers_and_english_any_other(locale: str | None, language: str) -> None:
    assert i18n.nearest_language(locale) == language
    assert i18n.translator_for(locale).language == language


def test_what_has_no_translation_is_said_in_english() -> None:
    speech = i18n.translator_for("vi")
    assert not speech.has_translation("Nobody ever wrote this.")
    assert speech.say("Nobody ever wrote {this}.", this=1) == "Nobody ever wrote 1."
    assert speech.translate_text("") == ""


def test_help_reads_no_catalogue() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from bot.cli import cli; "
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0; "
        "sys.exit(any(name.startswith('babel') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=PATIENCE).returncode == 0


# --- sentences of documents ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", documents.STEMS)
@pytest.mark.parametrize("language", TARGETS)
def test_every_sentence_of_recorded_digests_is_known(stem: str, language: str) -> None:
    for block in documents.recorded(stem)["catalogues"]:
        held = [*block["gaps"]]
        for figure in block["figures"].values():
            held += [figure["label"], *([figure["unknown"]] if figure["value"] is None else [])]
        unknown = [entry for entry in held if document_translation.translate_sentence(entry, language) is None]
        assert unknown == []


@pytest.mark.parametrize("network", sources.network_names())
@pytest.mark.parametrize("language", TARGETS)
def test_about_opens_in_every_language(network: str, language: str) -> None:
    first = opening_paragraph(sources.methodology_text(sources.load_module(network)))
    answer = {"question": "about", "metrics": 3}
    facts = {"rows": [{"title": "A network", "opening": first}], "commands": [], "page": ONE_PAGE, "definition": ""}
    field = answer_embed(answer, facts, locale=language)["fields"][0]
    assert field["value"] == i18n.translator_for(language).translate_text(first) != first


def test_sentences_in_one_are_translated_one_by_one() -> None:
    missing, known = (
        records.message("{name}: no such network", name="nowhere"),
        records.message("known: {rest}", rest="replicate"),
    )
    text = records.join_messages([missing, known, records.message("did_you_mean", name="replicate")])
    assert text == "nowhere: no such network; known: replicate; did you mean replicate?"
    assert (
        document_translation.translate_to_text(text, "es-ES")
        == "nowhere: no existe esa red; conocidas: replicate; ¿querías decir replicate?"
    )
    day = date(2025, 3, 7)
    message = records.message("reason_of_day", date=day, reason=records.message("no_reading", day=day))
    assert document_translation.translate_to_text(message, "es-ES") == (
        "7 de marzo de 2025: sin lectura al final del 7 de marzo de 2025"
    )
