"""Commands that run Footfall and maintain its database: run, schedule, migrate, copy-to."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot import config, pipeline, sources
from bot.cli.app_context import AppContext, UsageError, clock, json_option, pass_app_context, print_json, progress_bar
from bot.records import FootfallError

if TYPE_CHECKING:
    from bot.config import ScheduleEntry
    from bot.discord_bot import BotSettings
    from bot.records import EventBatch, Period, Snapshot
    from bot.sources import EventSource, Source, SourceStateReader
    from bot.worker import BackgroundService, WorkerContext

SHOWN = 5

log = logging.getLogger(__name__)


@click.command("run")
@click.pass_obj
def run(path: Path) -> int:
    """Run the worker: it collects, composes and publishes on schedule until it is stopped (SIGTERM, Ctrl-C).

    Several workers may share one PostgreSQL database: one works, the others stand by. /health and /metrics on
    worker.host and worker.port show its state. On a terminal it logs for people, elsewhere as JSON.
    """
    from bot import logging_setup, redaction

    # Log every error from here on; more secrets are registered once the configuration is read.
    logging_setup.configure_logging(redaction.secret_environment_values())
    try:
        return _work(path)
    except FootfallError as error:
        if sys.stderr.isatty():
            raise
        logging.getLogger(__name__).critical("%s", error)
        return error.exit_code


def _work(path: Path) -> int:
    import signal

    from bot import logging_setup, worker
    from bot.cli import outlet_setup, process_exit
    from bot.redaction import redact

    parts = AppContext(path)
    chosen = parts.settings.config.worker
    logging_setup.configure_logging(parts.secret_values)
    outlet_setup.outlet_targets(parts)
    service = worker.Worker(lambda: _open_worker_context(path), clock, outlet_setup.process_name(), chosen.tick)
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: service.stop.set())
    worked = worker.WorkerHealth(service.state, lambda: service.bench, clock)
    token = parts.settings.secret_value("MONITORING_TOKEN") or ""
    shown = worker.monitoring_service(worked, chosen.host, chosen.port, redact, token)
    pages = worker.BackgroundService("pages", shown)
    sides = [*([pages] if chosen.port else []), *_discord_services(parts, path, lambda: bool(service.state.leads))]
    if not service.run(sides, chosen.grace):
        process_exit.abandon("the current step")  # a thread stuck in a system call would keep the process for ever
    process_exit.leave(service.until)
    return 0


def _discord_services(parts: AppContext, path: Path, leads: Callable[[], bool]) -> list[BackgroundService]:
    """Discord's slash commands, if there is a token and `worker.slash` does not turn them off. They use a database
    connection of their own."""
    token, wanted = parts.settings.secrets.get("DISCORD_TOKEN"), parts.settings.config.worker.slash
    if wanted is False or (wanted is None and token is None):
        return []
    if token is None:
        raise config.ConfigError([f"{path}: worker.slash: found true, wanted DISCORD_TOKEN in the environment with it"])
    from bot import discord_bot, worker

    def serve(stop: threading.Event) -> None:
        own = AppContext(path)
        try:
            discord_bot.run_bot(own.query_context, token, stop, leads, _bot_settings(own))
        finally:
            own.close()

    return [worker.BackgroundService("slash", serve)]


def _bot_settings(parts: AppContext) -> BotSettings:
    """The settings of the slash commands."""
    from bot.discord_bot.context import API, BotSettings
    from bot.subscriptions import SubscriptionLimits

    chosen = parts.settings.config
    discord = chosen.outlets.get("discord")
    posts = bool(discord and discord.enabled)
    rules = chosen.discord
    return BotSettings(
        frozenset(map(int, rules.owners)),
        rules.sharded_from,
        SubscriptionLimits(rules.per_server, rules.subscriptions, rules.per_member, rules.watches),
        posts,
        (*chosen.outlets, *(["direct"] if posts else [])),
        frozenset(discord.destinations if discord and posts else ()),
        frozenset(name for name, plan in parts.network_plans.items() if plan.closed),
        discord.api if discord else API,
    )


@contextmanager
def _open_worker_context(path: Path) -> Iterator[WorkerContext]:
    """Database, sources and outlets, opened for one worker."""
    from bot import process_locks
    from bot.cli import outlet_setup
    from bot.subscriptions import ModelWatches
    from bot.worker import WorkerContext

    parts = AppContext(path)
    try:
        desk, entries = outlet_setup.publish_context(parts), parts.settings.config.schedule
        log.info("database %s; receipts: %d", parts.store.shown, parts.archive.receipt_count())
        alive = process_locks.announced(parts.store, outlet_setup.process_name())
        with alive, outlet_setup.open_outlets(parts, outlet_setup.outlet_targets(parts)) as (outlets, problems):
            for problem in problems:
                log.warning(problem)
            yield WorkerContext(
                parts.store,
                desk,
                [(plan, _make_source(parts, name)) for name, plan in parts.network_plans.items()],
                entries,
                {entry.name: _ready_targets(parts, entry, outlets) for entry in entries},
                lambda: outlet_setup.make_outbox_pass(parts, desk, outlets),
                clock,
                parts.settings.config.worker.collect_every,
                (lambda: outlet_setup.active_subscriptions(parts)) if outlet_setup.DISCORD in outlets else lambda: (),
                lambda now: pipeline.plan_notices(desk, parts.network_plans, ModelWatches(parts.store), now),
                lambda name: _probed(parts, name),
                [name for name in outlet_setup.outlet_targets(parts) if name not in outlets],
                {"data": parts.settings.config.data, "out": parts.settings.config.out},
                lambda: outlet_setup.clock_offsets(outlets),
                parts.comparison,
                lambda now, go_on: _maintain_raw(parts, now, go_on),
                parts.executor,
            )
    finally:
        parts.close()


def _maintain_raw(parts: AppContext, now: datetime, go_on: Callable[[], None]) -> float | None:
    """Pack the raw answers of the days that are over and prune those older than `lake.keep`; bytes that a typical day
    adds. Raises `OSError`."""
    from bot.clients import raw_retention

    chosen = parts.settings.config
    for network, day, problem in raw_retention.pack_days(chosen.data, now.date()):
        if problem:
            log.error("raw answers of %s: %s", network, problem)
        else:
            log.info("raw answers of %s on %s packed", network, day)
        go_on()
    if freed := sources.prune_raw(chosen.data, now.date() - chosen.lake.keep):
        log.info("raw answers older than %d days pruned: %d bytes", chosen.lake.keep.days, freed)
    return raw_retention.growth_per_day(chosen.data, now.date())


def _probed(parts: AppContext, name: str) -> str:
    """Why a network's source cannot be reached; empty if it can."""
    chosen = parts.settings.config
    network = sources.load_network(name, chosen.networks[name])
    try:
        network.check_reachable(chosen.networks[name], chosen.data, parts.network_secrets(name))
    except FootfallError as error:
        return str(error)
    return ""


