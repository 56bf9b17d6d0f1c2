"""The addresses of pages: safe in every file system, stable, and each its own."""

from __future__ import annotations

import re
import unicodedata
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.records.entity_pages import EntityPages, entity_path, slug
from bot.records.names import HIDDEN
from tests import hostile

AWKWARD = (
    "..", ".", "/", "\\", "a/../../b", "CON", "nul.txt", "A", "a", "á", "ａ", "模型" * 3000, "x" * 5000, "\ud800", "",
    *hostile.NAMES.values(),
)  # fmt: skip


@pytest.mark.parametrize("name", AWKWARD)
def test_an_address_has_only_what_every_file_system_takes(name: str) -> None:
    made = slug(name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{12}", made), made
    assert len(f"{made}.html") <= 80


@given(st.text(max_size=300))
def test_any_name_has_such_an_address(name: str) -> None:
    test_an_address_has_only_what_every_file_system_takes(name)


def test_names_that_look_alike_have_addresses_of_their_own() -> None:
    names = set(AWKWARD)
    names |= {unicodedata.normalize("NFD", "á"), "meta/llama", "Meta/Llama", "meta-llama", "meta llama", "meta/llama/"}
    for first, second in combinations(sorted(names, key=repr), 2):
        assert slug(first) != slug(second), (first, second)


def test_an_address_never_changes() -> None:
    # Links from elsewhere depend on these.
    assert slug("meta/Llama 3.1") == "meta-llama-3-1-70a64e5c7395"
    assert slug("例え") == "name-5633aceb51bc"
    assert entity_path("category", "replicate", "models", "a") == "replicate/categories/models/a-ca978112ca1b"


def test_a_link_leads_only_to_a_page_that_is_there() -> None:
    pages = EntityPages(frozenset({entity_path("model", "replicate", "models", "a/b")}))
    link = f"../{entity_path('model', 'replicate', 'models', 'a/b')}.html"
    assert pages.link("model", "replicate", "models", "a/b", "../") == link
    for kind, catalogue, name in (("model", "models", "a/c"), ("author", "models", "a/b"), ("model", "others", "a/b")):
        assert pages.link(kind, "replicate", catalogue, name) == ""  # type: ignore[arg-type]


def test_a_hidden_name_has_no_link_even_where_every_name_has_a_page() -> None:
    assert EntityPages(None).link("model", "replicate", "models", "a/b")
    assert EntityPages(None).link("model", "replicate", "models", HIDDEN) == ""
    assert EntityPages(None).link("model", "replicate", "models", None) == ""
