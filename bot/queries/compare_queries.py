"""Two models or two networks side by side, for the same day, week or month."""

from __future__ import annotations

from datetime import date

from bot import ledger
from bot.metrics.registry import NO_USE, Value, value_ratio
from bot.queries.context import QueryContext, WatchedNetwork
from bot.queries.network_queries import digest_heading, shown_changes
from bot.queries.use_documents import change_document, labelled_figure
from bot.records import Catalogue, Document, Period, PeriodName, Unknown, message

NETWORK_FIGURES = (
    "models_listed",
    "models_used",
    "share_used",
    "uses",
    "models_for_half",
    "top_1_share",
    "gini_listed",
)
NOT_COMPARED = Unknown("not compared: the watch began later")
DAYS = 30
"""Days of a model's use in an answer."""


def compare(
    desk: QueryContext,
    model: str,
    other: str,
    network: str | None = None,
    period: PeriodName = "day",
    day: date | None = None,
) -> Document:
    """Two models or two networks side by side.

    Numbers of different units are never set against each other."""
    if model in desk.watched and other in desk.watched:
        sides = [_network_side(desk, desk.watched[name], period, day) for name in (model, other)]
    else:
        sides = [_model_side(desk, name, network, period, day) for name in (model, other)]
    units = [side["unit"] for side in sides]
    return {"question": "compare", "sides": sides, "comparable": units[0] == units[1], "units": units}


def _network_side(desk: QueryContext, watched: WatchedNetwork, period: PeriodName, day: date | None) -> Document:
    document = desk.find_digest(watched.network, period, day)
    lead = document["catalogues"][0]
    figures = {key: lead["figures"][key] for key in NETWORK_FIGURES if key in lead["figures"]}
    return {
        "name": watched.title,
        **digest_heading(document),
        "unit": lead["unit"],
        "evidence": lead["evidence"],
        "figures": figures,
        "changes": shown_changes(document, {**lead, "figures": figures}),
    }


def _model_side(desk: QueryContext, name: str, network: str | None, period: PeriodName, day: date | None) -> Document:
    watched, catalogue, known = desk.find_model(name, network)
    document = desk.find_digest(watched.network, period, day)
    span = Period.for_day(date.fromisoformat(document["day"]), period)
    first = span.previous_period.previous_period
    use = ledger.use_over_time(desk.store, catalogue, "model", known, [first, span.previous_period, span])
    uses = _known_uses(use, catalogue)
    days = ledger.history_of(desk.store, catalogue, known, span.last, DAYS)
    share = value_ratio(uses[span], use.total, NO_USE)
    change = change_document(uses[span], uses.get(span.previous_period, NOT_COMPARED), span, with_ratio=True)
    return {
        "name": known,
        **digest_heading(document),
        "catalogue": catalogue.key,
        "unit": catalogue.unit,
        "evidence": catalogue.evidence,
        "figures": {
            "uses": labelled_figure(uses[span], catalogue.unit, catalogue.unit, catalogue),
            "share": labelled_figure(share, "share", f"share of all {catalogue.unit}", catalogue),
        },
        "changes": {"uses": change} if change else {},
        "first_listed": use.first_listed.isoformat() if use.first_listed else None,
        "days": [{"day": when.isoformat(), "uses": count} for when, count in sorted(days.items())],
    }


def _known_uses(use: ledger.UseOverTime, catalogue: Catalogue) -> dict[Period, Value]:
    """A model's use of each period. Without a reading at both ends, no use seen is not known to be none."""
    listed = {part.period: part.listed for part in use.periods}
    uses: dict[Period, Value] = {}
    for part in use.periods:
        uses[part.period] = part.uses
        if part.uses == 0 and part.listed == 0:
            uses[part.period] = Unknown(message("not_listed"))
        elif part.uses == 0 and not catalogue.evidences and listed.get(part.period.previous_period) != 1:
            uses[part.period] = Unknown(message("no_first_reading"))
    return uses
