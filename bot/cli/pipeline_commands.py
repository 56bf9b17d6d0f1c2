"""Commands of the pipeline: demo, collect, compose, verify."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from bot.cli.app_context import (
    AppContext,
    DayParam,
    UsageError,
    clock,
    day_option,
    json_option,
    network_option,
    pass_app_context,
    period_option,
    print_json,
    print_result,
    progress_bar,
)
from bot.cli.network_selection import answer_each
from bot.queries import COLLECT
from bot.records import Period, PeriodName

if TYPE_CHECKING:
    from bot.pipeline import NetworkPlan


DEMO_DAYS = 60
"""The newest days of the record that the demo composes, beside every week and month."""
DEMO_SPAN = (date(2024, 12, 17), date(2025, 1, 15))
"""The days that the README and the pictures show."""


@click.command()
@pass_app_context
def demo(parts: AppContext) -> int:
    """Run the whole pipeline on Replicate's public record: collect, compose, render, archive. No keys, no network.

    It composes the last 60 days, every week and month, and 17 December 2024 to 15 January 2025. Any other day is
    composed when a command asks for it, such as `show --day 2024-03-01`.
    """
    from bot.cli.preview_commands import print_briefly, write_site
    from bot.cli.process_pool import collect_garbage_seldom, open_pool

    collect_garbage_seldom()
    plan = parts.network_plan("replicate")
    with open_pool(parts.path) as pool:
        if code := _collect_networks(parts, ["replicate"], None, False, summary="lists of models read"):
            return code
        periods = _demo_periods(parts, plan)
        with progress_bar("composing", len(periods), "digests composed") as tell:
            for document in pool.compose(plan.network, periods):
                tell(f"{plan.network}: composed the {document['period']} of {document['day']}")
        with progress_bar("rendering pages", summary="pages rendered") as tell:
            index = write_site(parts, tell=tell, pool=pool)
    newest = parts.archive.newest_digest(plan.network)
    if newest is None:
        raise UsageError("replicate: nothing to show: the record closes no day")
    _demo_live(parts)
    click.echo(f"Archive site: {index}")
    print_briefly(parts, newest)
    return 0


def _demo_periods(parts: AppContext, plan: NetworkPlan) -> list[Period]:
    from bot import pipeline

    days, weeks, months = (pipeline.covered_periods(parts.store, plan, name) for name in ("day", "week", "month"))
    first, last = DEMO_SPAN
    shown = [day for day in days[:-DEMO_DAYS] if first <= day.first <= last]
    return [*shown, *days[-DEMO_DAYS:], *weeks, *months]


PROBED = 3.0
"""Seconds that the demo waits for a first answer of all live networks together."""


def _demo_live(parts: AppContext) -> None:
    """Fill the live networks and show the newest closed day of each, or one line for those that do not answer."""
    from bot import pipeline
    from bot.cli.preview_commands import print_briefly

    plans = parts.network_plans
    live = {name: plan for name, plan in plans.items() if not plan.closed and name != "replicate"}
    answering = _answering(parts, list(live))
    if silent := [plan.title for name, plan in live.items() if name not in answering]:
        click.echo(f"Left out, because no public address answers within {PROBED:g} s: {', '.join(silent)}")
    for name, plan in live.items():
        if name not in answering:
            continue
        _collect_networks(parts, [name], None, False, summary="answers read")
        if periods := pipeline.covered_periods(parts.store, plan, "day"):
            print_briefly(parts, pipeline.compose_digest(parts.store, parts.archive, plan, periods[-1], clock()))


def _answering(parts: AppContext, names: list[str]) -> set[str]:
    """The networks whose public addresses answer; all are probed at the same time. Name look-ups may take longer than
    any time-out, so nobody waits for threads."""
    import threading

    from bot import sources

    found: set[str] = set()

    def probe(name: str) -> None:
        settings = parts.settings.config.networks[name]
        responds = getattr(sources.load_network(name, settings), "responds", None)
        if responds is None or responds(settings, PROBED):
            found.add(name)

    threads = [threading.Thread(target=probe, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + PROBED + 1
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    return set(found)


LEFT_OUT = "left out: the ledger has later ones from elsewhere, whose digests stay as they are"


@click.command()
@network_option
@click.option("--since", type=DayParam(), help="First day to read.")
@click.option("--until", type=DayParam(), help="Last day to read.")
@click.option("--again", is_flag=True, help="Read days again that were read already.")
@json_option
@pass_app_context
def collect(
    parts: AppContext, network: str | None, since: date | None, until: date | None, again: bool, as_json: bool
) -> int:
    """Read what the networks list and count, and store it in the ledger.

    You may interrupt it at any time; the next call continues there and does not read the same days of events twice.
    The worker may run meanwhile.
    """
    for day in (since, until):
        if day:
            parts.query_context.refuse_future(day)
    if since and until and since > until:
        raise UsageError(f"--since {since} is after --until {until}")
    from bot.sources import ALWAYS

    wanted = Period(since or ALWAYS, until or clock().date()) if since or until else None
    return _collect_networks(parts, [plan.network for plan in parts.selected_networks(network)], wanted, as_json, again)


def _collect_networks(
    parts: AppContext,
    networks: list[str],
    wanted: Period | None,
    as_json: bool,
    reread: bool = False,
    summary: str = "",
) -> int:
    from dataclasses import asdict

    from bot import pipeline

    results = []
    with progress_bar("collecting", summary=summary) as tell:
        for network in networks:
            parts.store_static_listings(network, wanted.first if wanted else None)
            backfill = pipeline.BackfillThrottle(wanted, time.monotonic, time.sleep) if wanted else None
            source, executor = parts.make_source(network), parts.executor
            results.append(pipeline.collect(parts.store, network, source, wanted, tell, executor, backfill, reread))
    documents = []
    for result in results:
        last = result.last_day.isoformat() if result.last_day else None
        documents.append({**asdict(result), "last_day": last})
        if result.error:
            click.echo(result.error, err=True)
        if not as_json:
            closes = f"; newest day {last}" if last else ""
            click.echo(f"{result.network}: {result.new} new snapshots, {result.known} known already{closes}")
            if result.left_out:
                click.echo(f"{result.network}: {result.left_out} nights of the record {LEFT_OUT}")
    if as_json:
        print_json(documents)
    if not any(result.error for result in results):
        return 0
    return 3 if any(result.new or result.known for result in results) else 1


@click.command()
@network_option
@period_option
@day_option
@json_option
@pass_app_context
def compose(parts: AppContext, network: str | None, period: PeriodName, day: date | None, as_json: bool) -> int:
    """Compute digests from the ledger: for the period that holds --day, or for every period that has no digest yet or
    for which more may be known by now. An issued digest that comes out differently gets a new edition."""
    from bot.render.document_translation import STATUSES

    plans = parts.selected_networks(network)
    if network is None and period == "week" and parts.comparison:
        plans = [*plans, parts.comparison]
    each = answer_each(plans, lambda plan: _compose_periods(parts, plan.network, period, day))
    documents = [document for answer in each.answers for document in answer]
    lines = [
        f"{document['network']} {document['day']}: edition {document['edition']}, {STATUSES[document['status']]}"
        for document in documents
    ]
    reasons = [] if documents else [_nothing_composed(parts, plan, period) for plan in parts.selected_networks(network)]
    lines += [f"nothing to compose: {reason}" for reason in dict.fromkeys(reasons)]
    print_result(documents, lines, as_json)
    return each.exit_code


def _nothing_composed(parts: AppContext, plan: NetworkPlan, name: PeriodName) -> str:
    from bot import ledger, pipeline

    if pipeline.covered_periods(parts.store, plan, name):
        return "every period that is covered has its digest"
    spans = [span for catalogue in plan.catalogues if (span := ledger.closed_span(parts.store, catalogue))]
    if not spans:
        return f"{plan.network}: nothing was collected yet; {COLLECT}"
    first, last = min(span.first for span in spans), max(span.last for span in spans)
    return f"{plan.network}: no whole {name} is covered; the ledger has {first} to {last}"


def _compose_periods(parts: AppContext, network: str, name: PeriodName, day: date | None) -> list[dict[str, Any]]:
    from bot import ledger, pipeline

    plan, since = parts.network_plan(network), ledger.outdated_since(parts.store, network, name)
    if day:
        periods: tuple[Period, ...] = (parts.require_covered_period(plan, day, name),)
    else:
        kept = {entry.day for entry in parts.archive.list_digests(network, name)}
        kept -= {period.first for period in pipeline.periods_to_recompose(parts.archive, plan, name, clock())}
        kept -= {period.first for period in pipeline.outdated_periods(parts.store, parts.archive, plan, name)}
        periods = tuple(p for p in pipeline.covered_periods(parts.store, plan, name) if p.first not in kept)
    documents = []
    with progress_bar("composing", len(periods)) as tell:
        for period in periods:
            documents.append(pipeline.compose_digest(parts.store, parts.archive, plan, period, clock()))
            tell(f"{network}: composed {period.first}")
    if since and not day:
        ledger.mark_recomposed(parts.store, network, name, since)
    return documents


@click.command()
@click.argument("digest", metavar="DAY|FILE|RELEASE")
@network_option
@period_option
@click.option("--deep", is_flag=True, help="Also read the records again where anyone can, with git.")
@json_option
@pass_app_context
def verify(parts: AppContext, digest: str, network: str | None, period: PeriodName, deep: bool, as_json: bool) -> int:
    """Recompute a digest from the records it rests on and compare it, figure by figure, with what was published.

    DAY is a day that the ledger covers; FILE is a digest.json from the archive site. RELEASE is the folder, the
    manifest.json or the address of a data release: its files are compared with their checksums, which needs no records.
    """
    from bot.cli import release_verification, verification

    if release_verification.is_release(digest):
        release = release_verification.verify_release(digest)
        print_result([release.to_document()], release.to_lines(), as_json)
        return 0 if release.is_good else 1
    each = verification.verify_each(parts, digest, network, period, deep)
    lines = (line for result in each.answers for line in result.to_lines())
    print_result([result.to_document() for result in each.answers], lines, as_json)
    return each.exit_code if all(result.is_good for result in each.answers) else 1
