"""Composing: a network's digest for a period, from the ledger into the archive; and which periods to compose again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot import comparison, digest, findings, ledger, render
from bot.archive import Archive
from bot.deliveries.poll_store import PollStore
from bot.gc_pause import garbage_collection_paused
from bot.pipeline import polls
from bot.pipeline.network_plan import NetworkPlan
from bot.records import Document, Period, PeriodData, PeriodName, start_of_day
from bot.records.messages import collect_messages
from bot.store import Store

LATE = 3
"""Days after which an event source's day no longer changes: it reads the last days again."""


def compose_digest(store: Store, archive: Archive, plan: NetworkPlan, period: Period, at: datetime) -> Document:
    """Compose one network's digest for one period and store it. Returns the stored digest."""
    return archive.save_digest(build_digest(store, plan, period, at))


@garbage_collection_paused()
def build_digest(store: Store, plan: NetworkPlan, period: Period, at: datetime) -> Document:
    """A digest or comparison from the ledger's current state, not stored."""
    if plan.members:
        return _build_comparison(store, plan, period, at)
    books = [ledger.load_period_data(store, catalogue, period) for catalogue in plan.catalogues]
    panels = [ledger.load_panel_data(store, panel, period) for panel in plan.panels]
    document = digest.compose_document(plan.network, plan.title, books, plan.headline, plan.hidden, at, panels)
    if period.name == "week":
        polls.add_poll_panel(
            document, PollStore(store).closed_polls(plan.network, start_of_day(period.first), period.ends_at)
        )
    ranked = findings.rank_findings(books, document, plan.hidden)
    for block in document["catalogues"]:
        block["findings"] = [
            {**finding, "text": render.finding_text(finding, block)} for finding in ranked.get(block["catalogue"], [])
        ]
    _add_lead(Archive(store), document, books, period)
    return document


def _build_comparison(store: Store, plan: NetworkPlan, period: Period, at: datetime) -> Document:
    compared = [
        comparison.ComparedNetwork(member.network, member.title, ledger.load_period_data(store, catalogue, period))
        for member, catalogue in zip(plan.members, plan.catalogues, strict=True)
    ]
    return comparison.compose_comparison(compared, at)


def _add_lead(archive: Archive, document: Document, books: Sequence[PeriodData], period: Period) -> None:
    """Add the lead and what its picture and its words need of earlier periods."""
    network = document["network"]
    previous = archive.find_digest(network, period.name, period.previous_period.first)
    document["lead"] = findings.choose_lead(document, previous)
    if series := findings.lead_series(document, books):
        document["lead"]["series"] = series
    if period.name == "day" and document["lead"]["form"] == "top":
        days = [period.first - timedelta(days=back) for back in range(findings.RANK_DAYS - 1, 0, -1)]
        earlier = [archive.find_digest(network, "day", day) for day in days]
        document["lead"]["ranks"] = findings.rank_series(document, earlier)
    if periods := findings.period_series(document, previous):
        document["periods"] = periods
    if unknown := findings.unknown_before(document, previous):
        document["unknown_before"] = unknown
        document["reasons"] |= collect_messages(unknown)


def periods_to_recompose(archive: Archive, plan: NetworkPlan, name: PeriodName, at: datetime) -> tuple[Period, ...]:
    """Periods with a digest that new data may have changed since; oldest first."""
    if not any(catalogue.evidences for catalogue in plan.catalogues):
        return ()
    holding = {Period.for_day(at.date() - timedelta(days=n), name) for n in range(1, LATE + 1)}
    kept = {entry.day for entry in archive.list_digests(plan.network, name)}
    return tuple(sorted(period for period in holding if period.ends_at <= at and period.first in kept))


def outdated_periods(store: Store, archive: Archive, plan: NetworkPlan, name: PeriodName) -> tuple[Period, ...]:
    """Periods with a digest that depends on a list whose verdict has changed: it was held, confirmed or rejected.
    Oldest first."""
    since = ledger.outdated_since(store, plan.network, name)
    if since is None:
        return ()
    kept = (Period.for_day(entry.day, name) for entry in archive.list_digests(plan.network, name))
    return tuple(period for period in kept if period.last >= since)


def compose_outdated(
    store: Store, archive: Archive, plan: NetworkPlan, name: PeriodName, at: datetime
) -> list[Document]:
    """Compose those again: a draft is replaced, an issued digest gets a new edition. Returns the stored digests."""
    since = ledger.outdated_since(store, plan.network, name)
    documents = [
        compose_digest(store, archive, plan, period, at) for period in outdated_periods(store, archive, plan, name)
    ]
    if since is not None:
        ledger.mark_recomposed(store, plan.network, name, since)
    return documents
