"""Commands that show what would be published: preview, site, web."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from bot import pipeline
from bot.cli.app_context import (
    AppContext,
    UsageError,
    clock,
    day_option,
    json_option,
    network_option,
    pass_app_context,
    period_option,
    print_json,
)
from bot.cli.network_selection import answer_each
from bot.cli.query_commands import find_or_compose
from bot.i18n import LANGUAGES
from bot.records import Document, PeriodName

if TYPE_CHECKING:
    from bot.cli.process_pool import DigestPool


class OutletParam(click.ParamType[str]):
    """An outlet with posts, the site, or "text" for a terminal."""

    name = "outlet"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from bot.config import did_you_mean

        if value not in self.known():
            self.fail(f"{value}: no such outlet; known: {did_you_mean(value, self.known())}")
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in self.known() if name.startswith(incomplete)]

    @staticmethod
    def known() -> tuple[str, ...]:
        from bot import outlets

        return ("text", *outlets.outlet_names())


@click.command()
@click.option("--outlet", type=OutletParam(), help="One outlet, text or site; the configured outlets by default.")
@click.option("--locale", type=click.Choice(list(LANGUAGES)), help="A language; by default the outlet's own.")
@network_option
@period_option
@day_option
@json_option
@pass_app_context
def preview(
    parts: AppContext,
    outlet: str | None,
    locale: str | None,
    network: str | None,
    period: PeriodName,
    day: date | None,
    as_json: bool,
) -> int:
    """Show exactly what would be posted: text, length as the outlet counts, cost, alt text, picture path."""
    wanted = [outlet] if outlet else parts.shown_outlets()
    if outlet == "site":
        index = write_site(parts)
        click.echo(f"Archive site: {index}", err=as_json)
        if as_json:
            print_json([{"outlet": "site", "path": str(index)}])
        return 0

    def posts(plan: pipeline.NetworkPlan) -> list[Document]:
        document = find_or_compose(parts, plan.network, period, day)
        if as_json:
            return _post_documents(parts, document, wanted, locale)
        print_previews(parts, document, wanted, locale)
        return []

    each = answer_each(parts.selected_networks(network), posts)
    if as_json:
        print_json([post for answer in each.answers for post in answer])
    return each.exit_code


def outlet_languages(parts: AppContext, outlet: str) -> tuple[str, ...]:
    """The languages of an outlet's destinations, each once; English if none is configured."""
    block = parts.settings.config.outlets.get(outlet)
    spoken = getattr(block, "locales", {})
    return tuple(
        dict.fromkeys(spoken.get(destination, "en") for destination in getattr(block, "destinations", ()))
    ) or ("en",)


def print_previews(parts: AppContext, document: Document, outlets: Iterable[str], locale: str | None = None) -> None:
    """Print what each outlet would get, and write the pictures to the output folder."""
    from bot import render

    for outlet, spoken in (
        (name, each) for name in outlets for each in ([locale] if locale else outlet_languages(parts, name))
    ):
        post = pipeline.render_post(document, outlet, parts.settings.config.hidden_names, spoken, parts.post_options)
        paths = [str(write_file(_picture_folder(parts, document) / p.name, p.content)) for p in post.pictures]
        title = post_title(outlet) + ("" if spoken == "en" else f" ({spoken})")
        limit = parts.post_options.limits.get(outlet)
        click.echo(click.style(f"== {title}: {document['title']}, {document['day']} ==", bold=True))
        click.echo("\n\n".join(post.parts) if outlet == "text" else render.preview_text(post, paths, limit=limit))
        click.echo()


def post_title(outlet: str) -> str:
    """The heading above an outlet's post."""
    from bot import outlets

    return "The digest" if outlet == "text" else f"What {outlets.load_module(outlet).TITLE} would get"


