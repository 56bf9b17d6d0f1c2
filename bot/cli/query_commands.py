"""The commands of queries: one for each query of `bot.queries.registry`, with its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import click

from bot import pipeline
from bot.cli.app_context import AppContext, clock, json_option, pass_app_context, print_json, query_option
from bot.cli.line_wrap import line_width, wrap_lines
from bot.cli.network_selection import answer_each
from bot.queries import QueryContext
from bot.queries.registry import QUERIES, QueryOption, QuerySpec
from bot.records import Document, GroupKind, Period, PeriodName

_DIGEST_HELP = "JSON is the archive's own document."


def __getattr__(name: str) -> click.Command:
    """The command of a query, for `bot.cli`; `show` is another name for `digest`."""
    query = QUERIES.get("digest" if name == "show" else name)
    if query is None:
        raise AttributeError(name)
    return _make_command(query)


def _make_command(query: QuerySpec) -> click.Command:
    def run(parts: AppContext, as_json: bool, **options: Any) -> int:
        return _print_answers(parts, query, options, as_json)

    command = json_option(pass_app_context(run))
    for option in reversed(query.options):
        command = (_argument(option) if option.required else query_option(option))(command)
    words = f"{query.summary} {_DIGEST_HELP}" if query.name == "digest" else query.summary
    return click.command(query.name, help=words)(command)


def _argument(option: QueryOption) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.argument(option.name, shell_complete=_complete_name(option.kind) if option.is_foreign else None)


def _complete_name(kind: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Shell completion of models, authors or categories: those that start with the text, otherwise those that do after
    the author. Empty without a database."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        from bot.records import FootfallError

        parts = AppContext(ctx.find_root().params["config_path"])
        try:
            names = _known_names(parts.query_context, kind, ctx.params.get("network"))
        except FootfallError:
            return []
        finally:
            parts.close()
        typed = incomplete.casefold()
        whole = [name for name in names if name.casefold().startswith(typed)]
        return whole or [name for name in names if name.casefold().rpartition("/")[2].startswith(typed)]

    return complete


def _known_names(desk: QueryContext, kind: str, network: str | None) -> list[str]:
    from bot import ledger
    from bot.queries.group_queries import group_names

    networks = [desk.find_network(network)] if network else list(desk.watched.values())
    if kind in ("author", "category"):
        by: GroupKind = "author" if kind == "author" else "category"
        return [str(name) for watched in networks for _, name in group_names(desk, by, watched)]
    known = [n for watched in networks for c in watched.catalogues for n in ledger.known_names(desk.store, c)]
    return [str(name) for name in known if not desk.is_hidden(name)]


def _print_answers(parts: AppContext, query: QuerySpec, options: Mapping[str, Any], as_json: bool) -> int:
    """Print the answer: of the given network, or of each, which is a list in JSON."""
    if not query.is_per_network:
        answers, exit_code = [query.answer(parts.query_context, **options)], 0
    else:
        plans = parts.selected_networks(options["network"])
        each = answer_each(plans, lambda plan: _find_answer(parts, query, {**options, "network": plan.network}))
        answers, exit_code = each.answers, each.exit_code
    if as_json:
        print_json(answers if query.is_per_network and not options["network"] else answers[0])
        return exit_code
    for number, answer in enumerate(answers):
        if number and query.name != "digest":
            click.echo()
        click.echo(wrap_lines(_answer_text(parts, query, answer), line_width()))
    return exit_code


def _find_answer(parts: AppContext, query: QuerySpec, options: Mapping[str, Any]) -> Document:
    if query.name != "digest":
        return query.answer(parts.query_context, **options)
    newest = find_or_compose(parts, options["network"], options["period"], options["day"])
    if options["edition"] is None:
        return newest
    return query.answer(parts.query_context, **{**options, "day": date.fromisoformat(newest["day"])})


def _answer_text(parts: AppContext, query: QuerySpec, answer: Document) -> str:
    from bot import render

    if query.name == "digest":
        return "\n\n".join(pipeline.render_post(answer, "text", parts.settings.config.hidden_names).parts)
    words = render.render_template(
        "text", f"text/answers/{query.name}.j2", hidden=parts.settings.config.hidden_names, answer=answer
    )
    return "\n".join(line.rstrip() for line in words.splitlines() if line.strip())


def find_or_compose(parts: AppContext, network: str, period: PeriodName, day: date | None) -> Document:
    """A digest from the archive; a covered period that was never composed is composed now."""
    return parts.query_context.mask_hidden(_find_or_compose(parts, parts.network_plan(network), period, day))


def _find_or_compose(parts: AppContext, plan: pipeline.NetworkPlan, period: PeriodName, day: date | None) -> Document:
    if not plan.members:
        parts.store_static_listings(plan.network)
    told_late = any(catalogue.evidences for catalogue in plan.catalogues)
    if day is None:
        newest = parts.archive.newest_digest(plan.network, period)
        covered = pipeline.covered_periods(parts.store, plan, period)
        # Events arrive late, so a draft is composed again; an issued digest stays.
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
