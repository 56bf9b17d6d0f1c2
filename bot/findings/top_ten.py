"""Claims about the ten most used models of a day: who came from far below, who left for far below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import ClassVar

from bot.findings.claim import (
    FindingInput,
    ScoredClaim,
    author_of,
    is_named,
    looks_at,
    model_name,
    named_flows,
    usage_rank,
)
from bot.metrics.registry import DAY_ONLY
from bot.records import PeriodData

TOP = 10
OUTSIDE = 20
"""Entries count from beyond this rank, and exits to beyond it: between, ranks change every day."""


@dataclass(frozen=True, slots=True)
class TopTenEntry:
    """A model among the ten most used that was beyond the first twenty on the day before."""

    key: ClassVar[str] = "top_ten_entry"
    model: str
    author: str
    day: date
    rank: int
    uses: int
    rank_before: int
    before: int

    def holds(self, book: PeriodData) -> bool:
        flows = named_flows(book)
        return flows is not None and any(
            (self.uses, self.before) == (flows[0].by_model[model], before)
            and (self.rank, self.rank_before) == (usage_rank(flows[0], self.uses), usage_rank(flows[1], before))
            and self.rank <= TOP < OUTSIDE < self.rank_before
            and self.uses >= 2 * before
            and book.period.last == self.day
            and is_named(self.model, (model_name(book, model),))
            for model, before in flows[1].by_model.items()
            if model in flows[0].by_model
        )


@dataclass(frozen=True, slots=True)
class TopTenExit:
    """A model beyond the first twenty that was among the ten most used on the day before."""

    key: ClassVar[str] = "top_ten_exit"
    model: str
    author: str
    day: date
    rank: int
    uses: int
    rank_before: int
    before: int

    def holds(self, book: PeriodData) -> bool:
        flows = named_flows(book)
        return flows is not None and any(
            (self.uses, self.before) == (uses, flows[1].by_model[model])
            and (self.rank, self.rank_before) == (usage_rank(flows[0], uses), usage_rank(flows[1], self.before))
            and self.rank_before <= TOP < OUTSIDE < self.rank
            and self.before >= 2 * uses
            and book.period.last == self.day
            and is_named(self.model, (model_name(book, model),))
            for model, uses in flows[0].by_model.items()
            if model in flows[1].by_model
        )


@looks_at(DAY_ONLY)
def find_top_ten_changes(page: FindingInput) -> Iterator[ScoredClaim]:
    """Models that came into the ten most used from far below, or left them for far below."""
    book, flows = page.book, named_flows(page.book)
    if flows is None or min(len(flow.by_model) for flow in flows) <= OUTSIDE:
        return
    now, then = flows
    for kind, here, there in ((TopTenEntry, now, then), (TopTenExit, then, now)):
        best = sorted(here.by_model, key=lambda model: (-here.by_model[model], model))[:TOP]
        for model in best:
            uses, other = here.by_model[model], there.by_model.get(model, 0)
            rank, far = usage_rank(here, uses), usage_rank(there, other)
            if other and rank <= TOP and far > OUTSIDE and uses >= 2 * other:
                numbers = (rank, uses, far, other) if kind is TopTenEntry else (far, other, rank, uses)
                claim = kind(model_name(book, model), author_of(book, model), book.period.last, *numbers)
                yield ScoredClaim((0.35 if kind is TopTenEntry else 0.3) + 0.35 / sqrt(rank), claim)
                break
