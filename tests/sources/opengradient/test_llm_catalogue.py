"""The listed LLMs and their aliases."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bot.sources.opengradient.llm_catalogue import ALIASES, RETIRED, canonical_name, llm_listings

FACTS = os.environ.get("FACTS_DIR")


def test_the_registry_lists_71_models_of_which_10_make_images() -> None:
    listed = llm_listings()
    assert len(listed) == len({each.model for each in listed}) == 71
    assert sum(each.category == "image" for each in listed) == 10
    assert sorted({each.author for each in listed}) == [
        *("anthropic", "bytedance", "google", "openai", "openrouter", "x-ai", "zai")
    ]


def test_every_alias_and_every_retired_name_leads_to_a_listed_model() -> None:
    names = {each.model for each in llm_listings()}
    assert set(ALIASES.values()) <= names
    assert names >= RETIRED
    assert not names & ALIASES.keys()


@pytest.mark.parametrize(
    ("called", "known"),
    [
        ("openai/gpt-5-mini", "gpt-5-mini"),
        ("gpt-5-mini", "gpt-5-mini"),
        ("openai/gpt-4.1-2025-04-14", "gpt-4.1"),
        ("anthropic/claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("seed-1-6-250615", "seed-1.6"),
        ("tencent/hy3:floor", "hy3"),
        ("nousresearch/hermes-4-405b", "hermes-4-405b"),
        ("nobody/new-model", "nobody/new-model"),
        ("openai/new-model", "new-model"),
    ],
)
def test_a_model_has_one_name_however_it_is_called(called: str, known: str) -> None:
    assert canonical_name(called) == known


def test_a_look_alike_is_not_the_model_it_looks_like() -> None:
    assert canonical_name("openai/gpt-5\u200b-mini") != "gpt-5-mini"


def test_models_that_joined_or_left_since_are_told_by_config() -> None:
    listed = {each.model: each.author for each in llm_listings(["openai/gpt-7", "openai/gpt-5"], ["gpt-4.1-nano"])}
    assert listed["gpt-7"] == "openai"
    assert "gpt-4.1-nano" not in listed
    assert len(listed) == 71


@pytest.mark.skipif(not FACTS, reason="FACTS_DIR does not name the folder of sample vectors")
def test_the_registry_is_the_one_transcribed() -> None:
    read = json.loads((Path(FACTS or "") / "llm_registry_tee_gateway_0110742.json").read_text())
    assert {(each.model, each.author) for each in llm_listings()} == {
        (name, model["provider"]) for name, model in read["models"].items()
    }
