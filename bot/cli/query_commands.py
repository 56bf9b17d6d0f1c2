"""Commands that ask: each has a twin among Discord's slash commands and gives the same answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import click

from bot import pipeline
from bot.cli.app_context import (
    AppContext,
    clock,
    day_option,
    json_option,
    network_option,
    pass_app_context,
    period_option,
    print_json,
)
from bot.cli.network_selection import answer_each
from bot.records import Document, Period, PeriodName


def _complete_model(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Shell completion of model names: those that begin so, else those whose part after the author does. Silent when
    there is no database to look in."""
    from bot import ledger
    from bot.records import FootfallError

    parts = AppContext(ctx.find_root().params["config_path"])
    try:
        desk = parts.query_context
        network = ctx.params.get("network")
        networks = [desk.find_network(network)] if network else desk.watched.values()
        known = [n for watched in networks for c in watched.catalogues for n in ledger.known_names(desk.store, c)]
        names = [str(name) for name in known if not desk.is_hidden(name)]
    except FootfallError:
        return []
    finally:
        parts.close()
    typed = incomplete.casefold()
    whole = [name for name in names if name.casefold().startswith(typed)]
    return whole or [name for name in names if name.casefold().rpartition("/")[2].startswith(typed)]


def _print_answer(parts: AppContext, answer: Document, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        _print_words(parts, answer)


def _print_each_answer(parts: AppContext, network: str | None, as_json: bool, answer: Callable[[str], Document]) -> int:
    """Print the answer of the named network, or of each that can give one; as JSON a list then."""
    each = answer_each(parts.selected_networks(network), lambda plan: answer(plan.network))
    if as_json:
        print_json(each.answers[0] if network else each.answers)
    else:
        for number, document in enumerate(each.answers):
            if number:
                click.echo()
            _print_words(parts, document)
    return each.exit_code


def _print_words(parts: AppContext, answer: Document) -> None:
    from bot import render

    template = f"text/answers/{answer['question']}.j2"
    words = render.render_template("text", template, hidden=parts.hidden_names, answer=answer)
    click.echo("\n".join(line.rstrip() for line in words.splitlines() if line.strip()))


@click.command()
@network_option
@period_option
@day_option
@click.option("--edition", type=click.IntRange(1, 1000), help="An older edition; the newest by default.")
@json_option
@pass_app_context
def digest(
    parts: AppContext, network: str | None, period: PeriodName, day: date | None, edition: int | None, as_json: bool
) -> int:
    """A digest: every figure of one network and period, with gaps and findings. JSON is the archive's own document."""
    from bot import queries

    def document(plan: pipeline.NetworkPlan) -> Document:
        newest = find_or_compose(parts, plan.network, period, day)
        if edition is None:
            return newest
        return queries.digest(parts.query_context, plan.network, period, date.fromisoformat(newest["day"]), edition)

    each = answer_each(parts.selected_networks(network), document)
    if as_json:
        print_json(each.answers[0] if network else each.answers)
    else:
        for answer in each.answers:
            click.echo("\n\n".join(pipeline.render_post(answer, "text", parts.hidden_names).parts))
    return each.exit_code


def find_or_compose(parts: AppContext, network: str, period: PeriodName, day: date | None) -> Document:
    """A digest from the archive; a covered period that was never composed is composed now."""
    return parts.query_context.mask_hidden(_find_or_compose(parts, parts.network_plan(network), period, day))


def _find_or_compose(parts: AppContext, plan: pipeline.NetworkPlan, period: PeriodName, day: date | None) -> Document:
    parts.store_static_listings(plan.network)
    told_late = any(catalogue.evidences for catalogue in plan.catalogues)
    if day is None:
        newest = parts.archive.newest_digest(plan.network, period)
        covered = pipeline.covered_periods(parts.store, plan, period)
        # What is told event by event comes late, so a draft is made again; an issued digest stands.
        fresh = (
            told_late and covered and (newest is None or newest["status"] == "draft" or _is_older(newest, covered[-1]))
        )
        if newest is not None and not fresh:
            return newest
        if covered:
            return pipeline.compose_digest(parts.store, parts.archive, plan, covered[-1], clock())
        return parts.query_context.find_digest(plan.network, period)
    wanted = parts.require_covered_period(plan, day, period)
    kept = parts.archive.find_digest(plan.network, period, wanted.first)
    if kept and told_late and kept["status"] == "draft":
        kept = None
    return kept or pipeline.compose_digest(parts.store, parts.archive, plan, wanted, clock())


def _is_older(document: Document, period: Period) -> bool:
    return date.fromisoformat(document["day"]) < period.first


show = digest


@click.command()
@network_option
@period_option
@day_option
@json_option
@pass_app_context
def usage(parts: AppContext, network: str | None, period: PeriodName, day: date | None, as_json: bool) -> int:
    """How much a network was used, by how many of its models."""
    from bot import queries

    return _print_each_answer(
        parts, network, as_json, lambda name: queries.usage(parts.query_context, name, period, day)
    )


@click.command()
@network_option
@day_option
@json_option
@pass_app_context
def inventory(parts: AppContext, network: str | None, day: date | None, as_json: bool) -> int:
    """How many models are on offer, and how that changed; also by category and author."""
    from bot import queries

    return _print_each_answer(parts, network, as_json, lambda name: queries.inventory(parts.query_context, name, day))


@click.command()
@click.argument("name", shell_complete=_complete_model)
@network_option
@day_option
@json_option
@pass_app_context
def model(parts: AppContext, name: str, network: str | None, day: date | None, as_json: bool) -> None:
    """One model: its use, rank and share, and its last 30 days."""
    from bot import queries

    _print_answer(parts, queries.model(parts.query_context, name, network, day), as_json)


@click.command()
@click.option("--by", type=click.Choice(["uses", "rise", "fall"]), default="uses", show_default=True)
@network_option
@period_option
@day_option
@json_option
@pass_app_context
def top(parts: AppContext, by: str, network: str | None, period: PeriodName, day: date | None, as_json: bool) -> int:
    """The most used models, or those whose use rose or fell most against the period before."""
    from bot import queries

    return _print_each_answer(
        parts, network, as_json, lambda name: queries.top(parts.query_context, name, by, period, day)
    )


@click.command()
@click.option("--days", type=click.IntRange(1, 400), default=7, show_default=True, help="Days without a use.")
@click.option("--page", type=click.IntRange(min=1), default=1, show_default=True, help="Which hundred of them.")
@network_option
@day_option
@json_option
@pass_app_context
def idle(parts: AppContext, days: int, page: int, network: str | None, day: date | None, as_json: bool) -> int:
    """Models on offer that nobody used for so many days."""
    from bot import queries

    return _print_each_answer(
        parts, network, as_json, lambda name: queries.idle(parts.query_context, name, days, day, page)
    )


@click.command()
@click.argument("metric")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="Days to show.")
@network_option
@json_option
@pass_app_context
def trend(parts: AppContext, metric: str, days: int, network: str | None, as_json: bool) -> int:
    """One metric, day by day."""
    from bot import queries

    return _print_each_answer(
        parts, network, as_json, lambda name: queries.trend(parts.query_context, metric, name, days)
    )


