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
class _TopTenChange:
    """A model that was among the ten most used on one of two days and beyond the first twenty on the other."""

    entered: ClassVar[bool]
    model: str
    author: str
    day: date
    rank: int
    uses: int
    rank_before: int
    before: int

    def holds(self, book: PeriodData) -> bool:
        flows = named_flows(book)
        ranks, counts = (self.rank, self.rank_before), (self.uses, self.before)
        (near, far), (more, less) = (ranks, counts) if self.entered else (ranks[::-1], counts[::-1])
        return (
            flows is not None
            and book.period.last == self.day
            and near <= TOP < OUTSIDE < far
            and more >= 2 * less
            and ranks == (usage_rank(flows[0], self.uses), usage_rank(flows[1], self.before))
            and any(
                counts == (uses, flows[1].by_model.get(model)) and is_named(self.model, (model_name(book, model),))
                for model, uses in flows[0].by_model.items()
            )
        )


@dataclass(frozen=True, slots=True)
class TopTenEntry(_TopTenChange):
    """A model among the ten most used that was beyond the first twenty on the day before."""

    key: ClassVar[str] = "top_ten_entry"
    entered: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class TopTenExit(_TopTenChange):
    """A model beyond the first twenty that was among the ten most used on the day before."""

    key: ClassVar[str] = "top_ten_exit"
    entered: ClassVar[bool] = False


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
            if not other or uses < 2 * other:
                continue
            rank, far = usage_rank(here, uses), usage_rank(there, other)
            if rank <= TOP and far > OUTSIDE:
                numbers = (rank, uses, far, other) if kind is TopTenEntry else (far, other, rank, uses)
                claim = kind(model_name(book, model), author_of(book, model), book.period.last, *numbers)
                yield ScoredClaim((0.35 if kind is TopTenEntry else 0.3) + 0.35 / sqrt(rank), claim)
                break
