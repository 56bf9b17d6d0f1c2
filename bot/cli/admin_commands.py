"""Commands for the operator: doctor, sources, metrics, config."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from bot.cli.app_context import AppContext, json_option, pass_app_context, print_json

_MARKS = {True: click.style("ok  ", fg="green"), False: click.style("FAIL", fg="red"), None: "?   "}


@click.command()
@json_option
@click.pass_obj
def doctor(path: Any, as_json: bool) -> int:
    """Check configuration, database, sources, folders, keys and permissions, with a fix for each problem."""
    from bot.cli import doctor as cli_doctor

    found = cli_doctor.run_checks(path)
    if as_json:
        print_json([{"check": c.name, "ok": c.ok, "found": c.text, "fix": c.fix} for c in found])
    else:
        for check in found:
            mark = _MARKS[check.ok]
            click.echo(f"{mark} {check.name}: {check.text}")
            if not check.ok and check.fix:
                click.echo(f"     fix: {check.fix}")
    return 1 if any(check.ok is False for check in found) else 0


@click.command()
@json_option
@pass_app_context
def sources(parts: AppContext, as_json: bool) -> None:
    """List the networks, their catalogues, and which are configured."""
    from bot import sources as known

    rows = [
        {
            "network": name,
            "title": known.load_module(name).TITLE,
            "catalogues": [
                {"catalogue": c.key, "title": c.title, "unit": c.unit, "evidence": c.evidence}
                for c in known.load_module(name).CATALOGUES
            ],
            "secrets": list(known.load_module(name).SECRETS),
            "configured": name in parts.network_plans,
        }
        for name in known.network_names()
    ]
    if as_json:
        print_json(rows)
        return
    flat = [
        (r["network"], c["catalogue"], c["title"], c["unit"], c["evidence"], "yes" if r["configured"] else "no")
        for r in rows
        for c in r["catalogues"]
    ]
    _print_table(("network", "catalogue", "lists", "unit", "evidence", "configured"), flat)


@click.command()
@json_option
def metrics(as_json: bool) -> None:
    """List the metrics with their definitions."""
    from bot.metrics import METRICS

    if as_json:
        from bot import queries

        print_json(queries.metric_definitions())
        return
    _print_table(("metric", "unit", "definition"), [(m.key, m.unit, m.definition) for m in METRICS.values()])


@click.command()
@json_option
@pass_app_context
def config(parts: AppContext, as_json: bool) -> None:
    """Show the settings in force, defaults included. For secrets, only whether they are set."""
    import json

    settings = parts.settings
    chosen = json.loads(settings.config.model_dump_json())
    for kind in ("networks", "outlets"):
        chosen[kind] = {
            name: json.loads(block.model_dump_json()) for name, block in getattr(settings.config, kind).items()
        }
    secrets = {name: name in settings.secrets for name in parts.secret_names}
    if as_json:
        print_json({"config": chosen, "secrets": secrets})
        return
    import yaml

    click.echo(yaml.safe_dump(chosen, sort_keys=False, allow_unicode=True).rstrip())
    for name, held in secrets.items():
        click.echo(f"# {name}: {'set' if held else 'not set'}")


def _print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    import sys

    if not sys.stdout.isatty():
        for row in (heads, *rows):
            click.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
