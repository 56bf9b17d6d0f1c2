"""Every kind of finding, and the most newsworthy ones of a digest. Each claim is counted twice before it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from bot.digest import names_of
from bot.findings import (
    extremes,
    model_activity,
    model_counts,
    movers,
    network_changes,
    period_changes,
    proven_uses,
    supply_demand,
    time_series,
    top_ten,
    week_moves,
)
from bot.findings.claim import CANDIDATES, FindingClaim, FindingInput, ScoredClaim, exact_part
from bot.metrics import FigureDocument
from bot.records import Document, PeriodData
from bot.records.names import HIDDEN, HIDDEN_AUTHOR, NameMask

MOST = 24
"""Most findings in a digest."""

KINDS: Mapping[str, type[FindingClaim]] = {
    kind.key: kind
    for kind in (
        extremes.HighestSince,
        extremes.LowestSince,
        extremes.HighestOnRecord,
        extremes.LowestOnRecord,
        time_series.Streak,
        time_series.Crossing,
        time_series.UnusualDay,
        model_activity.NewlyUsed,
        model_activity.WentIdle,
        model_activity.BecameActive,
        model_activity.NewUnused,
        model_activity.NewLeader,
        movers.ModelMove,
        movers.PassingSurge,
        week_moves.WeekMove,
        top_ten.TopTenEntry,
        top_ten.TopTenExit,
        network_changes.TotalChange,
        network_changes.UsedModelsChange,
        network_changes.MostConcentrated,
        model_counts.NewModelsUsed,
        model_counts.UseLadder,
        model_counts.UsedModelsStep,
        period_changes.PeriodMove,
        period_changes.PeriodArrivals,
        period_changes.PeriodStep,
        proven_uses.UsesStep,
        proven_uses.FirstDay,
        supply_demand.DemandGap,
        supply_demand.HalfOfUsage,
        supply_demand.TopModelOutweighs,
    )
}
"""Every kind of claim by its key; its fields are the `values` of a finding, days as ISO dates."""


class Finding(TypedDict):
    """A finding as JSON, as `docs/digest.md` has it; `text` is empty until it is rendered."""

    key: str
    text: str
    score: float
    values: dict[str, Any]


def rank_findings(books: Sequence[PeriodData], document: Document, hidden: Iterable[str]) -> dict[str, list[Finding]]:
    """The findings of each catalogue of a digest, most newsworthy first. `books`: the period data it was composed
    from."""
    masks = NameMask.from_names(hidden)
    figures = {part["catalogue"]: part["figures"] for part in document["catalogues"]}
    return {book.catalogue.key: _rank_catalogue(book, figures[book.catalogue.key], masks) for book in books}


def finding_holds(finding: Finding, book: PeriodData) -> bool:
    """Whether a finding holds in period data of its period, which may have a longer history.

    Raises `KeyError` for a key that is not in `KINDS` and `msgspec.ValidationError` for values of another kind.
    """
    return msgspec.convert(finding["values"], KINDS[finding["key"]]).holds(exact_part(book))


def _rank_catalogue(book: PeriodData, figures: Mapping[str, FigureDocument], hidden: NameMask) -> list[Finding]:
    page = FindingInput(exact_part(book), figures)
    ranked = [
        candidate
        for periods, candidates in CANDIDATES
        if book.period.name in periods
        for candidate in candidates(page)
        # Count each claim again in another way; a mistake in either drops the claim.
        if candidate.claim.holds(page.book)
    ]
    ranked.sort(key=lambda scored: (-scored.score, scored.claim.key, str(scored.claim)))
    authors = dict(names_of(book).values()) if hidden.models else {}
    return [_finding_document(scored, hidden, authors) for scored in ranked[:MOST]]


def _finding_document(scored_claim: ScoredClaim, hidden: NameMask, authors: Mapping[str, str]) -> Finding:
    values: dict[str, Any] = msgspec.to_builtins(scored_claim.claim, enc_hook=str)  # names are a kind of str
    for field in ("model", "before"):
        if isinstance(name := values.get(field), str) and hidden.hides_model(name, authors.get(name, "")):
            values[field] = HIDDEN
            if field == "model":
                values["author"] = HIDDEN_AUTHOR
    return {"key": scored_claim.claim.key, "text": "", "score": round(scored_claim.score, 4), "values": values}