def print_briefly(parts: AppContext, document: Document) -> None:
    """Print the text that the outlets would get, without tables, pictures and costs."""
    for outlet in parts.shown_outlets():
        post = pipeline.render_post(document, outlet, parts.settings.config.hidden_names, "en", parts.post_options)
        text = str(post.embed["description"]) if post.embed else "\n\n".join(post.parts)
        click.echo(click.style(f"\n== {post_title(outlet)} for {document['day']} ==", bold=True))
        click.echo("\n".join(line for line in text.splitlines() if line))
    click.echo(f"\nAll of it: python -m bot preview --network {document['network']} --day {document['day']}")


def _post_documents(parts: AppContext, document: Document, wanted: Iterable[str], locale: str | None) -> list[Document]:
    from bot import findings, outlets, render

    posts, lead = [], findings.lead_of(document)
    for outlet, spoken in (
        (name, each) for name in wanted for each in ([locale] if locale else outlet_languages(parts, name))
    ):
        post = pipeline.render_post(document, outlet, parts.settings.config.hidden_names, spoken, parts.post_options)
        pictures = [
            {"path": str(write_file(_picture_folder(parts, document) / p.name, p.content)), "alt": p.alt}
            for p in post.pictures
        ]
        extra: dict[str, object] = {}
        if outlet != "text":
            counted = outlets.post_format(outlet).counted.replace(" ", "_")
            extra = {counted: render.post_lengths(post)[0], "cost_usd": f"{render.cost(post):f}", "data": post.data}
        heading = {"network": document["network"], "day": document["day"], "outlet": outlet, "locale": spoken}
        news = {"text": "\n\n".join(post.parts), "lead": lead.form, "finding": lead.finding and lead.finding["key"]}
        posts.append({**heading, **news, "parts": post.parts, "embed": post.embed, "pictures": pictures, **extra})
    return posts


def _picture_folder(parts: AppContext, document: Document) -> Path:
    return parts.settings.config.out.joinpath("pictures", document["network"], document["period"], document["day"])


def write_file(path: Path, content: bytes) -> Path:
    """Write a file completely, or leave the old one."""
    import os
    import tempfile

    from bot.site_builder import make_readable_parents

    try:
        make_readable_parents(path)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            part.write(content)
        os.chmod(part.name, 0o644)
        os.replace(part.name, path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    return path


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@pass_app_context
def site(parts: AppContext, folder: Path | None) -> None:
    """Write the archive site into FOLDER (out/site by default)."""
    click.echo(f"Archive site: {write_site(parts, folder)}")


def write_site(
    parts: AppContext,
    folder: Path | None = None,
    tell: Callable[[str], None] | None = None,
    pool: DigestPool | None = None,
) -> Path:
    """Bring the site up to date with the archive. Returns the path of its front page. Calls `tell` for each page that
    is rendered; by default a progress bar is shown."""
    from functools import partial

    from bot import site_builder
    from bot.cli.app_context import progress_bar
    from bot.cli.process_pool import open_site

    target = folder or parts.settings.config.out / "site"
    with nullcontext(tell) if tell else progress_bar("rendering pages") as progress:
        at = clock()
        render_all = partial(pool.render, at) if pool else site_builder.render_groups
        index: Path = site_builder.update_site(open_site(parts, at), target, progress, render_all)
    return index


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, envvar="PORT")
@pass_app_context
def web(parts: AppContext, host: str, port: int) -> None:
    """Serve the archive site and the JSON API at /api.

    /health and /metrics are on web.monitoring_host and web.monitoring_port (127.0.0.1:9465).
    """
    import time

    from bot import logging_setup
    from bot import web as pages
    from bot.cli import process_exit
    from bot.cli.process_pool import open_site
    from bot.site_builder import OnDemandSite

    logging_setup.configure_logging(parts.secret_values)
    settings, token = parts.settings.config, parts.settings.secret_value("MONITORING_TOKEN")
    on_demand = OnDemandSite(lambda: open_site(parts, clock()))
    pages.run_server(parts.query_context, settings.out / "site", host, port, settings.web, token or "", on_demand)
    process_exit.leave(time.monotonic())  # the grace is already over
