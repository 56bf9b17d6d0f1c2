"""Raw answers: packed by day, verified, pruned by age, and what is said of those that are gone."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from peers.replicate_api import ReplicateApi

from bot import sources
from bot.cli import service_commands
from bot.cli.app_context import AppContext
from bot.clients import raw_archive, raw_retention
from bot.clients.daily_api import DailyApi
from bot.clients.raw_archive import open_raw_archive
from bot.config import ConfigError
from bot.sources import replicate
from tests.peers.dockerhub_api import DockerHubApi
from tests.peers.served import serving

TODAY = date(2026, 3, 4)
ONE = timedelta(days=1)
DAY_LIMIT = 10_000_000
"""Bytes on disk that a day of one network may take."""


def stored(data: Path, content: bytes, day: date, network: str = "replicate") -> str:
    """Store a content as of a day; its SHA-256."""
    folder = raw_retention.raw_folder(data, network)
    with open_raw_archive(folder) as raw:
        raw.add(content)
    date_file(folder / f"{raw.sha256}.jsonl.gz", day)
    return raw.sha256


def date_file(path: Path, day: date) -> None:
    seconds = datetime.combine(day, time(0, 20), UTC).timestamp()
    os.utime(path, (seconds, seconds))


def state(data: Path, sha256: str, day: date, network: str = "replicate") -> str:
    ref = {"url": "https://api.example/list", "sha256": sha256, "at": f"{day}T00:20:00+00:00"}
    return sources.verify_ref(network, replicate.Settings(), data, ref)["state"]


def test_days_that_are_over_are_packed_in_one_file_each_and_still_verified(tmp_path: Path) -> None:
    days = [TODAY - n * ONE for n in range(3)]
    hashes = {day: [stored(tmp_path, f"{day} {n}".encode(), day) for n in range(4)] for day in days}
    packed = list(raw_retention.pack_days(tmp_path, TODAY))
    assert packed == [("replicate", days[2], ""), ("replicate", days[1], "")]
    folder = raw_retention.raw_folder(tmp_path, "replicate")
    assert {path.name[:64] for path in folder.glob("*.gz")} == set(hashes[TODAY]), "today's answers stay files"
    assert sorted(path.name for path in (folder / "packs").iterdir()) == [f"{day}.sqlite" for day in days[:0:-1]]
    assert all(state(tmp_path, sha256, day) == "intact" for day in days for sha256 in hashes[day])
    assert state(tmp_path, hashes[days[2]][0], days[0]) == "intact", "also under another day"
    assert raw_archive.archived_content(folder, hashes[days[1]][2]) == f"{days[1]} 2\n".encode()
    assert [problem for _, _, problem in raw_retention.verify_archives(tmp_path)] == [""] * 12
    assert list(raw_retention.pack_days(tmp_path, TODAY)) == []


def test_what_was_pruned_is_neither_altered_nor_lost(tmp_path: Path) -> None:
    old, new = (stored(tmp_path, name, day) for name, day in ((b"old", TODAY - 9 * ONE), (b"new", TODAY - ONE)))
    list(raw_retention.pack_days(tmp_path, TODAY))
    assert sources.prune_raw(tmp_path, TODAY - 5 * ONE) > 0
    assert sources.prune_raw(tmp_path, TODAY - 5 * ONE) == 0
    assert state(tmp_path, old, TODAY - 9 * ONE) == "pruned" and state(tmp_path, new, TODAY - ONE) == "intact"
    assert state(tmp_path, "ab" * 32, TODAY - 9 * ONE) == "not at hand", "this was never here"
    assert stored(tmp_path, b"old", TODAY) == old and state(tmp_path, old, TODAY) == "intact", "it was read again"


def test_a_damaged_file_is_not_packed_and_a_damaged_pack_is_named(tmp_path: Path) -> None:
    good, bad = (stored(tmp_path, name, TODAY - ONE) for name in (b"good", b"bad"))
    folder = raw_retention.raw_folder(tmp_path, "replicate")
    (folder / f"{bad}.jsonl.gz").write_bytes(gzip.compress(b"other"))
    date_file(folder / f"{bad}.jsonl.gz", TODAY - ONE)
    ((_, _, problem),) = raw_retention.pack_days(tmp_path, TODAY)
    assert "left unpacked, because they are damaged" in problem and bad in problem and good not in problem
    assert state(tmp_path, bad, TODAY - ONE) == "altered" and state(tmp_path, good, TODAY - ONE) == "intact"
    pack = folder / "packs" / f"{TODAY - ONE}.sqlite"
    with closing(sqlite3.connect(pack)) as connection, connection:
        connection.execute("UPDATE blobs SET packed = ?", (gzip.compress(b"changed"),))
    assert state(tmp_path, good, TODAY - ONE) == "altered"
    problems = [problem for _, _, problem in raw_retention.verify_archives(tmp_path) if problem]
    assert len(problems) == 2 and "is altered" in problems[0] and pack.name in problems[1]
    pack.write_bytes(b"no database at all, but long enough to look like one" * 20)
    assert any("is damaged" in problem for _, _, problem in raw_retention.verify_archives(tmp_path))


def test_an_interrupted_packing_goes_on_and_loses_nothing(tmp_path: Path) -> None:
    sha256 = stored(tmp_path, b"answer", TODAY - ONE)
    folder = raw_retention.raw_folder(tmp_path, "replicate")
    file = folder / f"{sha256}.jsonl.gz"
    content = file.read_bytes()
    list(raw_retention.pack_days(tmp_path, TODAY))
    file.write_bytes(content)  # Killed after the pack was written and before the file was removed.
    date_file(file, TODAY - ONE)
    assert list(raw_retention.pack_days(tmp_path, TODAY)) == [("replicate", TODAY - ONE, "")]
    assert not file.exists() and state(tmp_path, sha256, TODAY - ONE) == "intact"
    assert len(list(raw_retention.verify_archives(tmp_path))) == 1


def test_an_answer_that_a_network_still_names_outlives_its_first_day(tmp_path: Path) -> None:
    first = TODAY - 31 * ONE
    sha256 = stored(tmp_path, b"unchanged", first)
    folder = raw_retention.raw_folder(tmp_path, "replicate")
    list(raw_retention.pack_days(tmp_path, TODAY))
    at = datetime.combine(TODAY, time(0, 20), UTC)
    raw_archive.record_use(folder, sha256, b"unchanged\n", at - 2 * ONE)
    assert not list(folder.glob("*.gz")), "it was packed a short time ago"
    raw_archive.record_use(folder, sha256, b"unchanged\n", at)
    assert [path.name for path in folder.glob("*.gz")] == [f"{sha256}.jsonl.gz"]
    sources.prune_raw(tmp_path, TODAY - ONE)
    assert state(tmp_path, sha256, TODAY) == "intact"


def test_the_worker_packs_and_prunes_by_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    config = tmp_path / "config.yaml"
    config.write_text(f"data: {tmp_path}\nnetworks: {{}}\nlake: {{keep: 50d}}\n")
    days = [TODAY - n * ONE for n in (51, 50, 1, 0)]
    hashes = [stored(tmp_path, str(day).encode(), day) for day in days]
    steps: list[None] = []
    now, context = datetime.combine(TODAY, time(0, 30), UTC), AppContext(config)
    growth = service_commands._maintain_raw(context, now, lambda: steps.append(None))
    assert [state(tmp_path, *pair) for pair in zip(hashes, days, strict=True)] == ["pruned", *["intact"] * 3]
    assert len(steps) == 3, "it may be stopped between two days"
    pack = raw_retention.raw_folder(tmp_path, "replicate") / "packs" / f"{TODAY - ONE}.sqlite"
    assert growth == pack.stat().st_size
    config.write_text("lake: {keep: 34d}\n")
    with pytest.raises(ConfigError, match=r"lake\.keep"):
        AppContext(config).settings  # noqa: B018  reading it is the check


def test_growth_is_that_of_a_typical_day(tmp_path: Path) -> None:
    assert raw_retention.growth_per_day(tmp_path, TODAY) is None
    packs = raw_retention.raw_folder(tmp_path, "chutes") / "packs"
    events = tmp_path / "lake" / "events" / "network=olas" / "catalogue=mechs"
    packs.mkdir(parents=True)
    for n, size in enumerate([1000, 1000, 1000, 900_000], 1):
        (packs / f"{TODAY - n * ONE}.sqlite").write_bytes(b"x" * size)
        day = events / f"day={TODAY - n * ONE}"
        day.mkdir(parents=True)
        (day / "part.parquet").write_bytes(b"x" * 10)
    (packs / f"{TODAY}.sqlite").write_bytes(b"x" * 10**6)
    (packs / f"{TODAY - 99 * ONE}.sqlite").write_bytes(b"x" * 10**6)
    assert raw_retention.growth_per_day(tmp_path, TODAY) == 1010.0, "a first start is no typical day"


@pytest.fixture
def live_list() -> Iterator[ReplicateApi]:
    """As many models as Replicate's record lists, with what the API says of each."""
    noise = random.Random(7)
    models: list[dict[str, object]] = []
    for n in range(12_000):
        version = hashlib.sha256(str(n).encode()).hexdigest()
        inputs = {f"input_{i}": {"type": "string", "title": noise.randbytes(6).hex(), "x-order": i} for i in range(6)}
        models.append(
            {
                "url": f"https://replicate.com/owner{n % 900}/model-{n}",
                "owner": f"owner{n % 900}",
                "name": f"model-{n}",
                "description": noise.randbytes(40).hex(),
                "visibility": "public",
                "run_count": noise.randrange(10**7),
                "created_at": "2024-11-05T06:07:08.9Z",
                "cover_image_url": f"https://replicate.delivery/{noise.randbytes(30).hex()}/out.png",
                "latest_version": {"id": version, "openapi_schema": {"components": {"schemas": {"Input": inputs}}}},
            }
        )
    with ReplicateApi(models, per_page=3000) as served:
        yield served


