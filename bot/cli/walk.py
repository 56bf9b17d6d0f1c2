"""Commands that do the work: demo, collect, compose, verify."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import click

from bot.cli.parts import (
    Day,
    Parts,
    UsageError,
    clock,
    day_option,
    json_option,
    network_option,
    period_option,
    print_json,
    progress,
    with_parts,
)
from bot.records import Period, PeriodName


@click.command()
@with_parts
def demo(parts: Parts) -> int:
    """The whole walk on Replicate's public record: collect, compose each day, render, archive. No keys."""
    from bot.cli.show import print_previews, write_site

    plan = parts.plan("replicate")
    if code := _collect(parts, ["replicate"], None, False):
        return code
    _compose(parts, plan.network, "day", None, again=True)
    index = write_site(parts)
    newest = parts.archive.newest(plan.network)
    if newest is None:
        raise UsageError("replicate: nothing to show: the record closes no day")
    print_previews(parts, newest, ("text", "x", "discord"))
    click.echo(f"Archive site: {index}")
    return 0


@click.command()
@network_option
@click.option("--since", type=Day(), help="First day wanted.")
@click.option("--until", type=Day(), help="Last day wanted.")
@json_option
@with_parts
def collect(parts: Parts, network: str | None, since: date | None, until: date | None, as_json: bool) -> int:
    """Ask the networks for what they list and count, and keep it in the ledger."""
    for day in (since, until):
        if day:
            parts.desk.past(day)
    if since and until and since > until:
        raise UsageError(f"--since {since} is after --until {until}")
    wanted = Period(since or date(2009, 1, 3), until or clock().date()) if since or until else None
    return _collect(parts, [plan.network for plan in parts.chosen(network)], wanted, as_json)


def _collect(parts: Parts, networks: list[str], wanted: Period | None, as_json: bool) -> int:
    from bot import daily

    done = []
    with progress("collecting") as tell:
        for network in networks:
            done.append(daily.collect(parts.store, network, parts.source(network), wanted, tell))
    for one in done:
        if one.error:
            click.echo(one.error, err=True)
        if not as_json:
            closes = f"; newest day {one.last_day}" if one.last_day else ""
            click.echo(f"{one.network}: {one.new} new snapshots, {one.known} known already{closes}")
    if as_json:
        print_json([{**_fields(one), "last_day": one.last_day.isoformat() if one.last_day else None} for one in done])
    failed = [one for one in done if one.error]
    partly = any(one.new or one.known for one in done)
    return 0 if not failed else 3 if partly else 1


def _fields(one: Any) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(one)


@click.command()
@network_option
@period_option
@day_option
@json_option
@with_parts
def compose(parts: Parts, network: str | None, period: PeriodName, day: date | None, as_json: bool) -> int:
    """Make digests from the ledger: of the period that holds --day, or of every period that has none yet."""
    documents = [d for plan in parts.chosen(network) for d in _compose(parts, plan.network, period, day)]
    if as_json:
        print_json(documents)
        return 0
    for document in documents:
        click.echo(f"{document['network']} {document['day']}: edition {document['edition']}, {document['status']}")
    if not documents:
        click.echo("nothing to compose: every period that is covered has its digest")
    return 0


def _compose(
    parts: Parts, network: str, name: PeriodName, day: date | None, again: bool = False
) -> list[dict[str, Any]]:
    from bot import daily

    plan = parts.plan(network)
    if day:
        periods: tuple[Period, ...] = (parts.covered(plan, day, name),)
    else:
        kept = set() if again else {entry.day for entry in parts.archive.listed(network, name)}
        periods = tuple(p for p in daily.covered(parts.store, plan, name) if p.first not in kept)
    documents = []
    with progress("composing", len(periods)) as tell:
        for period in periods:
            documents.append(daily.compose(parts.store, parts.archive, plan, period, clock()))
            tell(f"{network}: composed {period.first}")
    return documents


@click.command()
@click.argument("digest", metavar="DAY|FILE")
@network_option
@period_option
@json_option
@with_parts
def verify(parts: Parts, digest: str, network: str | None, period: PeriodName, as_json: bool) -> int:
    """Recompute a digest from the records it rests on and compare it, figure by figure, with what was said.

    DAY is a day in the archive; FILE is a digest.json as the archive site offers it.
    """
    from bot import daily, sources

    documents = _documents(parts, digest, network, period)
    results = []
    for document in documents:
        plan = parts.plan(document["network"])
        found = list(daily.mismatches(parts.store, plan, document))
        figures = sum(len(block["figures"]) for block in [*document["catalogues"], *document["panels"]])
        chosen = parts.settings.config.networks[plan.network]
        records = [sources.checked(plan.network, chosen, parts.data, ref) for ref in document["refs"]]
        results.append({**_named(document), "figures": figures, "mismatches": found, "records": records})
    if as_json:
        print_json(results)
    else:
        for result in results:
            _print_verdict(result)
    bad = any(r["mismatches"] or any(c["state"] == "altered" for c in r["records"]) for r in results)
    return 1 if bad else 0


def _named(document: dict[str, Any]) -> dict[str, Any]:
    return {key: document.get(key) for key in ("network", "period", "day", "edition")}


def _documents(parts: Parts, digest: str, network: str | None, period: PeriodName) -> list[dict[str, Any]]:
    try:
        day = date.fromisoformat(digest)
    except ValueError:
        return [_read_digest(parts, Path(digest))]
    found = []
    for plan in parts.chosen(network):
        parts.covered(plan, day, period)
        found.append(parts.desk.document(plan.network, period, day))
    return found


def _read_digest(parts: Parts, path: Path) -> dict[str, Any]:
    wanted = "wanted a day as YYYY-MM-DD or a digest.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path}: cannot be read as a digest: {getattr(error, 'strerror', None) or error}; {wanted}"
        ) from error
    needed = {"network", "period", "day", "catalogues", "panels", "refs", "composed_at"}
    if not isinstance(document, dict) or not needed <= document.keys():
        raise UsageError(f"{path}: is no digest; {wanted}")
    parts.plan(document["network"])
    return document


def _print_verdict(result: dict[str, Any]) -> None:
    head = f"{result['network']} {result['day']} edition {result['edition']}"
    if result["mismatches"]:
        click.echo(f"{head}: MISMATCH in {len(result['mismatches'])} of {result['figures']} figures")
        for line in result["mismatches"]:
            click.echo(f"  {line}")
    else:
        click.echo(f"{head}: match, {result['figures']} figures")
    for record in result["records"]:
        click.echo(f"  {record['state']}: {record['url']} at {record['at']} {record['sha256'][:12]}")


__all__ = ["collect", "compose", "demo", "verify"]