def _make_source(parts: AppContext, name: str) -> Source | EventSource:
    from bot.sources import EventSource

    source = parts.make_source(name)
    return _Standing(parts, name, source) if isinstance(source, EventSource) else source


@dataclass(frozen=True, slots=True)
class _Standing:
    """An event source; each read also stores the static listings."""

    parts: AppContext
    name: str
    source: EventSource

    @property
    def settles_for(self) -> timedelta:
        return self.source.settles_for

    def event_batches(self, wanted: Period | None, memory: SourceStateReader) -> Iterator[Snapshot | EventBatch]:
        self.parts.store_static_listings(self.name)
        yield from self.source.event_batches(wanted, memory)


def _ready_targets(
    parts: AppContext, entry: ScheduleEntry, ready_outlets: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """The destinations of an entry: the outlets that it names and that are ready."""
    from bot.cli import outlet_setup

    outlet_targets = outlet_setup.outlet_targets(parts, entry.outlets, entry.destinations)
    return {outlet: places for outlet, places in outlet_targets.items() if outlet in ready_outlets}


@click.command()
@json_option
@pass_app_context
def schedule(parts: AppContext, as_json: bool) -> None:
    """Show the next five runs of each regular post, in its own time zone and in UTC."""
    from bot import schedule_times as times

    now = clock()
    next_runs = [(entry, times.next_runs(entry, now, SHOWN)) for entry in parts.settings.config.schedule]
    if as_json:
        print_json([_entry_document(entry, runs) for entry, runs in next_runs])
        return
    for entry, runs in next_runs:
        click.echo(_entry_heading(entry))
        for run in runs:
            click.echo(f"  {_local_time(entry, run):%a %Y-%m-%d %H:%M %Z}  =  {run:%a %Y-%m-%d %H:%M} UTC")
    if not next_runs:
        click.echo("nothing is scheduled; config.yaml: schedule: is empty")


def _entry_document(entry: ScheduleEntry, runs: tuple[datetime, ...]) -> dict[str, object]:
    from bot import schedule_times as times

    shown = [
        {
            "local": _local_time(entry, run).isoformat(),
            "utc": run.isoformat(),
            "publishes": times.completed_period(entry, run).first.isoformat(),
        }
        for run in runs
    ]
    return {**entry.model_dump(mode="json"), "next": shown}


def _entry_heading(entry: ScheduleEntry) -> str:
    day = f" on {(entry.weekday or 'monday').capitalize()}" if entry.period == "week" else ""
    day = f" on day {entry.day or 1}" if entry.period == "month" else day
    to = ", ".join((*entry.outlets, *entry.destinations)) or "every outlet"
    of = ", ".join(entry.networks) or "every network"
    return f"{entry.name}: every {entry.period}{day} at {entry.at:%H:%M} {entry.zone}, {of} to {to}"


def _local_time(entry: ScheduleEntry, run: datetime) -> datetime:
    from zoneinfo import ZoneInfo

    return run.astimezone(UTC).astimezone(ZoneInfo(entry.zone))


@click.command()
@pass_app_context
def migrate(parts: AppContext) -> None:
    """Update the database's tables to this version. Safe to repeat and to run several times at once."""
    click.echo(f"database {parts.store.shown}: up to date")


@click.command("copy-to")
@click.argument("url", required=False)
@pass_app_context
def copy_to(parts: AppContext, url: str | None) -> None:
    """Copy the whole database to another, empty one: from SQLite to PostgreSQL or back.

    URL is sqlite:///PATH or postgresql://HOST/NAME. An address with a user or a password belongs into the
    environment, as COPY_TO_URL, because everybody on the machine can read a command line. Stop the worker first:
    the copy lacks what it writes after the copy has begun, and two workers on two databases would publish twice.
    """
    from bot import database_copy, redaction, store

    if url and redaction.holds_secret(url):
        raise UsageError("copy-to: an address with a user or a password: set it as COPY_TO_URL, and give no URL here")
    url = url or os.environ.get("COPY_TO_URL", "").strip()
    if not url:
        raise UsageError("copy-to: no address: give URL, or set COPY_TO_URL")
    target = store.open_store(url)
    try:
        with progress_bar("copying", len(store.tables.sorted_tables)) as tell:
            counts = database_copy.copy_database(parts.store, target, tell)
        click.echo(f"{sum(counts.values())} rows of {len(counts)} tables copied from {parts.store.shown}")
        click.echo(f"now set DATABASE_URL to {target.shown} and start the worker")
    finally:
        target.close()
