"""Commands that maintain the lake: compact, verify, prune."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click

from bot import sources
from bot.cli.app_context import AppContext, UsageError, clock, json_option, pass_app_context, print_json, progress_bar
from bot.clients import raw_retention
from bot.config import parse_duration
from bot.ledger import maintenance

LEASE = "lake"
LASTS = timedelta(minutes=10)


@click.group()
def lake() -> None:
    """Maintain the files of single events. All of these may run beside the worker."""


@lake.command()
@json_option
@pass_app_context
def compact(parts: AppContext, as_json: bool) -> int:
    """Merge the files of each day that is over into one per kind, and remove files that no day names any more."""
    with _lake_lease(parts) as on:
        done = _run_with_progress("compacting", maintenance.compact_days(parts.store, clock().date()), on)
        files, size = maintenance.sweep_files(parts.store, clock())
        packed = [*raw_retention.pack_days(parts.settings.config.data, clock().date())]
    swept = {"files": files, "bytes": size}
    problems = [problem for _, _, problem in packed if problem]
    if as_json:
        print_json({"days": done, "swept": swept, "raw": {"days_packed": len(packed), "problems": problems}})
    else:
        _print_summary(done, "compacted")
        click.echo(f"{files} files that no day names removed, {_format_megabytes(size)}")
        click.echo(f"raw answers of {len(packed)} days packed")
        _print_problems(problems)
    return _exit_code(done) or bool(problems)


@lake.command()
@json_option
@pass_app_context
def verify(parts: AppContext, as_json: bool) -> int:
    """Read every day; check each file against its hash, and the day's totals against the database. Check the raw
    answers of networks against their hashes, and that those of the last `lake.keep` are there."""
    done = _run_with_progress("verifying", maintenance.verify_days(parts.store))
    raw = _verify_raw(parts)
    if as_json:
        print_json({"days": done, "raw": dataclasses.asdict(raw)})
    else:
        _print_summary(done, "good")
        click.echo(f"raw answers: {raw.intact} intact, {raw.pruned} pruned, {raw.missing} missing")
        _print_problems(raw.problems)
    return 1 if raw.problems or any(row["problem"] for row in done) else 0


@dataclasses.dataclass(slots=True)
class _RawVerdict:
    """What the raw answers on this machine are like."""

    intact: int = 0
    pruned: int = 0
    missing: int = 0
    problems: list[str] = dataclasses.field(default_factory=list)


def _verify_raw(parts: AppContext) -> _RawVerdict:
    """Check all that is stored, then that what the ledger rests on is stored or was pruned."""
    config, verdict, known = parts.settings.config, _RawVerdict(), set[tuple[str, str]]()
    for network, sha256, problem in raw_retention.verify_archives(config.data):
        known.add((network, sha256))
        verdict.intact += not problem
        verdict.problems += [problem] if problem else []
    missing: Counter[str] = Counter()
    for network, ref in maintenance.stored_refs(parts.store, clock().date() - config.lake.keep):
        if network not in config.networks or (network, ref.sha256) in known:
            continue
        known.add((network, ref.sha256))
        named = {"url": ref.url, "at": ref.at.isoformat(), "sha256": ref.sha256}
        state = sources.verify_ref(network, config.networks[network], config.data, named)["state"]
        verdict.pruned += state == "pruned"
        missing[network] += state == "not at hand"
    verdict.missing = missing.total()
    verdict.problems += [
        f"{network}: {count} raw answers that figures rest on are not on this machine; restore "
        f"{raw_retention.raw_folder(config.data, network)} from a copy, or verify where they were read"
        for network, count in missing.items()
        if count
    ]
    return verdict


def _print_problems(problems: Iterable[str]) -> None:
    for problem in problems:
        click.echo(problem, err=True)


@lake.command()
@click.option("--older", required=True, metavar="D", help="Delete events older than this, such as 400d.")
@json_option
@pass_app_context
def prune(parts: AppContext, older: str, as_json: bool) -> int:
    """Delete the events of old days. Figures, digests and receipts stay; such a day accepts no more events. `lake
    compact` removes the files themselves once no day has named them for two hours. The raw answers of those days go
    as well; their hashes stay."""
    try:
        age = parse_duration(older)
    except ValueError as error:
        raise UsageError(f"--older {older}: {error}") from error
    if age < maintenance.LEAST:
        raise UsageError(
            f"--older {older}: wanted {maintenance.LEAST.days}d or more: the 30-day figures need the events"
        )
    with _lake_lease(parts) as on:
        done = _run_with_progress("pruning", maintenance.prune_days(parts.store, clock().date(), age), on)
        before = clock().date() - age
        freed = sources.prune_raw(parts.settings.config.data, before)
    if as_json:
        print_json({"days": done, "raw_bytes": freed})
    else:
        click.echo(f"raw answers of days before {before}: {freed:,} bytes removed")
        _print_summary(done, "pruned")
    return _exit_code(done)


@contextmanager
def _lake_lease(parts: AppContext) -> Iterator[Callable[[], object]]:
    """Hold the lease of lake maintenance, so that only one process does it. Call the yielded function to renew it."""
    from secrets import token_hex

    from bot import leases, process_locks

    name = f"lake-{token_hex(8)}"

    def hold() -> bool:
        return leases.acquire_lease(parts.store, LEASE, name, clock(), LASTS)

    with process_locks.announced(parts.store, name):
        if not hold():
            raise UsageError("another process is maintaining the lake; try again when it is done")
        try:
            yield hold
        except OSError as error:
            raise UsageError(f"{error.filename}: {error.strerror}; make room, or make it writable") from error
        finally:
            leases.release_lease(parts.store, LEASE, name)


def _run_with_progress(
    title: str, results: Iterable[maintenance.MaintenanceResult], on: Callable[[], object] = bool
) -> list[dict[str, Any]]:
    done = []
    with progress_bar(title) as tell:
        for result in results:
            on()
            tell(f"{result.network} {result.catalogue} {result.day}: {result.problem or 'done'}")
            done.append({**dataclasses.asdict(result), "day": result.day.isoformat()})
    return done


def _print_summary(done: list[dict[str, Any]], verb: str) -> None:
    good = [row for row in done if not row["problem"]]
    freed = sum(row["bytes"] - row["bytes_now"] for row in good)
    click.echo(
        f"{len(good)} days {verb}, {sum(row['events'] for row in good)} events"
        + (f", {_format_megabytes(freed)} less" if freed else "")
    )
    for row in done:
        if row["problem"]:
            click.echo(f"{row['network']} {row['catalogue']} {row['day']}: {row['problem']}", err=True)


def _format_megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _exit_code(done: list[dict[str, Any]]) -> int:
    wrong = sum(bool(row["problem"]) for row in done)
    return 0 if not wrong else 3 if wrong < len(done) else 1
