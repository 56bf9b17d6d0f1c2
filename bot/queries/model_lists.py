"""The query for every listed model of a period, page by page."""

from __future__ import annotations

from datetime import date

from bot import ledger
from bot.queries.context import QueryContext
from bot.queries.network_queries import digest_heading
from bot.queries.paging import DEFAULT_LIMIT, page_document
from bot.records import Document, Period, PeriodName, Unknown
from bot.records.names import NameMask


def models(
    desk: QueryContext,
    network: str | None,
    period: PeriodName = "day",
    day: date | None = None,
    limit: int = DEFAULT_LIMIT,
    offset: int = 0,
) -> Document:
    """Every listed model of a period, most used first, with rank, share, first listing and last use."""
    watched = desk.find_network(network)
    document = desk.find_digest(watched.network, period, day)
    catalogue = watched.lead_catalogue_of(document)
    about = {"catalogue": catalogue.key, "unit": catalogue.unit, "evidence": catalogue.evidence}
    answer = {"question": "models", **digest_heading(document), **about}
    whole = Period.for_day(date.fromisoformat(document["day"]), document["period"])
    ranked = desk.model_rankings(catalogue, whole)
    if isinstance(ranked, Unknown):
        return page_document({**answer, "unknown": ranked.reason}, "models", [], limit, offset, None)
    hidden = NameMask.from_names(desk.hidden)
    rows = [_ranked_model(row, hidden) for row in ranked[offset : offset + limit]]
    return page_document(answer, "models", rows, limit, offset, len(ranked))


def _ranked_model(row: ledger.RankingRow, hidden: NameMask) -> Document:
    return {
        "rank": row.rank,
        "model": hidden.masked_model(row.model, row.author),
        "author": hidden.masked_author(row.model, row.author),
        "uses": row.uses,
        "share": row.share,
        "first_listed": row.first_listed.isoformat() if row.first_listed else None,
        "last_used": row.last_used.isoformat() if row.last_used else None,
    }
