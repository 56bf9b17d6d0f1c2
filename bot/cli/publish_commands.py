"""Commands that post: publish, deliveries, send-test."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from bot import config
from bot.cli.app_context import (
    AppContext,
    DayParam,
    UsageError,
    clock,
    json_option,
    network_option,
    pass_app_context,
    period_option,
    print_result,
)
from bot.cli.network_selection import answer_each
from bot.cli.preview_commands import outlet_languages
from bot.queries import COLLECT
from bot.records import Document, PeriodName

if TYPE_CHECKING:
    from bot.deliveries import Delivery, Outbox
    from bot.pipeline import NetworkPlan, PublishContext, PublishDecision

DRY = "DRY RUN "


@click.command()
@network_option
@period_option
@click.option(
    "--day", type=DayParam(), help="The period that holds this UTC day, however old; by default whatever is due."
)
@click.option("--outlet", metavar="OUTLET", help="One outlet; all configured ones by default.")
@click.option("--dry-run", is_flag=True, help="Post nothing; show what would be posted. Needs no keys.")
@pass_app_context
def publish(
    parts: AppContext, network: str | None, period: PeriodName, day: date | None, outlet: str | None, dry_run: bool
) -> int:
    """Post what is due, each part once. If it is not known whether a part is out, ask the platform before sending
    again.

    Exits with 0 if everything is out or nothing is due, 3 if some is out, 1 if none is.
    """
    plans = _covered_plans(parts, network, period, day)
    if dry_run:
        return _dry_run(parts, plans, period, day, outlet)
    from bot import deliveries, pipeline, process_locks
    from bot.cli import outlet_setup

    wanted = outlet_setup.outlet_targets(parts, [outlet] if outlet else ())
    with (
        process_locks.announced(parts.store, outlet_setup.process_name()),
        outlet_setup.open_outlets(parts, wanted) as (outlets, problems),
    ):
        for problem in problems:
            click.echo(problem, err=True)
        targets = {name: wanted[name] for name in wanted if name in outlets}
        if not any(targets.values()):
            raise UsageError(f"nowhere to publish to: set outlets.*.destinations in {parts.path} and the outlets' keys")
        desk = outlet_setup.publish_context(parts)
        deliveries.follow_up(outlet_setup.make_outbox_pass(parts, desk, outlets))
        announced = [a for plan in plans for a in pipeline.plan_deliveries(desk, plan, period, targets, clock(), day)]
        # With --network or --day, send only those periods and leave the rest to the worker.
        narrow = frozenset((a.network, a.period.name, a.period.first) for a in announced)
        touched = deliveries.flush_outbox(
            outlet_setup.make_outbox_pass(parts, desk, outlets, narrow if network or day else None)
        )
    return _print_report(desk, announced, touched, targets)


def _covered_plans(parts: AppContext, network: str | None, period: PeriodName, day: date | None) -> list[NetworkPlan]:
    """The selected networks; with a day, those whose ledger covers it."""
    if day is None:
        return parts.selected_networks(network)

    def covered(plan: NetworkPlan) -> NetworkPlan:
        parts.require_covered_period(plan, day, period)
        return plan

    return answer_each(parts.selected_networks(network), covered).answers


def _print_report(
    desk: PublishContext, announced: list[PublishDecision], touched: Iterable[int], targets: Mapping[str, object]
) -> int:
    from bot.deliveries import EditionKey

    rows = {id: desk.outbox.get_delivery(id) for id in touched}
    for decision in announced:
        reason = f": {decision.reason}" if decision.reason else ""
        click.echo(f"{decision.network} {decision.period.name} {decision.period.first}: {decision.verdict}{reason}")
        edition = EditionKey(decision.network, decision.period.name, decision.period.first, decision.edition)
        rows |= {row.id: row for row in desk.outbox.edition_deliveries(edition) if row.outlet in targets}
    if not announced:
        click.echo("nothing is due")
    for row in rows.values():
        click.echo(_delivery_line(row))
    for pause in desk.outbox.paused_outlets():
        click.echo(f"{pause.outlet} is paused since {pause.since:%d %b %H:%M} UTC: {pause.reason}", err=True)
        click.echo(f"  when that is fixed: python -m bot deliveries lift {shlex.quote(pause.outlet)}", err=True)
    failed = any(row.state in ("refused", "unknown", "planned", "sending") for row in rows.values())
    return 0 if not failed else 3 if any(row.state == "sent" for row in rows.values()) else 1


def _dry_run(
    parts: AppContext, plans: list[NetworkPlan], name: PeriodName, day: date | None, outlet: str | None
) -> int:
    from bot import outlets

    names, known = [outlet] if outlet else parts.shown_outlets(), outlets.outlet_names()
    if outlet and outlet not in known:
        raise UsageError(f"--outlet {outlet}: no such outlet; known: {config.did_you_mean(outlet, known)}")

    def show(plan: NetworkPlan) -> None:
        heading, document = _preview_digest(parts, plan.network, name, day)
        _echo_dry_run(heading)
        for key in names if document else ():
            block = parts.settings.config.outlets.get(key)
            places = ", ".join(getattr(block, "destinations", ())) or "nowhere: no destination is configured"
            _echo_dry_run(f"{key} to {places}")
            for locale in outlet_languages(parts, key) if document else ():
                _echo_dry_run(_preview_text(parts, document, key, locale) if document else "")

    return answer_each(plans, show).exit_code


def _preview_digest(parts: AppContext, network: str, name: PeriodName, day: date | None) -> tuple[str, Document | None]:
    """A heading for a network's period, and its digest, which is not stored."""
    from bot import deliveries, pipeline
    from bot.records import Period

    plan, now = parts.network_plan(network), clock()
    covered = pipeline.covered_periods(parts.store, plan, name)
    if day is None and not covered:
        return f"{network}: nothing is covered yet; {COLLECT}", None
    period = Period.for_day(day, name) if day else covered[-1]
    document = pipeline.build_digest(parts.store, plan, period, now)
    if held := pipeline.held_back(parts.store, plan, period):
        return f"{network} {name} {period.first}: nothing would be published: {held}", None
    gate = deliveries.publish_gate(document, now, parts.settings.config.publish.deadline)
    if not gate.publish:
        return f"{network} {name} {period.first}: nothing would be published: {gate.reason}", None
    due = Period.for_day(now.date(), name).previous_period
    why = "its record is closed, so nothing of it is ever due" if plan.closed else f"not due: {due.first} is"
    late = "" if day or (period == due and not plan.closed) else f" ({why}; this is the newest it has)"
    return f"{network} {name} {period.first}{late}", document


