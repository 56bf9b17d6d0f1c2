"""Composing and rendering many digests at once, in one process for each processor.

The rule: a process opens the configuration and the database by itself; only days and finished digests pass between
processes.
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
from pathlib import Path

from bot.cli.app_context import AppContext, clock
from bot.records import Document, Period
from bot.render.site_files import RenderedDigest
from bot.site_builder import DigestPlace, render_digest

MOST = 4
"""Processes. Each takes about 130 MB."""
_opened: dict[Path, AppContext] = {}


class DigestPool:
    """Processes that compose and render digests of one configuration."""

    def __init__(self, path: Path, executor: ProcessPoolExecutor) -> None:
        self._path, self._executor = path, executor

    def compose(self, network: str, periods: Sequence[Period]) -> Iterator[Document]:
        """Compose these periods and store the digests; each as it is stored, in the order of the periods."""
        from bot import pipeline

        composed = self._executor.map(partial(_compose, self._path, network), periods, chunksize=4)
        for period, document in zip(periods, composed, strict=True):
            # Composed in parallel, it may not have known what the period before opened with.
            current = pipeline.has_current_lead(_context(self._path).archive, document)
            yield document if current else _compose(self._path, network, period)

    def render(self, at: datetime, url: str, places: Sequence[DigestPlace]) -> Iterable[RenderedDigest | None]:
        """Render the files of these digests."""
        return self._executor.map(partial(_render, self._path, at, url), places, chunksize=4)


@contextmanager
def open_pool(path: Path) -> Iterator[DigestPool]:
    """A pool for the configuration at `path`."""
    count = min(len(os.sched_getaffinity(0)), MOST) if hasattr(os, "sched_getaffinity") else 2
    # Forked processes would share the threads' locks of this one.
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(count, spawn, initializer=collect_garbage_seldom) as executor:
            yield DigestPool(path, executor)
    finally:
        if (own := _opened.pop(path, None)) is not None:
            own.close()


def collect_garbage_seldom() -> None:
    """Start garbage collections less often. A list of models is thousands of objects without cycles; collections in
    between would take a fifth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def _context(path: Path) -> AppContext:
    if path not in _opened:
        _opened[path] = AppContext(path)
    return _opened[path]


def _compose(path: Path, network: str, period: Period) -> Document:
    from bot import pipeline

    parts = _context(path)
    return pipeline.compose_digest(parts.store, parts.archive, parts.network_plan(network), period, clock())


def _render(path: Path, at: datetime, url: str, place: DigestPlace) -> RenderedDigest | None:
    return render_digest(_context(path).query_context, place, at, url)
