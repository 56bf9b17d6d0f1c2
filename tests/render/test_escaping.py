"""Hostile names stay names on every outlet."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot import outlets, x_text
from bot.records.names import NameMask
from bot.render import escaping
from tests.hostile import NAMES

TEMPLATES = ("a {} b", "{}", "({})", "x {}.", "{}, which", "runs:{}")
BITING = st.text(alphabet="@#$＠＃.．。:/<>_*~|`[]()\\-+!&%{}= \u200b\u202eabcioTAG19é例عر\n👍\u0301", max_size=30)

# Discord's own syntax, written down anew: every one of them must be broken by a backslash or another character.
DISCORD_LIVE = re.compile(
    r"@(everyone|here)|<@[!&]?\d+>|<#\d+>|</[\w -]+:\d+>|<t:-?\d+(:\w)?>|<a?:\w+:\d+>|<id:\w+>"
    r"|https?://\S|(?<!\\)[*_~|`]|(?<!\\)\[|(?<!\\)<|(?<!\\)>|^\s*#|^\s*-|^\s*\d+\. |(?<!\\):\w+:",
    re.MULTILINE,
)


def bare(text: str) -> str:
    """The text with escaped backslashes replaced, since they are visible and escape nothing."""
    return text.replace("\\\\", "·")


def x_entities(text: str) -> list[str]:
    signs = re.findall(r"[@\uff20#\uff03]|\$[A-Za-z]", text)
    return [*(url.text for url in x_text.find_urls(text)), *signs]


@pytest.mark.parametrize("kind", NAMES)
def test_x_finds_nothing_to_link_in_a_hostile_name(kind: str) -> None:
    for around in TEMPLATES:
        assert x_entities(around.format(escaping.escape_name(NAMES[kind], "x"))) == []
        assert x_entities(around.format(escaping.escape_text(NAMES[kind], "x"))) == []


@given(BITING, st.sampled_from(TEMPLATES))
def test_x_finds_nothing_to_link_in_any_name(raw: str, around: str) -> None:
    text = around.format(escaping.escape_name(raw, "x"))
    assert x_entities(text) == []
    assert x_text.possible_entities(text) == []


@pytest.mark.parametrize("kind", NAMES)
def test_discord_finds_nothing_to_act_on_in_a_hostile_name(kind: str) -> None:
    for text in (escaping.escape_name(NAMES[kind], "discord"), escaping.escape_text(NAMES[kind], "discord")):
        assert not DISCORD_LIVE.search(bare(text)), text


@given(BITING)
@example("\\-")
def test_discord_finds_nothing_to_act_on_in_any_name(raw: str) -> None:
    text = escaping.escape_name(raw, "discord")
    assert not DISCORD_LIVE.search(bare(text)), text


def test_the_patterns_these_tests_look_for_are_there_before_escaping() -> None:
    live = [kind for kind, raw in NAMES.items() if DISCORD_LIVE.search(raw) or x_entities(raw)]
    assert len(live) > 30
    assert x_entities("see foo.io") == ["foo.io"]


@pytest.mark.parametrize("outlet", ["text", "site", *outlets.posting_outlets()])
@pytest.mark.parametrize("kind", NAMES)
def test_no_name_breaks_a_line_hides_a_character_or_grows_long(kind: str, outlet: str) -> None:
    text = escaping.escape_name(NAMES[kind], outlet)
    assert text.strip()
    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn"} or c in "\u2028\u2029" for c in text)
    assert not set(text) & set("\u200b\u200d\u202e\u2060\ufeff\u2066")
    assert text.count("\u2068") == text.count("\u2069") <= 1
    assert unicodedata.category(text[0])[0] != "M"
    if outlet == "x":
        assert x_text.weighted_length(text) <= escaping.NAME_LIMIT + 5
    assert len(text) <= escaping.NAME_LIMIT * 5


@given(st.text(max_size=80))
def test_a_shown_name_is_within_its_limit_on_x(raw: str) -> None:
    # Isolates and substitutes (at for @) come on top: bounded by what one sign may become.
    assert x_text.weighted_length(escaping.escape_name(raw, "x", limit=20)) <= 20 * 4 + 4


@pytest.mark.parametrize("raw", ["owner/flux-1.1-pro", "meta/meta-llama-3-8b-instruct", "a_b/c v2.0"])
def test_an_ordinary_name_is_shown_as_it_is(raw: str) -> None:
    assert escaping.escape_name(raw, "x") == raw
    assert escaping.escape_name(raw, "text") == raw
    assert escaping.escape_name(raw, "discord").replace("\\", "") == raw


def test_pages_hold_no_markup_from_a_name() -> None:
    for raw in NAMES.values():
        assert not re.search(r"[<>\"']", escaping.escape_name(raw, "site"))


def test_an_empty_name_and_a_name_of_marks_only_are_said_in_words() -> None:
    for raw in ("", "  ", "\u0301\u0302", "\u200b"):
        assert escaping.escape_name(raw, "x") == escaping.NAMELESS


def test_a_hidden_name_is_hidden_alone_and_inside_our_own_words() -> None:
    hidden = NameMask.from_names(["owner/secret", "shy"])
    assert (
        escaping.escape_name("owner/secret", "x", hidden)
        == escaping.escape_name("shy/one", "x", hidden)
        == escaping.HIDDEN
    )
    assert escaping.escape_text("No use of owner/secret.", "x", hidden) == "No use of a hidden model."
    assert escaping.escape_text("Use of shy/one, shy/two. None of bashy/x, shyly.", "text", hidden) == (
        "Use of a hidden model, a hidden model. None of bashy/x, shyly."
    )


def test_right_to_left_text_cannot_reorder_the_numbers_beside_it() -> None:
    assert escaping.escape_name("عربي", "discord") == "\u2068عربي\u2069"
