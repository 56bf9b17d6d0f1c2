"""The checks of `doctor`: one function per subject, each problem with its fix."""

from __future__ import annotations

import errno
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from bot import lake
from bot.cli.app_context import AppContext, clock
from bot.clients import raw_retention
from bot.records import CheckResult, FootfallError, try_check
from bot.redaction import redact
from bot.store import StoreError

LITTLE = 500_000_000
"""Free bytes below which a disk counts as nearly full. A day of a busy network with its pages takes tens of MB."""
FEW_DAYS = 30
"""Days until the disk is full below which `doctor` warns."""
_WRITABLE = "make {} writable for this user"
_DISK = {
    errno.EROFS: "mount the disk of {} writable, or name another folder in config.yaml",
    errno.ENOSPC: "make room on the disk of {}",
    errno.EDQUOT: "raise this user's quota on the disk of {}",
}


def run_checks(path: Path) -> list[CheckResult]:
    """Run every check. Later checks may depend on earlier ones."""
    parts = AppContext(path)
    try:
        return [replace(check, text=redact(check.text), fix=redact(check.fix)) for check in _all_checks(parts, path)]
    finally:
        parts.close()


def _all_checks(parts: AppContext, path: Path) -> Iterator[CheckResult]:
    (configuration,) = try_check(f"configuration {path}", "correct the lines named", lambda: _describe_config(parts))
    yield configuration
    if not configuration.ok:
        return
    database = _database(parts)
    yield database
    yield from (
        _check_folder(name, folder)
        for name, folder in (("data folder", parts.settings.config.data), ("output folder", parts.settings.config.out))
    )
    fix = "correct lake.place in config.yaml, or the storage's keys and endpoint in the environment"
    yield from try_check("lake", fix, lambda: lake.check_reachable(parts.lake_settings.url))
    yield _check_growth(parts.settings.config.data)
    if database.ok:
        yield from _check_networks(parts)
    yield from _check_outlets(parts)
    yield from (_sample_post(parts, name, bool(database.ok)) for name in parts.shown_outlets())
    yield _check_templates()


def _database(parts: AppContext) -> CheckResult:
    """Whether the database can be opened and written; the write is rolled back."""
    try:
        parts.store.try_writing()
    except StoreError as error:
        return CheckResult("database", False, str(error), error.cure or "set DATABASE_URL, or make its folder writable")
    except FootfallError as error:
        return CheckResult("database", False, str(error), "set DATABASE_URL, or make its folder writable")
    return CheckResult("database", True, f"{parts.store.shown}, can be written")


def _sample_post(parts: AppContext, outlet: str, archive: bool) -> CheckResult:
    """Measure a post as an outlet counts it: the newest digest's, or a sample if there is none."""
    from bot import outlets

    cure = "install the versions of requirements.txt: python -m pip install -r requirements.txt"
    name = f"{outlets.load_module(outlet).TITLE}: sample post"
    try:
        from bot import pipeline, render

        declared, hidden = outlets.post_format(outlet), parts.settings.config.hidden_names
        newest = [kept for network in parts.network_plans if archive and (kept := parts.archive.newest_digest(network))]
        posts = [pipeline.render_post(kept, outlet, hidden, "en", parts.post_options) for kept in newest]
        sample, expected = declared.sample or ("", 0)
        counts = declared.size(sample) == expected
        sizes = [length for post in posts for length in render.post_lengths(post)] or [declared.size(sample)]
    except FootfallError as error:
        return CheckResult(name, False, str(error), f"python -m bot preview --outlet {outlet} shows the post")
    except ImportError as error:
        return CheckResult(name, False, f"a post cannot be measured: {error}", cure)
    limit = parts.post_options.limits.get(outlet, declared.limit)
    return CheckResult(name, counts and max(sizes) <= limit, f"{declared.counted} {max(sizes)} of {limit}", cure)


def _describe_config(parts: AppContext) -> str:
    missing = [name for name in parts.known_secret_names if name not in parts.settings.secrets]
    without = f"; not set: {', '.join(missing)}" if missing else ""
    networks, outlets = len(parts.network_plans), len(parts.settings.config.outlets)
    nouns = "network" if networks == 1 else "networks", "outlet" if outlets == 1 else "outlets"
    return f"{networks} {nouns[0]}, {outlets} {nouns[1]}{without}"


