"""The command with which an operator decides about a held list: `confirm`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, get_args

import click

from bot.cli.app_context import (
    AppContext,
    DayParam,
    UsageError,
    clock,
    json_option,
    network_option,
    pass_app_context,
    print_json,
)

if TYPE_CHECKING:
    from bot import ledger, pipeline
    from bot.records import Catalogue


@click.command()
@network_option
@click.option("--day", type=DayParam(), help="The UTC day of the list to decide about.")
@click.option("--reject", is_flag=True, help="Leave the list of that day out for good, whatever later readings show.")
@click.option("--undo", is_flag=True, help="Withdraw an earlier decision and leave it to the readings.")
@json_option
@pass_app_context
def confirm(parts: AppContext, network: str | None, day: date | None, reject: bool, undo: bool, as_json: bool) -> int:
    """Confirm a day whose list is held because it is implausible: much shorter than the one before, or without use.

    Without --day, it shows the days that are held. Later readings also decide by themselves: a list that stays the
    same for three more days is confirmed, and one that goes back to what it was before is left out.
    """
    if reject and undo:
        raise UsageError("--reject and --undo exclude each other")
    if day is None and (reject or undo):
        raise UsageError("--reject and --undo need --day")
    plans = parts.selected_networks(network)
    if day is not None:
        _apply_decision(parts, plans, day, None if undo else "rejected" if reject else "confirmed", as_json)
    rows = list(_hold_documents(parts, plans))
    if as_json:
        print_json(rows)
        return 0
    for row in rows:
        click.echo(f"{row['network']} {row['catalogue']} {row['day']}: {row['state']}: {row['reason']}")
    if not any(row["state"] == "held" for row in rows):
        click.echo("no day is held")
    return 0


def _apply_decision(
    parts: AppContext, plans: list[pipeline.NetworkPlan], day: date, decision: ledger.Decision | None, as_json: bool
) -> None:
    from bot import ledger, pipeline
    from bot.records import PeriodName

    done = [
        plan for plan in plans if sum(ledger.record_decision(parts.store, c, day, decision) for c in plan.catalogues)
    ]
    if not done:
        raise UsageError(f"{day}: no list of this day is held; to see those that are: python -m bot confirm")
    for plan in done:
        for name in get_args(PeriodName):
            for document in pipeline.compose_outdated(parts.store, parts.archive, plan, name, clock()):
                told = f"composed {name} {document['day']} again: edition {document['edition']}, {document['status']}"
                click.echo(f"{plan.network}: {told}", err=as_json)


def _hold_documents(parts: AppContext, plans: list[pipeline.NetworkPlan]) -> Iterator[dict[str, object]]:
    """Every list that is held, and those that an operator decided about."""
    for plan in plans:
        for catalogue in plan.catalogues:
            yield from (_hold_document(catalogue, one) for one in _shown_holds(parts, catalogue))


def _shown_holds(parts: AppContext, catalogue: Catalogue) -> Iterator[ledger.Hold]:
    from bot import ledger

    found = ledger.held_days(parts.store, catalogue, ("held", "rejected", "confirmed"))
    return (one for one in found if one.state == "held" or one.by_hand)


def _hold_document(catalogue: Catalogue, hold: ledger.Hold) -> dict[str, object]:
    named = {"network": catalogue.network, "catalogue": catalogue.key, "day": hold.day.isoformat()}
    return {**named, "state": hold.state, "reason": hold.reason, "by_hand": hold.by_hand}


__all__ = ["confirm"]
