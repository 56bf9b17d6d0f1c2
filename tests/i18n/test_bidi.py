"""What runs the other way stands in isolation, in pairs, and nothing foreign can open or close one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import i18n
from bot.i18n.translator import FIRST_STRONG, POP
from bot.render import escaping


@pytest.mark.parametrize(
    ("text", "rtl", "alone"),
    [
        ("owner/model", True, True),
        ("owner/model", False, False),
        ("نموذج", True, False),
        ("نموذج", False, True),
        ("8,692,748", True, False),  # digits and their separators keep their order
        ("−4.1%", True, True),
        ("2025-01-12", True, True),
        ("12 يناير 2025", True, False),
        ("8.7 مليون", True, False),
        ("", True, False),
        ("…", True, False),
    ],
)
def test_only_what_could_reorder_its_neighbours_is_isolated(text: str, rtl: bool, alone: bool) -> None:
    assert i18n.isolate_text(text, rtl) == (f"{FIRST_STRONG}{text}{POP}" if alone else text)


def test_isolating_twice_is_isolating_once() -> None:
    once = i18n.isolate_text("owner/model", True)
    assert i18n.isolate_text(once, True) == once


@given(st.text(max_size=40), st.sampled_from(["x", "discord", "text"]), st.sampled_from(["ar", "en"]))
def test_a_foreign_name_holds_no_marks_but_ours(raw: str, outlet: str, locale: str) -> None:
    shown = escaping.escape_name(f"{FIRST_STRONG}a{raw}\u202e{POP}{POP}", outlet, locale=locale)
    inside = shown[1:-1] if shown[:1] == FIRST_STRONG else shown
    assert shown.count(FIRST_STRONG) == shown.count(POP) <= 1
    assert not set(inside) & set("\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e\u200e\u200f")
