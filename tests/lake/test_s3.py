"""The lake in object storage that responds late, not at all, or with half of the data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from bot import lake
from bot.lake import DayUpdate, LakeError
from bot.lake import storage as lake_storage
from bot.records import BlockRange
from tests.lake.events import day_in, used
from tests.peers import s3

URL = "s3://footfall/lake"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with s3.storage() as storage:
        s3.bucket(f"http://127.0.0.1:{storage}", "footfall")
        yield storage


@pytest.fixture
def proxy(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[s3.Proxy]:
    """The storage, and an operator's environment: nothing of it is in the configuration."""
    with s3.proxied(port) as proxy:
        for name, value in {**s3.ENVIRONMENT, "AWS_ENDPOINT_URL": proxy.url, "AWS_MAX_ATTEMPTS": "1"}.items():
            monkeypatch.setenv(name, value)
        lake_storage.open_storage.cache_clear()
        fsspec.filesystem("s3").clear_instance_cache()
        yield proxy
        lake_storage.open_storage.cache_clear()


def test_a_day_is_written_read_replaced_and_checked(proxy: s3.Proxy) -> None:
    day, new = lake.update_day(day_in(URL), DayUpdate(used(500), blocks=BlockRange(1, 600, "0xab")))
    assert new == 500 and lake.roll_up_day(day).uses == sum(use.count for use in used(500))
    later, new = lake.update_day(day, DayUpdate(used(100, first=450), blocks=BlockRange(601, 650, "0xac")))
    assert new == 50 and lake.roll_up_day(later).uses == sum(use.count for use in used(550))
    assert lake.read_manifest(later).blocks == (BlockRange(1, 650, "0xac"),)
    assert lake.roll_up_day(day).uses == sum(use.count for use in used(500)), "who holds the old manifest reads on"
    named = {
        f"{later.folder}/{later.manifest}",
        *(f"{later.folder}/{part.name}" for part in lake.read_manifest(later).parts),
    }
    assert named <= {file.name for file in later.storage.list_files("events")}
    assert proxy.asked


def test_an_interrupted_upload_is_sent_again_and_leaves_nothing_torn(proxy: s3.Proxy) -> None:
    proxy.cuts = 2
    day, _ = lake.update_day(day_in(URL), DayUpdate(used(2000)))
    assert proxy.cuts == 0 and lake.roll_up_day(day).uses == sum(use.count for use in used(2000))


def test_storage_that_is_busy_is_asked_again_and_given_up_in_the_end(
    proxy: s3.Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.slow_downs = 3
    day, _ = lake.update_day(day_in(URL), DayUpdate(used(50)))
    assert proxy.slow_downs == 0 and lake.roll_up_day(day).nameless
    monkeypatch.setattr(lake_storage, "TRIES", 2)
    proxy.slow_downs = 10_000
    with pytest.raises(
        LakeError, match=r"manifest-000001-.*: cannot be read: .*; is the storage reachable\?"
    ) as error_info:
        lake.roll_up_day(day)
    assert "\n" not in str(error_info.value) and s3.ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in str(error_info.value)


def test_what_is_written_and_not_seen_yet_is_waited_for_and_no_listing_is_relied_on(proxy: s3.Proxy) -> None:
    day, _ = lake.update_day(day_in(URL), DayUpdate(used(300)))
    proxy.hidden = {".parquet", ".json"}
    proxy.lags = 2
    again, new = lake.update_day(day, DayUpdate(used(10, first=300)))
    assert new == 10 and lake.roll_up_day(again).uses == sum(use.count for use in used(310))
    assert proxy.lags == 0
    assert list(day.storage.list_files("events")) == [], "the listing has nothing of it"


def test_doctor_sees_whether_it_can_be_written_and_leaves_nothing(
    proxy: s3.Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lake.check_reachable("s3://footfall/checked") == "s3://footfall/checked can be written and read"
    assert list(lake_storage.open_storage("s3://footfall/checked").list_files("events")) == []
    monkeypatch.setattr(lake_storage, "TRIES", 2)
    with pytest.raises(LakeError, match=r"s3://nosuchbucket/lake/events/doctor-.*: cannot be written: "):
        lake.check_reachable("s3://nosuchbucket/lake")


def test_an_object_that_somebody_altered_is_refused_by_name(proxy: s3.Proxy, tmp_path: Path) -> None:
    day, _ = lake.update_day(day_in(URL), DayUpdate(used(300)))
    (part,) = lake.read_manifest(day).parts
    storage = fsspec.filesystem("s3")
    name = f"footfall/lake/{day.folder}/{part.name}"
    content = bytearray(storage.cat_file(name))
    content[100] ^= 1
    storage.pipe_file(name, bytes(content))
    with pytest.raises(LakeError, match=f"{part.name}: altered or half-written: found sha256"):
        lake.roll_up_day(day)
    storage.rm_file(name)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lake_storage, "TRIES", 2)
        with pytest.raises(LakeError, match=f"{part.name}: cannot be read: FileNotFoundError"):
            lake.roll_up_day(day)


def test_a_kind_of_storage_that_is_not_installed_says_so() -> None:
    with pytest.raises(LakeError, match=r"lake.place: nosuch://"):
        lake_storage.open_storage("nosuch://bucket")
