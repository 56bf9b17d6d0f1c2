"""The index of the search: whatever beginning of a word is sought, the file that is read has the right names."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.render import search_index
from bot.render.search_index import SearchEntry, node_file, words_of
from tests import hostile

PLACES = ({"network": "n", "title": "N", "kind": "model", "folder": "n/models/models"},)
NAMES = st.lists(st.text(alphabet="abAB1-/é模 _", min_size=1, max_size=8), max_size=60)


def built(names: list[str]) -> search_index.SearchIndex:
    entries = [SearchEntry(0, name, f"page-{number}") for number, name in enumerate(names)]
    return search_index.search_index(PLACES, entries)


def expected(names: list[str], text: str) -> list[str]:
    sought = words_of(text)
    return [n for n in names if sought and all(any(w.startswith(s) for w in words_of(n)) for s in sought)]


@given(NAMES, st.text(alphabet="abAB1-é模 ", max_size=4))
def test_a_search_finds_every_name_with_such_words_or_says_that_there_may_be_more(names: list[str], text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_index, "MOST", 3)
        found, more = built(names).find(text)
    wanted = expected(names, text)
    shown = [entry.name for entry in found]
    assert shown == wanted[: len(shown)] or more
    assert set(shown) <= set(wanted)
    assert more or shown == wanted


@given(NAMES)
def test_every_file_is_bounded_and_has_a_name_that_is_safe(names: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_index, "MOST", 3)
        index = built(names)
        for node in index.nodes:
            rows = json.loads(index.node_bytes(node))
            assert len(rows) <= 3
            assert re.fullmatch(r"search/(all|in-[a-z0-9_]+)\.json", node_file(node))
    assert len({node_file(node) for node in index.nodes}) == len(index.nodes)


def test_files_of_different_letters_have_different_names() -> None:
    assert node_file("α2") != node_file("㬒") and node_file("") != node_file("all")


def test_the_most_used_of_many_names_come_first_and_more_letters_find_the_others() -> None:
    names = [f"author/model-{number:04}" for number in range(2000)]
    index = built(names)
    found, more = index.find("model")
    assert more and [entry.name for entry in found] == names[: search_index.MOST]
    found, more = index.find("model 1999")
    assert [entry.name for entry in found] == ["author/model-1999"] and not more
    assert index.find("models") == ([], False)


def test_names_are_found_without_case_and_accents_and_hostile_names_by_their_words() -> None:
    index = built(["Café/Ünïcode-ONE", *hostile.NAMES.values()])
    assert [entry.name for entry in index.find("cafe unicode")[0]] == ["Café/Ünïcode-ONE"]
    assert "<script>alert(1)</script>" in [entry.name for entry in index.find("alert")[0]]
    assert index.find("…!?") == ([], False)