@click.command()
@click.argument("a", shell_complete=_complete_model)
@click.argument("b", shell_complete=_complete_model)
@network_option
@json_option
@pass_app_context
def compare(parts: AppContext, a: str, b: str, network: str | None, as_json: bool) -> None:
    """Two models or two networks side by side."""
    from bot import queries

    _print_answer(parts, queries.compare(parts.query_context, a, b, network), as_json)


@click.command()
@network_option
@day_option
@json_option
@pass_app_context
def why(parts: AppContext, network: str | None, day: date | None, as_json: bool) -> int:
    """Which models moved usage against the day before; the parts add up to the whole."""
    from bot import queries

    return _print_each_answer(parts, network, as_json, lambda name: queries.why(parts.query_context, name, day))


@click.command()
@click.argument("metric")
@json_option
@pass_app_context
def method(parts: AppContext, metric: str, as_json: bool) -> None:
    """What a metric counts, in words."""
    from bot import queries

    _print_answer(parts, queries.method(parts.query_context, metric), as_json)


@click.command()
@json_option
@pass_app_context
def status(parts: AppContext, as_json: bool) -> None:
    """How fresh what we have of each network is, and what is posted next."""
    from bot import queries

    _print_answer(parts, queries.status(parts.query_context), as_json)


@click.command()
@json_option
@pass_app_context
def about(parts: AppContext, as_json: bool) -> None:
    """What Footfall is and which networks it watches."""
    from bot import queries

    _print_answer(parts, queries.about(parts.query_context), as_json)
