"""The command `try`: read a network once, and show what came and what a digest would say. Nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bot.cli.app_context import AppContext, clock, pass_app_context
from bot.cli.preview_commands import post_title
from bot.number_format import format_with_noun
from bot.pipeline import NetworkPlan
from bot.records import DayTotals, EventBatch, Period, Snapshot, short_date
from bot.sources import EventSource, Source, SourceStateReader
from bot.store import Store

SHOWN = 5
"""Rows of each kind that are printed."""


@dataclass(frozen=True, slots=True)
class TrialSource:
    """A source of which a list that was read now closes yesterday, as if it were midnight."""

    source: Source | EventSource
    yesterday: date
    snapshots_read: list[Snapshot] = field(default_factory=list)
    totals_read: list[DayTotals] = field(default_factory=list)

    @property
    def settles_for(self) -> timedelta:
        return self.source.settles_for

    def event_batches(self, wanted: Period | None, memory: SourceStateReader) -> Iterator[Snapshot | EventBatch]:
        """What the source yields, noted down."""
        source = self.source
        pieces = source.event_batches(wanted, memory) if isinstance(source, EventSource) else source.snapshots(wanted)
        for piece in pieces:
            if isinstance(piece, EventBatch):
                self.totals_read.extend(piece.totals)
                yield piece
                continue
            self.snapshots_read.append(piece)
            yield replace(piece, closes=self.yesterday) if piece.at.date() > self.yesterday else piece


@click.command("try")
@click.argument("network")
@pass_app_context
def try_(parts: AppContext, network: str) -> int:
    """Read NETWORK once: what was read, the first rows, and what a digest of yesterday would say.

    Nothing is kept: the database and the data folder stay as they are. A network with `enabled: false` can be tried
    too.
    """
    from bot import pipeline, sources
    from bot.lake import LakeSettings
    from bot.store import open_store

    plan, chosen = parts.configured_plan(network), parts.settings.config
    now = clock()
    period = Period.for_day(now.date() - timedelta(days=1), "day")
    with TemporaryDirectory(prefix="footfall-try-") as folder:
        source = sources.make_source(
            network, chosen.networks[network], Path(folder), parts.network_secrets(network), clock
        )
        trial = TrialSource(source, period.last)
        store = open_store(f"sqlite:///{folder}/trial.db", LakeSettings(f"{folder}/lake"))
        try:
            done = pipeline.collect(store, network, trial, period, _print_read)
            _print_rows(trial)
            _print_digest(parts, store, plan, period)
        finally:
            store.close()
    if done.error:
        click.echo(done.error, err=True)
    return 1 if done.error else 0


def _print_read(line: str) -> None:
    """A line of collecting; the database is thrown away, so nothing was kept."""
    click.echo(line.replace(": kept ", ": read ", 1))


def _print_rows(trial: TrialSource) -> None:
    for snapshot in trial.snapshots_read:
        counts = {reading.model: reading.count for reading in snapshot.readings}
        click.echo(
            f"\nThe first of {format_with_noun(len(snapshot.listings), 'models')}, {len(counts):,} with a counter:"
        )
        for listing in snapshot.listings[:SHOWN]:
            parts = [str(listing.model), f"author {listing.author or 'not given'}"]
            parts += [f"category {listing.category}"] if listing.category else []
            parts += [f"made {short_date(listing.created_at.date())}"] if listing.created_at else []
            parts += [f"counter {counts[listing.model]:,}"] if listing.model in counts else []
            click.echo(f"  {', '.join(parts)}")
    for totals in trial.totals_read:
        if totals.unknown:
            click.echo(f"\n{totals.day}: not known: {totals.unknown}")
            continue
        used = sorted(totals.uses.items(), key=lambda use: -use[1])
        uses = format_with_noun(sum(totals.uses.values()), "uses")
        unnamed = f", {totals.unnamed:,} more without a name" if totals.unnamed else ""
        click.echo(f"\n{totals.day}: {uses} of {format_with_noun(len(used), 'models')}{unnamed}:")
        for listing, count in used[:SHOWN]:
            click.echo(f"  {listing.model}: {count:,}")


def _print_digest(parts: AppContext, store: Store, plan: NetworkPlan, period: Period) -> None:
    """The post and the text of a digest from what was read."""
    from bot import pipeline
    from bot.archive import Archive

    if period not in pipeline.covered_periods(store, plan, "day"):
        click.echo("\nNo digest: nothing was read that closes yesterday.")
        return
    if not any(catalogue.evidences for catalogue in plan.catalogues):
        click.echo("\nUse is the difference of the counters of two nights: it is known from the second list on.")
    document = pipeline.compose_digest(store, Archive(store), plan, period, clock())
    for outlet in dict.fromkeys((parts.text_outlet(), "text")):
        post = pipeline.render_post(document, outlet, parts.settings.config.hidden_names, "en", parts.post_options)
        click.echo(click.style(f"\n== {post_title(outlet)}: {document['title']}, {document['day']} ==", bold=True))
        click.echo("\n\n".join(post.parts))
