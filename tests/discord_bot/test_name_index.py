"""Autocomplete over names that are listed here."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import ledger, store
from bot.discord_bot.chart_cache import ChartCache
from bot.discord_bot.context import ASKERS_KEPT, Cooldowns
from bot.discord_bot.name_index import IndexedModel, ModelNameIndex, RefreshingNameIndex, closest_keys
from bot.discord_bot.presenter import LONGEST_ID, Query, button_id
from bot.records import Picture, SafeName
from tests import query_contexts
from tests.worlds import CATALOGUE, START, snapshot

ONE = timedelta(days=1)


def names(*models: str) -> ModelNameIndex:
    return ModelNameIndex([IndexedModel("r", SafeName(model)) for model in models])


def offered(index: ModelNameIndex, typed: str, limit: int = 25) -> list[str]:
    return [str(match.model) for match in index.find_matches(typed, lambda _: True, limit)]


def test_nothing_typed_offers_the_most_used() -> None:
    assert offered(names("z/most", "a/second", "m/third"), "", 2) == ["z/most", "a/second"]


def test_better_matches_come_first_and_equal_ones_by_use() -> None:
    index = names("x/in-llama-side", "meta/llama-2", "llama/other", "meta/llama-3", "who/llama", "llama")
    assert offered(index, "LLaMA") == [
        "llama",
        "who/llama",
        "llama/other",
        "meta/llama-2",
        "meta/llama-3",
        "x/in-llama-side",
    ]


def test_a_typing_error_still_finds_it() -> None:
    index = names("stability/sdxl", "black-forest/flux-schnell", "openai/whisper")
    assert offered(index, "flux-shnell")[0] == "black-forest/flux-schnell"
    assert offered(index, "wisper") == ["openai/whisper"]
    assert offered(index, "qqqq") == []


def test_only_wanted_networks_are_offered() -> None:
    index = ModelNameIndex([IndexedModel("a", SafeName("x/one")), IndexedModel("b", SafeName("x/two"))])
    assert [match.model for match in index.find_matches("x", lambda indexed_model: indexed_model.network == "b")] == [
        "x/two"
    ]


@given(
    st.lists(st.text("ab/é模", min_size=1, max_size=6).map(SafeName).filter(bool), max_size=30, unique=True),
    st.text("ab/é模 ", max_size=4),
)
def test_everything_that_holds_what_was_typed_is_offered_once_and_first(models: list[SafeName], typed: str) -> None:
    index = names(*models)
    texts = offered(index, typed, 100)
    folded = SafeName(typed).casefold()
    holding = {str(model) for model in models if folded in model.casefold()}
    assert len(texts) == len(set(texts))
    assert set(texts[: len(holding)]) == holding


def test_a_token_stands_for_one_model_of_one_network() -> None:
    a, b = IndexedModel("a", SafeName("x/one")), IndexedModel("b", SafeName("x/one"))
    index = ModelNameIndex([a, b])
    assert a.token != b.token and index.by_token(a.token) == a and index.by_token(b.token) == b
    assert index.by_token("~000000000000") is None and index.by_token("x/one") is None


# --- from the ledger -----------------------------------------------------------------------------------------------


def test_names_come_by_use_of_the_last_days(db: store.Store) -> None:
    for number in range(40):
        shown = {"o/early": min(number, 3) * 1000, "o/late": number, "o/never": 0, "o/more": 2 * number}
        ledger.add_snapshot(db, snapshot(START + number * ONE, shown))
    assert ledger.names_by_use(db, CATALOGUE) == ("o/more", "o/late", "o/early", "o/never")
    assert ledger.names_by_use(db, CATALOGUE, 60) == ("o/early", "o/more", "o/late", "o/never")


def test_names_of_an_empty_ledger_are_none(db: store.Store) -> None:
    assert ledger.names_by_use(db, CATALOGUE) == () and ledger.data_version(db) == (0, 0)


def test_the_names_are_looked_up_anew_when_the_ledger_changed_and_only_then(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path) as desk:
        index = RefreshingNameIndex(desk)
        first = index.get_names()
        index.refresh()
        assert index.names is first and not any(
            indexed_model.model == query_contexts.SECRET for indexed_model in first.known
        )
        ledger.add_snapshot(
            desk.store,
            snapshot(
                query_contexts.NEWEST + ONE, {**query_contexts.counts(query_contexts.NEWEST + ONE), "new/model": 1}
            ),
        )
        index.refresh()
        assert any(indexed_model.model == "new/model" for indexed_model in index.names.known)


def test_words_are_found_by_key_or_label() -> None:
    words = {"uses": "uses", "gini_listed": "inequality over listed models (Gini)", "hhi": "concentration"}
    assert closest_keys("", words) == list(words)
    assert closest_keys("gini", words)[0] == "gini_listed" and closest_keys("concentrat", words)[0] == "hhi"


# --- cooldowns, buttons --------------------------------------------------------------------------------------------


def test_a_cooldown_lets_so_many_through_and_says_how_long_to_wait() -> None:
    cooldowns = Cooldowns((2, 10.0), (100, 10.0))
    assert [cooldowns.seconds_to_wait(1, None, at) for at in (100.0, 101.0, 102.0, 109.5)] == [0, 0, 8, 1]
    assert cooldowns.seconds_to_wait(2, None, 102.0) == 0 and cooldowns.seconds_to_wait(1, None, 110.5) == 0


def test_a_refused_question_counts_against_nobody() -> None:
    cooldowns = Cooldowns((1, 10.0), (2, 10.0))
    assert [cooldowns.seconds_to_wait(1, 7, at) for at in (100.0, 101.0, 102.0)] == [0, 9, 8]
    assert cooldowns.seconds_to_wait(2, 7, 103.0) == 0 and cooldowns.seconds_to_wait(3, 7, 103.0) == 7


def test_cooldowns_forget_the_oldest_and_stay_bounded() -> None:
    cooldowns = Cooldowns()
    for user in range(ASKERS_KEPT + 100):
        cooldowns.seconds_to_wait(user, None, 100.0)
    assert len(cooldowns._known) == ASKERS_KEPT


def test_a_question_too_long_for_a_button_gets_none() -> None:
    assert button_id(Query("compare", {"model": "x" * 60, "other": "y" * 60}), 0) is None
    text = button_id(
        Query("top", {"network": "opengradient", "by": "uses", "period": "month", "day": "2025-01-01"}), 10
    )
    assert text is not None and len(text) <= LONGEST_ID


def test_a_picture_that_is_drawn_is_had_while_another_is_drawn_and_a_new_edition_is_drawn_anew() -> None:
    threads, drawing, go = ThreadPoolExecutor(3), threading.Event(), threading.Event()
    pictures = ChartCache(lambda: threads)

    def slow() -> Picture:
        drawing.set()
        assert go.wait(120)
        return Picture("slow.png", b"", "slow")

    first = Picture("first.png", b"1", "first")
    assert pictures.get_or_draw(["card", 1], lambda: first) is first
    second = Picture("second.png", b"2", "second")
    with threads:
        both = [threads.submit(pictures.get_or_draw, ["other", 1], slow) for _ in range(2)]
        assert drawing.wait(120)
        assert pictures.get_or_draw(["card", 1], lambda: pytest.fail("drawn twice")) is first
        go.set()
        assert both[0].result(120) is both[1].result(120)
        assert pictures.get_or_draw(["card", 2], lambda: second) is second
    assert pictures.fresh == 3
