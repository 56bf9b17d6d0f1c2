"""The ranks of a week that a digest keeps for its picture."""

from __future__ import annotations

from typing import Any

from bot.findings import rank_series
from bot.records.names import HIDDEN


def digest(*names: str, leader: str = "", share: float | None = 0.1) -> dict[str, Any]:
    """A digest whose most used models these are, led by an entry or exit of `leader`."""
    top = [{"rank": rank, "model": name, "author": "", "uses": 9, "share": share} for rank, name in enumerate(names, 1)]
    findings = [{"key": "top_ten_entry", "score": 0.5, "values": {"model": leader}}]
    return {
        "headline": {"catalogue": "models", "figure": "models_used"},
        "catalogues": [{"catalogue": "models", "top": top, "findings": findings}],
        "lead": {"form": "top", "finding": 0},
    }


def test_each_model_has_its_ranks_by_day_and_an_unknown_day_is_null_for_all() -> None:
    days = [digest("a", "b", "c"), None, digest("a", "b", share=None), digest("b", "a", "x")]
    assert rank_series(digest("c", "a", "b", leader="c"), days) == [
        {"top": 0, "ranks": [3, None, None, None, 1]},
        {"top": 1, "ranks": [1, None, None, 2, 2]},
        {"top": 2, "ranks": [2, None, None, 1, 3]},
    ]


def test_only_the_ten_most_used_and_the_model_that_leads_have_a_row() -> None:
    names = [f"m{n}" for n in range(1, 13)]
    rows = rank_series(digest(*names, leader="m12"), [digest("m12", *names[:-1])])
    assert [row["top"] for row in rows] == [*range(10), None]
    assert rows[-1]["ranks"] == [1, 12]


def test_a_hidden_model_has_no_row_and_without_an_earlier_day_there_is_none() -> None:
    assert [row["top"] for row in rank_series(digest(HIDDEN, "a", leader="a"), [digest(HIDDEN, "a")])] == [1]
    assert rank_series(digest("a", "b", leader="a"), [None, digest("a", share=None)]) == []
