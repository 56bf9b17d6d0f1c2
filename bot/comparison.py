"""The weekly comparison of networks, as a document of the same shape as a digest: a network stands where a digest has a
catalogue. Pure: period data in, a document out.

Only what has no unit of its own is compared: shares, counts of models, changes. Uses are never added or ranked, because
a run, a request and an answer are different things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot import digest
from bot.metrics import METRICS, compute_figures
from bot.records import COMPARISON, Document, PeriodData, Unknown, message

TITLE = "Networks side by side"
METHOD = """Networks differ in what they count: a run, a request and an answer are different things, so uses are never
added or ranked across networks. What has no unit of its own may be compared: which share of its list anyone
used, on how few models half of the use falls, the effective number of models, and by how much use and list
changed.

The window is the ISO week, Monday to Sunday UTC. A network with fewer than five known days in a week is
unknown for that week. Where a network shows only its most used models, counts and shares are lower bounds
and say so. The evidence differs too: most networks report their own numbers, and few can be proven.

*Use grew without the list* means that use rose by one percent or more against the week before while no more
models were on offer than before; *the list grew without use* is the reverse.
"""
"""The methodology page."""
FIGURES = (
    "models_listed",
    "models_used",
    "share_used",
    "models_for_half",
    "effective_models",
    "uses_change",
    "inventory_change",
    "demand_gap",
)
"""The metrics that are compared."""
LEAST_DAYS = 5
"""A week with fewer known days is unknown."""
LEAST_NETWORKS = 2
GROWTH = 0.01
"""The least change of use or of the list, as a share, that counts as growth."""


@dataclass(frozen=True, slots=True)
class ComparedNetwork:
    """A network and the week of its headline's catalogue."""

    network: str
    title: str
    book: PeriodData


def compose_comparison(networks: Sequence[ComparedNetwork], composed_at: datetime) -> Document:
    """The comparison of one week, a draft of edition 1: networks by the share of their list that was used, the largest
    first, those where it is unknown last. Raises `DigestError` if there is no network or if periods differ."""
    periods = {network.book.period for network in networks}
    if len(periods) != 1:
        raise digest.DigestError(f"{COMPARISON}: found {len(periods)} periods, wanted one and at least one network")
    places = {ref: place for place, ref in enumerate(dict.fromkeys(r for n in networks for r in n.book.refs))}
    blocks = sorted(
        (_network_block(network, sorted({places[ref] for ref in network.book.refs})) for network in networks),
        key=lambda block: -(block["figures"].get("share_used", {}).get("value") or -1),
    )
    compared = {
        "use_alone": [block["catalogue"] for block in blocks if _grew_alone(block, "uses_change")],
        "list_alone": [block["catalogue"] for block in blocks if _grew_alone(block, "inventory_change")],
    }
    headline = {"catalogue": blocks[0]["catalogue"], "figure": "share_used"}
    heading = {"network": COMPARISON, "title": TITLE, "headline": headline}
    return digest.draft_document(heading, periods.pop(), composed_at, blocks, places, compared=compared)


def too_few_known(document: Document) -> str:
    """Why a comparison has nothing to compare; empty if it has."""
    known = sum(_is_known(block) for block in document["catalogues"])
    return "" if known >= LEAST_NETWORKS else f"{known} of {len(document['catalogues'])} networks are known"


def _network_block(network: ComparedNetwork, refs: list[int]) -> dict[str, Any]:
    book = network.book
    computed, known = compute_figures(book), known_days(book)
    figures = {
        key: replace(computed[key], label=METRICS[key].label.replace("{unit}", "uses"))
        for key in FIGURES
        if key in computed
    }
    if known < LEAST_DAYS:
        reason = Unknown(message("few_days_known", n=known, m=LEAST_DAYS))
        figures = {key: replace(figure, value=reason) for key, figure in figures.items()}
    return {
        "catalogue": network.network,
        "title": network.title,
        "unit": book.catalogue.unit,
        "evidence": book.catalogue.evidence,
        "known_days": known,
        "figures": {key: digest.figure_document(figure, refs) for key, figure in figures.items()},
        **{part: [] for part in ("top", "curve", "groups", "history", "gaps", "findings")},
    }


def known_days(book: PeriodData) -> int:
    """How many days of its period have a known use, exact or at least."""
    period = book.period
    return sum(period.first <= point.day <= period.last and point.uses is not None for point in book.history)


def _is_known(block: dict[str, Any]) -> bool:
    return any(figure["value"] is not None for figure in block["figures"].values())


def _grew_alone(block: dict[str, Any], grown: str) -> bool:
    """Whether use grew and the list did not, or the reverse."""
    figures = block["figures"]
    (other,) = {"uses_change", "inventory_change"} - {grown}
    here, there = (figures.get(key, {}).get("value") for key in (grown, other))
    return here is not None and there is not None and here >= GROWTH and there <= 0