def _check_folder(name: str, folder: Path) -> CheckResult:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, buffering=0) as tried:
            tried.write(b"x" * 2**16)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return CheckResult(
            name, False, f"{folder}: {error.strerror}", _DISK.get(error.errno or 0, _WRITABLE).format(folder)
        )
    text = f"{folder} can be written, {free / 1e9:,.1f} GB free"
    if free < LITTLE:
        return CheckResult(name, False, f"{text}: the disk is nearly full", _DISK[errno.ENOSPC].format(folder))
    return CheckResult(name, True, text)


def _check_growth(data: Path) -> CheckResult:
    """How long the disk lasts at the lake's growth."""
    name, cure = "lake growth", "make room on the disk of {}, or lower lake.keep in config.yaml"
    growth = raw_retention.growth_per_day(data, clock().date())
    if growth is None:
        return CheckResult(name, True, "unknown until a day of it is over")
    text = f"{growth / 1e6:,.1f} MB on a typical day"
    days = shutil.disk_usage(data).free / growth if growth else None
    if days is None:
        return CheckResult(name, True, text)
    return CheckResult(name, days >= FEW_DAYS, f"{text}; the disk lasts for {days:,.0f} days of it", cure.format(data))


def _check_networks(parts: AppContext) -> Iterator[CheckResult]:
    from bot import ledger, sources

    for plan in parts.network_plans.values():
        chosen = parts.settings.config.networks[plan.network]
        network, secrets = sources.load_network(plan.network, chosen), parts.network_secrets(plan.network)
        look = partial(network.check_reachable, chosen, parts.settings.config.data, secrets)
        yield from try_check(f"{plan.network}: source", "see the line", look)
        if live := getattr(network, "live_checks", None):
            for check in live(chosen, parts.settings.config.data, clock()):
                yield replace(check, name=f"{plan.network}: {check.name}", text="; ".join(check.text.splitlines()))
        for catalogue in plan.catalogues:
            span = ledger.read_span(parts.store, catalogue)
            name = f"{plan.network}: {catalogue.key} in the ledger"
            if span is None:
                yield CheckResult(name, False, "nothing collected", f"python -m bot collect --network {plan.network}")
                continue
            behind = (clock().date() - span.last).days - 1
            closed = sources.is_closed(network, chosen, secrets)
            text = f"days {span.first} to {span.last}, {behind} days behind"
            fix = f"python -m bot collect --network {plan.network}"
            yield CheckResult(name, closed or behind <= 1, text + (", a closed record" if closed else ""), fix)
            for held in ledger.held_days(parts.store, catalogue):
                fix = f"wait for the next readings, or: python -m bot confirm --network {plan.network} --day {held.day}"
                yield CheckResult(f"{plan.network}: {catalogue.key} of {held.day}", False, f"held: {held.reason}", fix)


def _check_outlets(parts: AppContext) -> Iterator[CheckResult]:
    """Check our keys and permissions on each outlet's platform, without posting."""
    from bot.cli import outlet_setup

    names = outlet_setup.outlet_targets(parts)
    with outlet_setup.open_outlets(parts, names) as (outlets, problems):
        for problem in problems:
            yield CheckResult("outlet", False, problem, "set them in the environment or in .env, or disable the outlet")
        for name, handle in ((name, outlets[name]) for name in names if name in outlets):
            for check in handle.outlet.check(outlet_setup.poll_destinations(parts, name)):
                yield replace(check, name=f"{name}: {check.name.removeprefix(f'{name} ')}")
    if "store" in parts.__dict__:
        for pause in outlet_setup.publish_context(parts).outbox.paused_outlets():
            text = f"paused since {pause.since:%d %b %H:%M} UTC: {pause.reason}"
            yield CheckResult(
                f"{pause.outlet}: pause", False, text, f"python -m bot deliveries lift {shlex.quote(pause.outlet)}"
            )


def _check_templates() -> CheckResult:
    from bot.render import TEMPLATES

    files = len(list(TEMPLATES.rglob("*.j2")))
    return CheckResult("templates", files > 0, f"{files} files", "restore the templates folder")
