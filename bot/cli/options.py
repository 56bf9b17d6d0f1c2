"""What the commands' functions share: how they get their context and options, and how they print JSON and progress."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import click

from bot.cli.app_context import AppContext


def pass_app_context(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hand a command its `AppContext`, and close the database behind it."""
    from functools import wraps

    @wraps(command)
    @click.pass_context
    def run(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        parts = AppContext(ctx.obj)
        try:
            return ctx.invoke(command, parts, *args, **kwargs)
        finally:
            parts.close()

    return run


def day_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--day", type=DayParam(), help="A UTC day, YYYY-MM-DD; the newest by default.")(command)


def network_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--network", metavar="NETWORK", help="One network; each configured one by default.")(command)


def period_option(command: Callable[..., Any]) -> Callable[..., Any]:
    kinds = click.Choice(["day", "week", "month"])
    return click.option("--period", type=kinds, default="day", show_default=True, help="The kind of period.")(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


class DayParam(click.ParamType["date"]):
    """A day as YYYY-MM-DD."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        day = parse_day(value)
        return day or self.fail(f"found {value!r}, wanted a day as YYYY-MM-DD", param, ctx)


def parse_day(text: str) -> date | None:
    """A day written as YYYY-MM-DD, of all the ways that ISO 8601 has."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def print_json(value: object) -> None:
    import json

    unicode = (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")
    click.echo(json.dumps(value, ensure_ascii=not unicode, indent=2))


@contextmanager
def progress_bar(title: str, total: int | None = None) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal, plain lines on standard error elsewhere. The yielded function tells one step."""
    if not sys.stderr.isatty():
        yield lambda line: click.echo(line, err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda line: bar.update(task, advance=1, description=line[: max(20, bar.console.width - 40)])