def _preview_text(parts: AppContext, document: Document, outlet: str, locale: str) -> str:
    from bot import outlets, pipeline, render

    if outlet not in outlets.posting_outlets():
        return f"the {outlet} would be written anew into {parts.settings.config.out / outlet}"
    options = parts.post_options
    post = pipeline.render_post(document, outlet, parts.settings.config.hidden_names, locale, options)
    return render.preview_text(post, limit=options.limits.get(outlet))


def _echo_dry_run(text: str) -> None:
    for line in text.splitlines() or [""]:
        click.echo(DRY + line)


@click.group()
def deliveries() -> None:
    """Show what was sent, what was not, and why; and decide what to do about it."""


@deliveries.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(["planned", "sending", "sent", "refused", "unknown", "skipped"]),
    help="Only deliveries in this state; may be repeated.",
)
@click.option("--last", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Show at most this many.")
@json_option
@pass_app_context
def listing(parts: AppContext, states: tuple[str, ...], last: int, as_json: bool) -> None:
    """List deliveries, newest last, each with its state, since when, attempts, last error and link."""
    outbox = _open_outbox(parts)
    rows, pauses = outbox.list_deliveries(states, last), outbox.paused_outlets()
    paused = [{"outlet": pause.outlet, "reason": pause.reason, "since": pause.since.isoformat()} for pause in pauses]
    lines = [_delivery_line(row) for row in rows] or ["no deliveries"]
    lines += [f"{pause.outlet} is paused since {pause.since:%d %b %H:%M} UTC: {pause.reason}" for pause in pauses]
    print_result({"deliveries": [_delivery_fields(row) for row in rows], "paused": paused}, lines, as_json)


@deliveries.command()
@click.argument("id", type=int)
@json_option
@pass_app_context
def retry(parts: AppContext, id: int, as_json: bool) -> None:
    """Try a delivery again in the next pass, however old it is. If its state is unknown, the platform is asked and
    nothing is sent."""
    _print_delivery(_open_outbox(parts).retry(id, clock()), as_json)


@deliveries.command()
@click.argument("id", type=int)
@click.option("--sent", "url", metavar="URL", help="The post is out; URL is the link to it.")
@click.option("--not-sent", is_flag=True, help="The post is not out; it may be sent again.")
@json_option
@pass_app_context
def resolve(parts: AppContext, id: int, url: str | None, not_sent: bool, as_json: bool) -> None:
    """Set the state of a delivery that is unknown, after you have looked on the platform."""
    if (url is None) is not not_sent:
        raise UsageError("deliveries resolve: wanted one of --sent URL and --not-sent")
    if url is not None and not url.startswith(("https://", "http://")):
        raise UsageError(f"--sent: found {url!r}, wanted the link to the post, https://...")
    _print_delivery(_open_outbox(parts).resolve(id, url, clock()), as_json)


@deliveries.command()
@click.argument("outlet")
@pass_app_context
def pause(parts: AppContext, outlet: str) -> None:
    """Send nothing to an outlet until the pause is lifted. Posts that are due meanwhile wait as long as they are
    due."""
    from bot.cli.outlet_setup import DISCORD
    from bot.subscriptions.model_watches import OUTLET

    known = list(parts.settings.config.outlets)
    known += [OUTLET] if DISCORD in known else []
    if outlet not in known:
        raise UsageError(f"{outlet}: no such outlet in {parts.path}; configured: {', '.join(known) or 'none'}")
    if not _open_outbox(parts).pause_outlet(outlet, clock()):
        raise UsageError(f"{outlet}: is paused already")
    click.echo(f"{outlet}: paused; deliveries lift {outlet} lets it post again")


@deliveries.command()
@click.argument("outlet")
@pass_app_context
def lift(parts: AppContext, outlet: str) -> None:
    """End the pause of an outlet."""
    if not _open_outbox(parts).lift_pause(outlet):
        raise UsageError(f"{outlet}: is not paused")
    click.echo(f"{outlet}: posts again")


def _open_outbox(parts: AppContext) -> Outbox:
    from bot import pipeline
    from bot.cli import outlet_setup

    return pipeline.make_outbox(parts.store, outlet_setup.configured_channels(parts))


def _print_delivery(row: Delivery, as_json: bool) -> None:
    print_result(_delivery_fields(row), [_delivery_line(row)], as_json)


def _delivery_line(row: Delivery) -> str:
    fields = [f"{row.id}", row.edition_key.label, f"{row.outlet} {row.destination} part {row.part + 1}"]
    fields += [f"{row.state} since {row.since:%Y-%m-%d %H:%M:%S} UTC", f"{row.attempts} attempts"]
    if row.kind == "correction":
        fields.append("correction")
    if row.state == "planned" and row.not_before and row.not_before > row.since:
        fields.append(f"not before {row.not_before:%Y-%m-%d %H:%M:%S} UTC")
    if row.state == "unknown":
        human = f"look for it there, then: python -m bot deliveries resolve {row.id} --sent URL (or --not-sent)"
        fields.append(f"looked up again from {row.not_before:%Y-%m-%d %H:%M:%S} UTC" if row.not_before else human)
    return "; ".join([*fields, *filter(None, (row.reason, row.url))])


def _delivery_fields(row: Delivery) -> dict[str, Any]:
    shown = ("id", "network", "period", "edition", "outlet", "destination", "part", "kind", "state", "attempts", "url")
    times = ("day", "since", "not_before", "until", "tried_at")
    return {
        **{name: getattr(row, name) for name in shown},
        **{name: value.isoformat() if (value := getattr(row, name)) else None for name in times},
        "last_error": row.reason,
        "platform_id": row.platform_id,
        "cost_usd": f"{row.cost:f}" if row.cost is not None else None,
    }


@click.command()
@click.option("--outlet", required=True, metavar="OUTLET", help="Where to post.")
@click.option("--destination", metavar="ID", help="Channel or account; the outlet's only one by default.")
@pass_app_context
def send_test(parts: AppContext, outlet: str, destination: str | None) -> int:
    """Post one message that says it is a test, and nothing else. On X it costs as much as any post."""
    from bot import outlets
    from bot.cli import outlet_setup
    from bot.outlets import Part, Sent, redact_reason

    own = outlet_setup.outlet_targets(parts, [outlet])[outlet]
    if destination is None and len(own) != 1:
        raise UsageError(
            f"--destination: wanted one of {', '.join(own) or 'the channels of config.yaml (none is set)'}"
        )
    place, now = destination or own[0], clock()
    with outlet_setup.open_outlets(parts, [outlet]) as (handles, problems):
        if outlet not in handles:
            raise UsageError(problems[0])
        text = f"A test of Footfall, {now:%Y-%m-%d %H:%M:%S} UTC. Nothing to see here; please ignore it."
        outcome = handles[outlet].outlet.post(Part(text, outlets.part_marker("test", outlet, place, now)), place)
    if isinstance(outcome, Sent):
        click.echo(f"sent: {outcome.url or outcome.platform_id}")
        return 0
    click.echo(f"{outlet} {place}: {outcome.word}: {redact_reason(outcome.reason)}", err=True)
    return 1
