"""Commands that run Footfall and look after its database: schedule, migrate, copy-to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from bot.cli.parts import Parts, clock, json_option, print_json, progress, with_parts

if TYPE_CHECKING:
    from bot.config import ScheduleEntry

SHOWN = 5


@click.command()
@json_option
@with_parts
def schedule(parts: Parts, as_json: bool) -> None:
    """The next five runs of each regular post, in its own time zone and in UTC."""
    from bot import schedule as times

    now = clock()
    found = [(entry, times.upcoming(entry, now, SHOWN)) for entry in parts.settings.config.schedule]
    if as_json:
        print_json([_entry(entry, runs) for entry, runs in found])
        return
    for entry, runs in found:
        click.echo(_heading(entry))
        for run in runs:
            click.echo(f"  {_local(entry, run):%a %Y-%m-%d %H:%M %Z}  =  {run:%a %Y-%m-%d %H:%M} UTC")
    if not found:
        click.echo("nothing is scheduled; config.yaml: schedule: is empty")


def _entry(entry: ScheduleEntry, runs: tuple[datetime, ...]) -> dict[str, object]:
    from bot import schedule as times

    shown = [
        {
            "local": _local(entry, run).isoformat(),
            "utc": run.isoformat(),
            "publishes": times.period(entry, run).first.isoformat(),
        }
        for run in runs
    ]
    return {**entry.model_dump(mode="json"), "next": shown}


def _heading(entry: ScheduleEntry) -> str:
    day = f" on {(entry.weekday or 'monday').capitalize()}" if entry.period == "week" else ""
    day = f" on day {entry.day or 1}" if entry.period == "month" else day
    to = ", ".join((*entry.outlets, *entry.destinations)) or "every outlet"
    of = ", ".join(entry.networks) or "every network"
    return f"{entry.name}: every {entry.period}{day} at {entry.at:%H:%M} {entry.zone}, {of} to {to}"


def _local(entry: ScheduleEntry, run: datetime) -> datetime:
    from zoneinfo import ZoneInfo

    return run.astimezone(UTC).astimezone(ZoneInfo(entry.zone))


@click.command()
@with_parts
def migrate(parts: Parts) -> None:
    """Bring the database's tables to this version; safe to run again, and at the same time as others."""
    click.echo(f"database {parts.store.shown}: up to date")


@click.command("copy-to")
@click.argument("url")
@with_parts
def copy_to(parts: Parts, url: str) -> None:
    """Copy the whole database to another, empty one: from SQLite to PostgreSQL or back.

    URL is sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME. Stop the worker first: what it writes after the copy
    began is not in it, and two workers on two databases would publish twice.
    """
    from bot import store, transfer

    target = store.opened(url)
    try:
        with progress("copying", len(store.tables.sorted_tables)) as tell:
            counts = transfer.copy(parts.store, target, tell)
        click.echo(f"{sum(counts.values())} rows of {len(counts)} tables copied from {parts.store.shown}")
        click.echo(f"now set DATABASE_URL to {target.shown} and start the worker")
    finally:
        target.close()
