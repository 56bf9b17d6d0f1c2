"""Commands for the operator: doctor, confirm (decides about a held list), proof (explains one settlement), sources,
metrics, config."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, get_args

import click

from bot.cli.app_context import (
    AppContext,
    DayParam,
    UsageError,
    clock,
    json_option,
    network_option,
    pass_app_context,
    print_json,
    print_result,
)

if TYPE_CHECKING:
    from bot import ledger, pipeline
    from bot.records import Catalogue
import re

from bot.cli.line_wrap import line_width, table_lines
from bot.records import Document, Settlement
from bot.redaction import clip_text, redact

_MARKS = {True: click.style("ok  ", fg="green"), False: click.style("FAIL", fg="red"), None: "?   "}


@click.command()
@json_option
@click.pass_obj
def doctor(path: Any, as_json: bool) -> int:
    """Check configuration, database, sources, folders, keys and permissions, with a fix for each problem."""
    from bot.cli import doctor as cli_doctor

    checks = cli_doctor.run_checks(path)
    if as_json:
        print_json([{"check": c.name, "ok": c.ok, "found": c.text, "fix": c.fix} for c in checks])
    else:
        for check in checks:
            mark = _MARKS[check.ok]
            click.echo(f"{mark} {check.name}: {check.text}")
            if not check.ok and check.fix:
                click.echo(f"     fix: {check.fix}")
    return 1 if any(check.ok is False for check in checks) else 0


@click.command()
@json_option
@pass_app_context
def sources(parts: AppContext, as_json: bool) -> None:
    """List the networks, their catalogues, and which are configured."""
    from bot import sources as known

    blocks = parts.settings.config.networks
    names = dict.fromkeys([*known.network_names(), *blocks])
    declared = {n: known.load_network(n, blocks[n]) if n in blocks else known.load_module(n) for n in names}
    rows = [
        {
            "network": name,
            "title": network.TITLE,
            "catalogues": [
                {"catalogue": c.key, "title": c.title, "unit": c.unit, "evidence": c.evidence}
                for c in network.CATALOGUES
            ],
            "secrets": list(network.SECRETS),
            "configured": name in parts.network_plans,
        }
        for name, network in declared.items()
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
    chosen = _redacted(chosen)
    secrets = {name: name in settings.secrets for name in parts.known_secret_names}
    if as_json:
        print_json({"config": chosen, "secrets": secrets})
        return
    import yaml

    click.echo(yaml.safe_dump(chosen, sort_keys=False, allow_unicode=True).rstrip())
    for name, held in secrets.items():
        click.echo(f"# {name}: {'set' if held else 'not set'}")


def _redacted(value: Any) -> Any:
    """A document whose texts hold no secret, such as `?token=` in an address."""
    if isinstance(value, dict):
        return {key: _redacted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner) for inner in value]
    return redact(value) if isinstance(value, str) else value


def _print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    import sys

    if not sys.stdout.isatty():
        for row in (heads, *rows):
            click.echo("\t".join(row))
        return
    click.echo("\n".join(table_lines(heads, rows, line_width())))


@click.command()
@network_option
@click.option("--day", type=DayParam(), help="The UTC day of the list to decide about.")
@click.option("--reject", is_flag=True, help="Leave the list of that day out for good, whatever later readings show.")
@click.option("--undo", is_flag=True, help="Withdraw an earlier decision and leave it to the readings.")
@json_option
@pass_app_context
def confirm(parts: AppContext, network: str | None, day: date | None, reject: bool, undo: bool, as_json: bool) -> int:
    """Confirm a day whose list is held because it is implausible: much shorter than the one before, or without use.

    Without --day, it shows the days that are held. Later readings also decide by themselves: a list that stays the
    same for three more days is confirmed, and one that goes back to what it was before is left out.
    """
    if reject and undo:
        raise UsageError("--reject and --undo exclude each other")
    if day is None and (reject or undo):
        raise UsageError("--reject and --undo need --day")
    plans = parts.selected_networks(network)
    if day is not None:
        _apply_decision(parts, plans, day, None if undo else "rejected" if reject else "confirmed", as_json)
    rows = list(_hold_documents(parts, plans))
    lines = [f"{row['network']} {row['catalogue']} {row['day']}: {row['state']}: {row['reason']}" for row in rows]
    lines += [] if any(row["state"] == "held" for row in rows) else ["no day is held"]
    print_result(rows, lines, as_json)
    return 0


def _apply_decision(
    parts: AppContext, plans: list[pipeline.NetworkPlan], day: date, decision: ledger.Decision | None, as_json: bool
) -> None:
    from bot import ledger, pipeline
    from bot.records import PeriodName
    from bot.render.document_translation import STATUSES

    done = [
        plan for plan in plans if sum(ledger.record_decision(parts.store, c, day, decision) for c in plan.catalogues)
    ]
    if not done:
        raise UsageError(f"{day}: no list of this day is held; to see those that are: python -m bot confirm")
    for plan in done:
        for name in get_args(PeriodName):
            for document in pipeline.compose_outdated(parts.store, parts.archive, plan, name, clock()):
                status = STATUSES[document["status"]]
                text = f"composed {name} {document['day']} again: edition {document['edition']}, {status}"
                click.echo(f"{plan.network}: {text}", err=as_json)


def _hold_documents(parts: AppContext, plans: list[pipeline.NetworkPlan]) -> Iterator[dict[str, object]]:
    """Every list that is held, and those that an operator decided about."""
    for plan in plans:
        for catalogue in plan.catalogues:
            yield from (_hold_document(catalogue, hold) for hold in _shown_holds(parts, catalogue))


def _shown_holds(parts: AppContext, catalogue: Catalogue) -> Iterator[ledger.Hold]:
    from bot import ledger

    days = ledger.held_days(parts.store, catalogue, ("held", "rejected", "confirmed"))
    return (hold for hold in days if hold.state == "held" or hold.by_hand)


def _hold_document(catalogue: Catalogue, hold: ledger.Hold) -> dict[str, object]:
    named = {"network": catalogue.network, "catalogue": catalogue.key, "day": hold.day.isoformat()}
    return {**named, "state": hold.state, "reason": hold.reason, "by_hand": hold.by_hand}


NETWORK = "opengradient"


@click.command()
@click.argument("what", metavar="TX|BLOB|LEAF")
@json_option
@pass_app_context
def proof(parts: AppContext, what: str, as_json: bool) -> int:
    """Explain one settlement of OpenGradient: the log, its blob, the recomputed Merkle root, the verdict on each leaf,
    and pages where you can look it up yourself.

    TX is a transaction hash, BLOB a Walrus blob id, LEAF the key of a leaf as this command prints it.
    """
    from bot import ledger
    from bot.sources import opengradient

    parts.network_plan(NETWORK)
    chosen = parts.settings.config.networks[NETWORK]
    memory = ledger.SourceState(parts.store, NETWORK)
    tx = what.lower() if re.fullmatch(r"0x[0-9a-fA-F]{64}", what) else ""
    known = _known_settlements(memory, what, tx)
    if not known and not tx:
        raise UsageError(
            f"{clip_text(what, 80)}: not in the ledger; wanted a transaction hash, a blob id or a leaf's key"
        )
    settlements = opengradient.explain_settlements(
        chosen, parts.settings.config.data, clock(), known, tx, memory.counted_leaves
    )
    if not settlements:
        raise UsageError(f"{tx}: no settlement of a pinned relay in this transaction")
    print_result(settlements, (line for document in settlements for line in _settlement_lines(document)), as_json)
    return 0


def _known_settlements(memory: object, what: str, tx: str) -> tuple[Settlement, ...]:
    from bot import ledger

    assert isinstance(memory, ledger.SourceState)
    if settlements := memory.find_settlements("llm", tx or what):
        return settlements
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", what):
        place = memory.settlement_of_leaf("llm", bytes.fromhex(what.removeprefix("0x")))
        return memory.find_settlements("llm", place) if place else ()
    return ()


def _settlement_lines(settlement: Document) -> list[str]:
    stranger = "" if settlement["pinned"] else ", which is not pinned"
    lines = [
        f"Settlement {settlement['place']}",
        f"  log: block {settlement['block']}, {settlement['at']}, by {settlement['relay']}{stranger}",
        f"  claims: {settlement['size']} inferences",
        f"  blob: {settlement['blob']['id'] or 'none'}: {settlement['blob']['found']}",
        f"  Merkle root: {settlement['root_check']}",
        f"  backed: {settlement['backed']}; verified: {settlement['verified']}",
        *(f"  gap: {gap}" for gap in settlement["gaps"]),
        *(f"  leaf {leaf['key']}: {leaf['verdict']} ({leaf['reason']})" for leaf in settlement["leaves"]),
    ]
    if settlement["leaves_not_shown"]:
        lines.append(f"  and {settlement['leaves_not_shown']} more leaves")
    return lines + [f"  {name}: {url}" for name, url in settlement["links"].items() if url]
