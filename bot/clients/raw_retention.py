"""Keeps the raw archives of all networks small: packs the days that are over, verifies what is stored, prunes old days
and says how fast the lake grows."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from bot.clients.day_packs import DayPacks
from bot.clients.raw_archive import PACKS, pack_files, verify_archive

MEASURED = 30
"""Days over which growth is measured."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def raw_folder(data: Path, network: str) -> Path:
    """The folder of a network's raw archive."""
    return data / "lake" / "raw" / network


def archived_networks(data: Path) -> list[str]:
    """The networks that have a raw archive on this machine."""
    folder = data / "lake" / "raw"
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def pack_days(data: Path, before: date) -> Iterator[tuple[str, date, str]]:
    """Pack each network's days before this one. Yields network, day, and what is wrong with it or empty. Raises
    `OSError`."""
    for network in archived_networks(data):
        for day, problem in pack_files(raw_folder(data, network), before):
            yield network, day, problem


def prune_packs(data: Path, before: date) -> int:
    """Remove each network's packs of days before this one; how many bytes that freed. Their hashes stay. Raises
    `OSError`."""
    return sum(DayPacks(raw_folder(data, network) / PACKS).prune(before) for network in archived_networks(data))


def verify_archives(data: Path) -> Iterator[tuple[str, str, str]]:
    """Each stored content: its network, its SHA-256, and what is wrong with it or empty."""
    for network in archived_networks(data):
        for sha256, problem in verify_archive(raw_folder(data, network)):
            yield network, sha256, problem


def growth_per_day(data: Path, today: date) -> float | None:
    """Bytes that a typical day adds to the lake on this machine: the median of the last `MEASURED` days before today,
    since the first of them that has any. `None` before a day is over."""
    sizes: dict[date, int] = {}
    for path in (data / "lake").rglob("*"):
        named = _DAY.search(str(path.relative_to(data)))
        try:
            day = date.fromisoformat(named[0]) if named else None
            if day and today - timedelta(days=MEASURED) <= day < today and path.is_file():
                sizes[day] = sizes.get(day, 0) + path.stat().st_size
        except (OSError, ValueError):
            continue  # Removed meanwhile, or no date.
    if not sizes:
        return None
    days = (today - min(sizes)).days
    return float(statistics.median(sizes.get(today - timedelta(days=n), 0) for n in range(1, days + 1)))
