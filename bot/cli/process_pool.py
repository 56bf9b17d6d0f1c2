"""Composing and rendering many digests at once, in one process for each processor.

The rule: a process opens the configuration and the database by itself; only days and finished digests pass between
processes. A digest is composed after the one of the period before, whose lead it does not repeat.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path

from bot import site_builder
from bot.cli.app_context import AppContext, clock
from bot.records import Document, Period
from bot.render.page_layout import File
from bot.site_builder import FileGroup, SiteBuild

MOST = 4
"""Processes. Each takes about 130 MB."""
_opened: dict[Path, AppContext] = {}
_builds: dict[tuple[Path, datetime], SiteBuild] = {}


class DigestPool:
    """Processes that compose and render digests of one configuration."""

    def __init__(self, path: Path, executor: ProcessPoolExecutor) -> None:
        self._path, self._executor = path, executor

    def compose(self, network: str, periods: Sequence[Period]) -> Iterator[Document]:
        """Compose these periods and store the digests. Consecutive ones are composed by one process, in their order."""
        runs = sorted(consecutive_periods(periods), key=len, reverse=True)
        for documents in self._executor.map(partial(_compose, self._path, network), runs):
            yield from documents

    def render(self, at: datetime, groups: Sequence[FileGroup]) -> Iterator[Sequence[File]]:
        """Render these groups of the site."""
        for files in self._executor.map(partial(_render, self._path, at), _pieces(groups)):
            yield from files


@contextmanager
def open_pool(path: Path) -> Iterator[DigestPool]:
    """A pool for the configuration at `path`."""
    count = min(len(os.sched_getaffinity(0)), MOST) if hasattr(os, "sched_getaffinity") else 2
    # Forked processes would share the threads' locks of this one.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, spawn, initializer=_prepare) as executor:
        for _ in range(count):
            executor.submit(int)  # each starts now, and prepares itself while this process collects
        yield DigestPool(path, executor)


def _prepare() -> None:
    """Import what composing needs."""
    from bot import pipeline  # noqa: F401

    collect_garbage_seldom()


def consecutive_periods(periods: Iterable[Period]) -> list[list[Period]]:
    """Periods in runs, in which each follows the one before."""
    runs: list[list[Period]] = []
    for period in periods:
        if runs and period.previous_period == runs[-1][-1]:
            runs[-1].append(period)
        else:
            runs.append([period])
    return runs


def collect_garbage_seldom() -> None:
    """Start garbage collections less often. A list of models is thousands of objects without cycles; collections in
    between would take a fifth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def _context(path: Path) -> AppContext:
    if path not in _opened:
        _opened[path] = AppContext(path)
    return _opened[path]


def _compose(path: Path, network: str, periods: Sequence[Period]) -> list[Document]:
    from bot import pipeline

    parts = _context(path)
    plan = parts.network_plan(network)
    return [pipeline.compose_digest(parts.store, parts.archive, plan, period, clock()) for period in periods]


def _pieces(groups: Sequence[FileGroup]) -> Iterator[Sequence[str]]:
    """The keys of groups that one process renders one after the other; more of those whose data are read together."""
    for render_many, some in groupby(groups, key=lambda group: group.render_many):
        keys, size = [group.key for group in some], 50 if render_many else 4
        yield from (keys[start : start + size] for start in range(0, len(keys), size))


def _render(path: Path, at: datetime, keys: Sequence[str]) -> Sequence[Sequence[File]]:
    if (path, at) not in _builds:
        _builds[path, at] = open_site(_context(path), at)
    found = (site_builder.find_group(_builds[path, at], key) or FileGroup(key, tuple, str) for key in keys)
    return list(site_builder.render_groups(found))


def open_site(parts: AppContext, at: datetime) -> SiteBuild:
    """The site of the archive as it is now, as the configuration has it."""
    chosen = parts.settings.config.outlets.get("site")
    url, operator, licence = (getattr(chosen, key, "") for key in ("url", "operator", "licence"))
    return site_builder.open_build(parts.query_context, at, url, operator, licence)