def test_a_day_of_replicates_whole_list_is_small(live_list: ReplicateApi, tmp_path: Path) -> None:
    now = datetime(2026, 3, 4, 0, 7, tzinfo=UTC)
    settings = replicate.Settings(api=live_list.url)
    source = sources.make_source("replicate", settings, tmp_path, {"REPLICATE_API_TOKEN": "r8_x"}, lambda: now)
    (snapshot,) = source.snapshots(None)  # type: ignore[union-attr]
    (file,) = raw_retention.raw_folder(tmp_path, "replicate").glob("*.gz")
    date_file(file, TODAY)
    assert list(raw_retention.pack_days(tmp_path, TODAY + ONE)) == [("replicate", TODAY, "")]
    assert sum(len(json.dumps(model)) for model in live_list.models) > DAY_LIMIT, "the list itself is larger"
    assert 0 < disk_use(tmp_path) < DAY_LIMIT
    assert state(tmp_path, snapshot.ref.sha256, TODAY) == "intact"


def test_an_answer_that_was_packed_is_still_not_asked_for_again(tmp_path: Path) -> None:
    api, now = DockerHubApi(), datetime(2026, 3, 4, 0, 10, tzinfo=UTC)
    with serving(api) as server:
        with dockerhub_api(tmp_path, now) as reader:
            first = reader.get(f"{server.url}/v2/namespaces/ai/repositories", {"page": 1, "page_size": 100})
        for file in raw_retention.raw_folder(tmp_path, "dockerhub").glob("*.gz"):
            date_file(file, TODAY)
        assert list(raw_retention.pack_days(tmp_path, TODAY + ONE)) == [("dockerhub", TODAY, "")]
        with dockerhub_api(tmp_path, now + ONE) as reader:
            again = reader.get(f"{server.url}/v2/namespaces/ai/repositories", {"page": 1, "page_size": 100})
    assert again.content == first.content and again.ref.sha256 == first.ref.sha256
    assert api.tags[-1], "the request carried the ETag of the packed answer"
    assert disk_use(tmp_path) < DAY_LIMIT


def dockerhub_api(data: Path, now: datetime) -> DailyApi:
    return DailyApi(raw_retention.raw_folder(data, "dockerhub"), lambda: now)


def disk_use(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
