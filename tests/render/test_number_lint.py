"""No template can publish a number that no figure backs."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import i18n
from bot.render import PostRenderOptions, build_post, environment, preview_text, text_blocks, traced_values
from bot.render.text_blocks import LintError
from tests.render import documents

FACTS: dict[str, Any] = {
    "a": 3783,
    "b": 929,
    "ratio": 0.5,
    "nothing": None,
    "label": "runs in 7 days",
    "model": "owner/flux-1.1",
    "figure": {"value": 929, "unit": "models", "label": "models used"},
    "unknown": {"value": None, "unknown": "no reading", "unit": "models", "label": "models used"},
    "day": "2025-01-12",
    "rows": [1, 2, 3],
}


def said(template: str, outlet: str = "x", **more: Any) -> str:
    facts = {key: traced_values.trace_values(value) for key, value in {**FACTS, **more}.items()}
    text = environment.get_environment(outlet).from_string(template).render(facts)
    return text_blocks.lint_text(text, "test.j2", html=outlet == "site")


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("{{ b | number }} of {{ a | number }}", "929 of 3,783"),
        ("{{ figure | figure }}, {{ figure | measured }}", "929, 929 models"),
        ("{{ unknown | figure }}", "unknown"),
        ("{{ day | day }}", "12 January 2025"),
        ("{{ model | name }}", "owner/flux-1.1"),
        ("{{ label | said }}", "runs in 7 days"),
        ('{{ "top 10" | constant }}', "top 10"),
        ("{{ rows | max | number }}", "3"),
        ("two of three", "two of three"),
        ("{% if a > 100 %}many{% endif %}", "many"),
        ("{% macro m(x) %}{{ x | number }}!{% endmacro %}{{ m(b) }}", "929!"),
        ("{% set x = b %}{{ x | counted('models') }}", "929 models"),
    ],
)
def test_what_stands_in_the_document_may_be_said(template: str, wanted: str) -> None:
    assert said(template) == wanted


@pytest.mark.parametrize("outlet", ["x", "discord", "text", "site"])
@pytest.mark.parametrize(
    "template",
    [
        "{{ (a - b) | number }}",
        "{{ (a + b) | number }}",
        "{{ (a * 2) | number }}",
        "{{ (b / a) | share }}",
        "{{ (-a) | number }}",
        "{{ rows | length | number }}",
        "{{ 5 | number }}",
        "{{ 0.5 | share }}",
        "{% for r in rows %}{{ loop.index | number }}{% endfor %}",
        "{{ a }}",
        "{{ ratio }}",
        "{{ nothing | number }}",
        "{{ nothing }}",
        "about 3000 models",
        "{{ '5 models' }}",
        "٣ models",
        "x² and ½",
        "Ⅷ",
        "{{ label | word }}",
        "{{ ('7' ~ label) | constant }}",
        "{{ label | constant }}",
        "{{ '2025-01-12' | day }}",
        "{{ 'owner/7' | name }}",
        "{{ '{}'.format(a) | constant }}",
        "{{ '%d' % a }}",
        "{{ {'value': 5, 'unit': 'models'} | figure }}",
        "{{ model | day }}",
    ],
)
def test_what_a_template_makes_is_refused(template: str, outlet: str) -> None:
    with pytest.raises(LintError):
        said(template, outlet)


@pytest.mark.parametrize("template", ["{{ model }}", "{{ label }}"])
def test_a_name_without_its_filter_is_refused(template: str) -> None:
    with pytest.raises(LintError, match="wanted a filter"):
        said(template)


def test_the_refusal_names_the_template_and_the_digits() -> None:
    with pytest.raises(LintError, match=r"test\.j2: found 4 ٢ in 'half of 4٢ models'"):
        said("one\nhalf of 4٢ models")


@pytest.mark.parametrize("way", ["name", "said"])
def test_forged_marks_in_foreign_text_let_nothing_through(way: str) -> None:
    forged = "x\ue001 5 \ue000y\ue001\ue010"
    assert said(f"{{{{ evil | {way} }}}}", evil=forged) == "x 5 y"
    with pytest.raises(LintError, match="found 5"):
        said("{{ evil | word }}", evil="\ue0005\ue001")
    with pytest.raises(LintError, match="found 5"):
        said("{{ evil }}", "site", evil="\ue0005\ue001")


def test_marks_inside_marked_text_are_dissolved() -> None:
    assert text_blocks.lint_text(text_blocks.mark_text("a\ue001 5 \ue000b"), "test.j2") == "a 5 b"


@pytest.mark.parametrize("text", ["\ue0005", "5\ue001", "\ue000\ue0005\ue001\ue001"])
def test_a_mark_without_its_partner_is_refused(text: str) -> None:
    with pytest.raises(LintError):
        text_blocks.lint_text(text, "test.j2")


def test_an_undefined_value_is_an_error() -> None:
    from jinja2 import UndefinedError

    with pytest.raises((UndefinedError, LintError)):
        said("{{ missing }}")
    with pytest.raises((UndefinedError, LintError)):
        said("{{ missing | figure }}")


def test_a_page_may_hold_digits_in_its_markup_and_not_in_its_prose() -> None:
    page = '<h1 id="d5"><a href="/2025/">{{ b | number }}</a></h1><style>p { margin: 2em }</style>'
    assert said(page, "site").startswith('<h1 id="d5"><a href="/2025/">929</a>')
    for stray in ("<p>5</p>", '<img alt="5 models">', "<p>&#53;</p>", '<a title="5">x</a>', '<img ALT="5 models">'):
        with pytest.raises(LintError, match="found 5"):
            said(stray, "site")


MARKUP = (
    *(
        "5",
        "٢",
        "½",
        "&#53;",
        "&frac12;",
        "&",
        "<",
        ">",
        '"',
        "'",
        "=",
        " ",
        "/",
        "a",
        "\n",
        "<p>",
        "</p>",
        "<!--",
        "-->",
    ),
    *("<b ", "alt=", "ALT=", "title", "class=", '="5"', "=5", '<meta name="description" content="', "<title>"),
    *("<!--", "-->", "<script>", "</script>", "<style>", "</style>"),
)


@given(st.lists(st.sampled_from(MARKUP), max_size=12))
def test_the_quick_look_at_a_page_never_passes_what_the_parser_refuses(pieces: list[str]) -> None:
    page = "".join(pieces)
    if not text_blocks._may_speak_digits(page):
        reader = text_blocks._Prose()
        reader.feed(page)
        reader.close()
        assert not any(unicodedata.category(c) in ("Nd", "Nl", "No") for c in "".join(reader.texts)), page


def test_the_quick_look_is_enough_for_a_usual_page() -> None:
    page = '<!doctype html><html lang="en"><!--slot chart--><h1 class="h1" id="d5">Use &amp; more</h1><br/></html>'
    assert not text_blocks._may_speak_digits(page) and text_blocks._may_speak_digits(page.replace("Use", "5"))


def test_pages_escape_names_and_words() -> None:
    assert said("{{ evil | name }}{{ evil }}", "site", evil="<b>&") == "&lt;b&gt;&amp;&lt;b&gt;&amp;"


def test_a_template_is_compiled_once_for_all_languages_and_outlets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiled: list[str | None] = []
    real = environment._Environment._parse

    def parse(words: Any, source: str, name: str | None, filename: str | None) -> Any:
        compiled.append(name)
        return real(words, source, name, filename)

    monkeypatch.setattr(environment._Environment, "_parse", parse)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    environment._COMPILED[False].clear()
    digest = documents.recorded("day-2025-01-12")
    for language in i18n.LANGUAGES:
        environment.get_environment.cache_clear()
        for outlet in ("x", "discord"):
            assert preview_text(build_post(digest, outlet, PostRenderOptions(language)))
    assert "sentences.j2" in compiled and len(compiled) == len(set(compiled))


def test_a_mapping_of_the_document_is_marked_value_by_value_and_not_changed() -> None:
    point = {"uses": 3, "rank": 1, "at_least": True}
    document = {"top": [point], "curve": [[1, 0.5]]}
    traced = traced_values.trace_values(document)
    row = traced["top"][0]
    assert [type(value) for value in row.values()] == [traced_values.LeastWhole, traced_values.TracedInt, bool]
    assert dict(row) == point and list(traced) == ["top", "curve"] and len(traced) == 2 and "figures" not in traced
    assert row.get("uses") is row["uses"] and row.get("share") is None
    assert [type(value) for value in traced["curve"][0]] == [traced_values.TracedInt, traced_values.TracedFloat]
    assert [type(value) for value in point.values()] == [int, int, bool]
