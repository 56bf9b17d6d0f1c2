"""What `doctor` looks at: one function a thing, each finding with its fix."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bot import lake
from bot.cli.parts import Parts, clock
from bot.records import FootfallError
from bot.redaction import redact


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool | None
    """`None`: it could not be found out."""
    found: str
    fix: str = ""


def run(path: Path) -> list[Check]:
    """Every check, in an order in which a later one can rest on an earlier one."""
    parts = Parts(path)
    try:
        return [replace(one, found=redact(one.found), fix=redact(one.fix)) for one in _found(parts, path)]
    finally:
        parts.close()


def _found(parts: Parts, path: Path) -> Iterator[Check]:
    configuration = _tried(f"configuration {path}", lambda: _configuration(parts), "correct the lines named")
    yield configuration
    if not configuration.ok:
        return
    database = _tried("database", lambda: parts.store.shown, "set DATABASE_URL, or make its folder writable")
    yield database
    yield from (_folder(name, folder) for name, folder in (("data folder", parts.data), ("output folder", parts.out)))
    cure = "correct lake.place in config.yaml, or the storage's keys and endpoint in the environment"
    yield _tried("lake", lambda: lake.reachable(parts.lake.url), cure)
    if database.ok:
        yield from _networks(parts)
    yield from _outlets(parts)
    yield _templates()


def _tried(name: str, look: Callable[[], str], fix: str) -> Check:
    try:
        return Check(name, True, look())
    except FootfallError as error:
        return Check(name, False, str(error), fix)


def _configuration(parts: Parts) -> str:
    missing = [name for name in parts.secret_names if name not in parts.settings.secrets]
    without = f"; not set: {', '.join(missing)}" if missing else ""
    return f"{len(parts.plans)} networks, {len(parts.settings.config.outlets)} outlets{without}"


def _folder(name: str, folder: Path) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check(name, False, f"{folder}: {error.strerror}", f"make {folder} writable for this user")
    return Check(name, True, f"{folder} can be written")


def _networks(parts: Parts) -> Iterator[Check]:
    from bot import ledger, sources

    for plan in parts.plans.values():
        chosen = parts.settings.config.networks[plan.network]
        look = sources.module(plan.network).reachable
        secrets = {key: value for key in sources.module(plan.network).SECRETS if (value := parts.settings.secret(key))}
        yield _tried(f"{plan.network}: source", lambda c=chosen, s=secrets, f=look: f(c, parts.data, s), "see the line")  # type: ignore[misc]
        if live := getattr(sources.module(plan.network), "checks", None):
            for one in live(chosen, parts.data, clock()):
                yield Check(f"{plan.network}: {one.name}", one.ok, one.found, one.fix)
        for catalogue in plan.catalogues:
            span = ledger.read_span(parts.store, catalogue)
            name = f"{plan.network}: {catalogue.key} in the ledger"
            if span is None:
                yield Check(name, False, "nothing collected", f"python -m bot collect --network {plan.network}")
                continue
            behind = (clock().date() - span.last).days - 1
            closed = sources.module(plan.network).closed(chosen, secrets)
            found = f"days {span.first} to {span.last}, {behind} days behind"
            fix = f"python -m bot collect --network {plan.network}"
            yield Check(name, closed or behind <= 1, found + (", a closed record" if closed else ""), fix)


def _outlets(parts: Parts) -> Iterator[Check]:
    """What each outlet's platform says of our keys and permissions; nothing is posted."""
    from bot.cli import reach

    names = reach.targets(parts)
    with reach.ready(parts, names) as (made, problems):
        for problem in problems:
            yield Check("outlet", False, problem, "set them in the environment or in .env, or disable the outlet")
        for name, one in ((name, made[name]) for name in names if name in made):
            for check in one.outlet.check(reach.polled(parts, name)):
                yield Check(f"{name}: {check.name.removeprefix(f'{name} ')}", check.ok, check.text, check.cure)
    if "store" in parts.__dict__:
        for pause in reach.desk(parts).outbox.paused():
            found = f"paused since {pause.since:%d %b %H:%M} UTC: {pause.reason}"
            yield Check(f"{pause.outlet}: pause", False, found, f"python -m bot deliveries lift {pause.outlet}")


def _templates() -> Check:
    from bot.render import TEMPLATES

    files = len(list(TEMPLATES.rglob("*.j2")))
    return Check("templates", files > 0, f"{files} files", "restore the templates folder")
