"""Days of events between ledger and lake: no partial day is shown, and none is lost between two writers."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot import lake, leases, ledger, number_format, pipeline, store
from bot.archive import Archive
from bot.cli import main
from bot.cli.app_context import AppContext
from bot.clients import raw_retention
from bot.clients.raw_archive import open_raw_archive
from bot.database_copy import copy_database
from bot.lake import LakeError, LakeSettings
from bot.ledger import maintenance
from bot.ledger.events import day_repair
from bot.metrics import compute_figures
from bot.pipeline import collection, watch_content
from bot.records import (
    BlockRange,
    CallerStats,
    Catalogue,
    CompleteWindow,
    EventBatch,
    Listing,
    Period,
    Reading,
    SafeName,
    Snapshot,
    SourceError,
    SourceRef,
    Unknown,
    Use,
    model_identity,
    start_of_day,
)
from tests import databases
from tests.databases import ON_SQLITE

DAY = date(2026, 10, 5)
ONE = timedelta(days=1)
HUB = Catalogue("og", "hub", "models", "inferences", "claimed", evidences=("claimed",), place="the old chain")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def uses(day: date, count: int = 20, first: int = 0, callers: int = 8) -> tuple[Use, ...]:
    at = start_of_day(day)
    return tuple(
        Use(f"{day}:{n}", 100 + n, at + timedelta(seconds=n), 1, SafeName(f"a/m{n % 3}"), f"0x{n % callers:040x}", "c")
        for n in range(first, first + count)
    )


def haul(day: date = DAY, whole: bool = True, **changed: Any) -> EventBatch:
    ends = start_of_day(day + ONE) if whole else start_of_day(day) + timedelta(hours=12)
    return replace(
        EventBatch("og", "hub", "blocks", window=CompleteWindow(start_of_day(day), ends), evidence="claimed"), **changed
    )


def listed(db: store.Store, day: date = DAY) -> None:
    names = tuple(Listing(SafeName(f"a/m{n}"), SafeName("a")) for n in range(3))
    for closes in (day - ONE, day):
        ledger.add_snapshot(
            db,
            Snapshot(
                "og", "hub", start_of_day(closes + ONE), SourceRef("hub", start_of_day(closes)), names, closes=closes
            ),
        )


def book(db: store.Store, day: date = DAY, name: Any = "day") -> Any:
    return ledger.load_period_data(db, HUB, Period.for_day(day, name))


def files(db: store.Store, pattern: str) -> list[Path]:
    return sorted(Path(db.lake.url).rglob(pattern))


# --- a day is told whole or not at all -------------------------------------------------------------------------------


def test_what_was_kept_and_not_added_up_is_unknown_and_the_next_collection_adds_it_up(db: store.Store) -> None:
    ledger.keep_event_batch(db, haul(uses=uses(DAY)))
    assert book(db).flow == book(db).callers == Unknown("what was read of 5 Oct 2026 is not added up yet")
    pipeline.collect(db, "og", Told([]), None, lambda line: None)
    assert book(db).flow.uses == 20 and book(db).callers == CallerStats(8, 20, 3)


def test_a_day_that_is_not_whole_is_not_added_up(db: store.Store) -> None:
    assert ledger.add_event_batch(db, haul(whole=False, uses=uses(DAY, 5))).new == 5
    assert ledger.add_up(db, "og") == ()
    assert book(db).flow == Unknown("the old chain was not read to the end of 5 Oct 2026")
    ledger.add_event_batch(db, haul(uses=uses(DAY, 5, first=5)))
    assert book(db).flow.uses == 10


def test_a_damaged_day_is_named_and_stops_none_of_the_others(db: store.Store) -> None:
    for n in range(3):
        ledger.keep_event_batch(db, haul(DAY + n * ONE, uses=uses(DAY + n * ONE)))
    (path,) = files(db, f"day={DAY + ONE}/uses-*.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    with ThreadPoolExecutor(2) as executor, pytest.raises(LakeError, match=f"{path.name}: altered or half-written"):
        ledger.add_up(db, "og", executor)
    assert book(db, DAY).flow.uses == book(db, DAY + 2 * ONE).flow.uses == 20
    assert isinstance(book(db, DAY + ONE).flow, Unknown)
    done = pipeline.collect(db, "og", Told([]), None, lambda line: None)
    assert path.name in done.error


def damaged(db: store.Store, day: date) -> Path:
    """Cut off the end of a day's file of uses."""
    (path,) = files(db, f"day={day}/uses-*.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    return path


def test_a_whole_day_that_is_not_added_up_is_no_zero_in_the_history(db: store.Store) -> None:
    listed(db)
    listed(db, DAY + 2 * ONE)
    for n in range(3):
        ledger.keep_event_batch(db, haul(DAY + n * ONE, uses=uses(DAY + n * ONE)))
    damaged(db, DAY + ONE)
    with pytest.raises(LakeError):
        ledger.add_up(db, "og")
    shown = {point.day: (point.uses, point.models_used) for point in book(db, DAY + 2 * ONE).history}
    assert shown[DAY + ONE] == (None, None) and shown[DAY + 2 * ONE] == shown[DAY] == (20, 3)


def test_a_damaged_day_ends_no_long_reading_and_is_named_once(db: store.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "ADDED_UP_EVERY", 4)
    ledger.keep_event_batch(db, haul(uses=uses(DAY)))
    path = damaged(db, DAY)
    days = [DAY + n * ONE for n in range(1, 1 + 2 * collection.ADDED_UP_EVERY)]
    result = Told([haul(day, uses=uses(day, 2)) for day in days])
    done = pipeline.collect(db, "og", result, None, lambda line: None)
    assert (done.new, done.error.count(path.name)) == (len(days), 1)
    assert book(db, days[-1]).flow.uses == 2


class Told:
    """An event source with given batches."""

    settles_for = timedelta(days=3)

    def __init__(self, hauls: list[EventBatch], error: str = "") -> None:
        self.said, self.error = hauls, error

    def event_batches(self, wanted: Period | None, memory: ledger.SourceState) -> Iterator[EventBatch]:
        yield from self.said
        if self.error:
            raise SourceError(self.error)


def test_a_day_that_is_gone_from_the_lake_is_made_anew_from_a_haul_that_tells_it_whole(db: store.Store) -> None:
    listed(db)
    ledger.add_event_batch(db, haul(uses=uses(DAY)))
    for path in files(db, f"day={DAY}/*"):
        path.unlink()
    done = pipeline.collect(db, "og", Told([haul(uses=uses(DAY, 30))]), None, lambda line: None, reread=True)
    assert done.error == "" and book(db).flow.uses == 30 and book(db).callers.count == 8


def test_a_day_that_does_not_read_stops_neither_its_haul_nor_the_others(db: store.Store) -> None:
    ledger.add_event_batch(db, haul(whole=False, uses=uses(DAY)))
    path, two, six = damaged(db, DAY), DAY + 2 * ONE, timedelta(hours=6)
    noon = start_of_day(DAY) + 2 * six
    both = haul(
        window=CompleteWindow(noon, start_of_day(two)), uses=(*uses(DAY, 25), *uses(DAY + ONE)), cursors={"chain": "9"}
    )
    done = pipeline.collect(db, "og", Told([both, haul(two, uses=uses(two))]), None, lambda line: None)
    assert done.error.count(path.name) == 1 and f"collect {DAY} whole, with --again" in done.error
    assert book(db, DAY + ONE).flow.uses == book(db, two).flow.uses == 20
    assert book(db).flow == Unknown("the old chain was not read to the end of 5 Oct 2026")
    memory = ledger.SourceState(db, "og")
    assert memory.covered_windows("hub") == (
        CompleteWindow(start_of_day(DAY), noon),
        CompleteWindow(start_of_day(DAY + ONE), start_of_day(two + ONE)),
    )
    assert memory.cursor("chain") is None


def thirds(day: date = DAY, count: int = 30) -> list[EventBatch]:
    """A day as three ranges of blocks, each with a third of its uses, but the second with none."""
    day_uses = uses(day, count)
    parts, hours = (
        (day_uses[: count // 2], (), day_uses[count // 2 :]),
        [start_of_day(day) + n * timedelta(hours=8) for n in range(4)],
    )
    return [
        haul(day, uses=part, window=CompleteWindow(*hours[n : n + 2]), cursors={"chain": str(n)}, days=(day,))
        for n, part in enumerate(parts)
    ]


def broken(db: store.Store, day: date, damage: str) -> None:
    (kept,) = (day_ref for _, day_ref, _ in maintenance.stored_days(db) if day_ref.day == day)
    first, *_, last = (Path(db.lake.url, kept.folder, part.name) for part in lake.read_manifest(kept).parts)
    for path in {"first": [first], "last": [last], "manifest": [first.with_name(kept.manifest)]}.get(damage, []):
        path.write_bytes(path.read_bytes()[:-9])
    for path in files(db, f"day={day}/*") if damage == "all" else ():
        path.unlink()


@ON_SQLITE
@pytest.mark.parametrize("damage", ["first", "last", "manifest", "all"])
def test_a_damaged_day_that_is_read_again_in_several_hauls_is_mended(db: store.Store, damage: str) -> None:
    listed(db)
    for third in (*thirds(), *thirds(DAY + ONE)):
        ledger.keep_event_batch(db, third)
    ledger.add_up(db, "og")
    before = book(db)
    broken(db, DAY, damage)
    (problem,) = filter(None, (day.problem for day in maintenance.verify_days(db)))
    assert f"collect --network og --since {DAY} --until {DAY} --again" in problem
    texts: list[str] = []
    done = pipeline.collect(db, "og", Told(thirds()), Period(DAY, DAY), texts.append, reread=True)
    assert done.error == "" and book(db) == before
    assert [day.problem for day in maintenance.verify_days(db)] == ["", ""] and day_repair.all_repairs(db) == []
    assert ledger.SourceState(db, "og").covered_windows("hub") == (
        CompleteWindow(start_of_day(DAY), start_of_day(DAY + 2 * ONE)),
    )


def test_a_mending_that_breaks_off_costs_nothing_and_goes_on_from_there(db: store.Store) -> None:
    listed(db)
    for third in thirds():
        ledger.add_event_batch(db, third)
    before = book(db)
    broken(db, DAY, "all")
    first, second, third = thirds()
    done = pipeline.collect(
        db, "og", Told([first, second], "endpoint gone"), Period(DAY, DAY), lambda _: None, reread=True
    )
    assert "is not there" in done.error and "endpoint gone" in done.error
    assert book(db) == before, "what the day added up to is still good"
    ((event_batch,),) = (day_repair.all_repairs(db),)
    assert event_batch.read == (CompleteWindow(start_of_day(DAY), start_of_day(DAY) + timedelta(hours=16)),)
    maintenance.sweep_files(db, NOW)
    maintenance.sweep_files(db, NOW + maintenance.STRAY)
    done = pipeline.collect(db, "og", Told([third]), Period(DAY, DAY), lambda _: None, reread=True)
    assert done.error == "" and book(db) == before and day_repair.all_repairs(db) == []


def test_a_mending_in_hand_is_dropped_where_the_day_was_restored_or_its_chain_forked(db: store.Store) -> None:
    listed(db)
    for third in thirds():
        ledger.add_event_batch(db, third)
    copies = {path: path.read_bytes() for path in files(db, f"day={DAY}/*")}
    for restored in (True, False):
        broken(db, DAY, "all")
        ledger.keep_event_batch(db, thirds()[0])
        assert len(day_repair.all_repairs(db)) == 1
        if restored:
            for path, content in copies.items():
                path.write_bytes(content)
            ledger.add_event_batch(db, thirds()[2])
            assert day_repair.all_repairs(db) == [] and book(db).flow.uses == 30
    begins = start_of_day(DAY) + timedelta(hours=16)
    ledger.keep_event_batch(
        db, replace(thirds()[2], forget_from=0, window=CompleteWindow(begins, start_of_day(DAY + ONE)))
    )
    ((event_batch,),) = (day_repair.all_repairs(db),)
    assert (
        event_batch.read == (CompleteWindow(begins, start_of_day(DAY + ONE)),)
        and lake.read_manifest(event_batch.day).rows == 15
    )


def test_reading_a_day_again_adds_it_up_again(db: store.Store) -> None:
    for third in thirds():
        ledger.add_event_batch(db, third)
    with db.write_transaction() as connection:
        connection.execute(store.event_days.update().values(callers=9))
    assert "the database says callers 9, the lake says 8; what mends it: python -m bot collect" in next(
        day.problem for day in maintenance.verify_days(db)
    )
    pipeline.collect(db, "og", Told(thirds()), Period(DAY, DAY), lambda _: None, reread=True)
    assert [day.problem for day in maintenance.verify_days(db)] == [""]


def test_a_reorganised_chain_changes_what_a_day_adds_up_to(db: store.Store) -> None:
    listed(db)
    ledger.add_event_batch(db, haul(uses=uses(DAY), blocks=BlockRange(1, 500, "0xa")))
    assert book(db).flow.uses == 20 and sum(book(db).flow.by_model.values()) == 20
    ledger.add_event_batch(db, haul(forget_from=110, uses=uses(DAY, 3, first=10), blocks=BlockRange(110, 500, "0xb")))
    assert book(db).flow.uses == 13
    ledger.add_event_batch(db, haul(forget_from=0))
    assert (book(db).flow.uses, book(db).flow.by_model, book(db).callers) == (0, {}, CallerStats(0, 0, 0))


def test_what_a_reorganisation_took_counts_as_unread_until_it_is_read_again(db: store.Store) -> None:
    ledger.add_event_batch(db, haul(uses=uses(DAY), blocks=BlockRange(1, 500, "0xa")))
    ledger.add_event_batch(db, haul(DAY + ONE))
    noon, ends = start_of_day(DAY) + timedelta(hours=12), start_of_day(DAY + 2 * ONE)
    ledger.add_event_batch(db, haul(forget_from=105, window=CompleteWindow(noon, noon + timedelta(hours=1))))
    assert ledger.SourceState(db, "og").covered_windows("hub") == (
        CompleteWindow(start_of_day(DAY), noon + timedelta(hours=1)),
    )
    assert book(db).flow == Unknown("the old chain was not read to the end of 5 Oct 2026")
    ledger.add_event_batch(db, haul(window=CompleteWindow(noon + timedelta(hours=1), ends), uses=uses(DAY, 3, first=5)))
    assert book(db).flow.uses == 8 and book(db, DAY + ONE).flow.uses == 0
    ledger.add_event_batch(db, haul(forget_from=104, window=CompleteWindow(ends, ends)))
    assert ledger.SourceState(db, "og").covered_windows("hub") == (CompleteWindow(ends, ends),), (
        "nobody says from when on: the whole day"
    )


# --- several writers -------------------------------------------------------------------------------------------------


def test_two_writers_of_one_day_lose_nothing_of_each_other(db: store.Store) -> None:
    def write(number: int) -> None:
        for n in range(4):
            ledger.add_event_batch(db, haul(uses=uses(DAY, 10, first=(number * 4 + n) * 10)))

    with ThreadPoolExecutor(3) as executor:
        list(executor.map(write, range(3)))
    assert book(db).flow.uses == 120


def test_compacting_checking_and_letting_go_while_a_worker_writes(db: store.Store) -> None:
    """The writer is a thread with its own batches, like a worker; none of its events is lost, no check fails."""
    days = [DAY + n * ONE for n in range(3)]
    stop, problems = threading.Event(), []

    def work() -> None:
        for n in range(8):
            for day in days:
                if stop.is_set():
                    return
                ledger.add_event_batch(db, haul(day, uses=uses(day, 2, first=2 * n)))
        stop.set()

    worker = threading.Thread(target=work)
    worker.start()
    while not stop.is_set():
        for day in (*maintenance.compact_days(db, DAY + 2 * ONE), *maintenance.verify_days(db)):
            if day.problem and "somebody else" not in day.problem:
                problems.append(day)
        for prune_day in maintenance.prune_days(db, DAY + 50 * ONE, timedelta(days=49)):
            assert prune_day.day == DAY
        maintenance.sweep_files(db, datetime.now(UTC))
        if problems:
            stop.set()
    worker.join()
    assert problems == []
    for day in days[1:]:
        assert book(db, day).flow.uses == 16
    assert [day.problem for day in maintenance.verify_days(db)] == [""] * 3


# --- looking after it ------------------------------------------------------------------------------------------------


def test_compact_makes_one_file_of_many_and_sweeps_what_no_day_names(db: store.Store) -> None:
    for n in range(5):
        ledger.add_event_batch(db, haul(uses=uses(DAY, 4, first=4 * n)))
    before = book(db)
    assert [(day.events, day.problem) for day in maintenance.compact_days(db, DAY + ONE)] == [(20, "")]
    assert list(maintenance.compact_days(db, DAY + ONE)) == [] and book(db) == before
    named = len(files(db, "*.parquet"))
    assert maintenance.sweep_files(db, NOW) == (0, 0), "somebody may be about to name them, or still read them"
    swept, size = maintenance.sweep_files(db, NOW + maintenance.STRAY)
    assert swept > named - 1 and size > 0
    assert len(files(db, "*.parquet")) == 1 and len(files(db, "*.json")) == 1
    assert [day.problem for day in maintenance.verify_days(db)] == [""]


def test_verify_names_what_is_altered_and_what_the_database_has_otherwise(db: store.Store) -> None:
    for n in range(2):
        ledger.add_event_batch(db, haul(DAY + n * ONE, uses=uses(DAY + n * ONE)))
    with db.write_transaction() as connection:
        connection.execute(store.event_days.update().where(store.event_days.c.day == DAY).values(callers=9))
    (path,) = files(db, f"day={DAY + ONE}/uses-*.parquet")
    path.write_bytes(b"PAR1" + path.read_bytes()[4:-4] + b"PAR2")
    first, second = maintenance.verify_days(db)
    assert first.problem.startswith(
        "the database says callers 9, the lake says 8; what mends it: python -m bot collect"
    )
    assert f"{path.name}: altered or half-written" in second.problem


def test_pruned_days_keep_their_figures_and_take_no_more_events(db: store.Store) -> None:
    listed(db)
    ledger.add_event_batch(db, haul(uses=uses(DAY)))
    ledger.add_event_batch(db, haul(DAY + ONE, whole=False, uses=uses(DAY + ONE, 3)))
    before = book(db)
    done = list(maintenance.prune_days(db, DAY + 100 * ONE, timedelta(days=40)))
    assert [
        (maintenance_result.day, maintenance_result.bytes_now, maintenance_result.problem)
        for maintenance_result in done
    ] == [
        (DAY, 0, ""),
        (DAY + ONE, done[1].bytes, "kept: it was not read whole, so it is not added up"),
    ]
    assert list(maintenance.prune_days(db, DAY + 41 * ONE, timedelta(days=40))) == []
    assert maintenance.sweep_files(db, NOW) == (0, 0), "somebody may still read them"
    maintenance.sweep_files(db, NOW + maintenance.STRAY)
    assert not files(db, f"day={DAY}/*.parquet") and files(db, f"day={DAY + ONE}/*.parquet")
    assert book(db) == before and [day.problem for day in maintenance.verify_days(db)] == ["", ""]
    assert ledger.add_event_batch(db, haul(uses=uses(DAY, 5, first=50))).new == 0 and book(db) == before


def cli(config: Path, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["--config", str(config), "lake", *arguments])
    return int(ended.value.code or 0)


def test_the_command_line_answers_in_words_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    config = tmp_path / "config.yaml"
    config.write_text(f"data: {tmp_path / 'data'}\nlake: {tmp_path / 'elsewhere'}\n")
    parts = AppContext(config)
    for n in range(3):
        ledger.add_event_batch(parts.store, haul(uses=uses(DAY, 4, first=4 * n)))
    assert parts.store.lake.url == str(tmp_path / "elsewhere")
    assert cli(config, "compact", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [(day["day"], day["events"]) for day in document["days"]] == [(str(DAY), 12)] and document["swept"][
        "files"
    ] == 0
    assert cli(config, "verify") == 0 and "1 days good, 12 events" in capsys.readouterr().out
    (path,) = [p for p in files(parts.store, "*.parquet") if p.stat().st_size == document["days"][0]["bytes_now"]]
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert cli(config, "verify") == 1 and f"{path.name}: altered or half-written" in capsys.readouterr().err
    path.write_bytes(content)
    assert cli(config, "prune", "--older", "3d") == 2
    assert "--older 3d: wanted 35d or more" in capsys.readouterr().err
    assert cli(config, "prune", "--older", "soon") == 2
    assert "wanted a length of time such as 90m, 36h or 2d" in capsys.readouterr().err
    assert cli(config, "prune", "--older", "40d", "--json") == 0
    done = json.loads(capsys.readouterr().out)["days"]
    assert [entry["bytes_now"] for entry in done] == (
        [0] if datetime.now(UTC).date() - DAY > timedelta(days=40) else []
    )
    parts.close()


def test_the_lake_is_looked_after_by_one_at_a_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    config = tmp_path / "config.yaml"
    config.write_text(f"data: {tmp_path / 'data'}\n")
    parts = AppContext(config)
    assert leases.acquire_lease(parts.store, "lake", "somebody", datetime.now(UTC), timedelta(minutes=10))
    assert cli(config, "compact") == 2
    assert "another process is maintaining the lake" in capsys.readouterr().err
    leases.release_lease(parts.store, "lake", "somebody")
    assert cli(config, "compact") == 0
    parts.close()


# --- who called on several days --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def month_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database and its lake with thirty days of 40 callers each, half of whom return the next day."""
    folder = tmp_path_factory.mktemp("month")
    with closing(store.open_store(databases.sqlite(folder / "footfall.db"))) as db:
        for n in range(30):
            day = DAY + n * ONE
            day_uses = tuple(replace(use, caller=f"0x{20 * n + k:040x}") for k, use in enumerate(uses(day, 40)))
            ledger.keep_event_batch(db, haul(day, uses=day_uses))
        ledger.add_up(db, "og")
    return folder


@pytest.fixture
def month(db: store.Store, month_folder: Path) -> store.Store:
    """That month in a database of each kind."""
    shutil.copytree(month_folder / "lake", db.lake.url)
    with closing(store.open_store(f"sqlite:///{month_folder / 'footfall.db'}")) as given:
        copy_database(given, db, lambda _line: None)
    return db


@ON_SQLITE
def test_callers_of_7_and_30_days_counted_and_estimated_agree(month: store.Store) -> None:
    last = DAY + 29 * ONE
    figures = compute_figures(book(month, last))
    assert figures["callers"].value == 40 and figures["callers_7d"].value == 160 and figures["callers_30d"].value == 620
    assert number_format.format_figure_with_noun(figures["callers_30d"].to_document([])) == "620 addresses"
    few = replace(month.lake, exact_callers_up_to=500)
    guessing = store.Store(month.engine.url.render_as_string(hide_password=False), few)
    figures = compute_figures(book(guessing, last))
    assert figures["callers_7d"].value == 160, "280 events are few enough"
    about = figures["callers_30d"].to_document([])
    assert abs(about["value"] - 620) < 3 * about["error"] * 620 and about["error"] == pytest.approx(0.0325)
    assert number_format.format_figure_with_noun(about) == f"about {about['value']} addresses (±3.3%)"
    guessing.close()


def test_a_damaged_file_makes_callers_unknown_and_says_no_path_to_readers(month: store.Store) -> None:
    last = DAY + 29 * ONE
    (path,) = files(month, f"day={last - 10 * ONE}/uses-*.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    figures = compute_figures(book(month, last))
    assert figures["callers_7d"].value == 160
    assert figures["callers_30d"].value == Unknown("the events of some of these days cannot be read")
    with pytest.raises(LakeError, match=path.name):
        lake.exact_callers([day for _, day, _ in maintenance.stored_days(month)])


def test_where_events_are_gone_callers_are_estimated(month: store.Store) -> None:
    last = DAY + 29 * ONE
    list(maintenance.prune_days(month, last + 35 * ONE, timedelta(days=60)))
    figures = compute_figures(book(month, last))
    assert figures["callers_7d"].value == 160 and "error" in figures["callers_30d"].to_document([])
    week = ledger.load_period_data(month, HUB, Period.for_day(DAY + 20 * ONE, "week"))
    assert compute_figures(week)["callers"].value == 160 and compute_figures(week)["top_caller_share"].value == 2 / 280


@ON_SQLITE
def test_an_estimate_takes_no_exact_counts_place_and_is_no_mismatch(month: store.Store) -> None:
    last = DAY + 29 * ONE
    listed(month, last)
    plan = pipeline.NetworkPlan("og", "OG", (HUB,), {"catalogue": "hub", "figure": "uses"})
    archive = Archive(month)
    before = pipeline.compose_digest(month, archive, plan, Period(last, last), NOW)
    list(maintenance.prune_days(month, last + 80 * ONE, timedelta(days=60)))
    assert list(pipeline.mismatches_with(pipeline.recompute_digest(month, plan, before), before)) == []
    again = pipeline.compose_digest(month, archive, plan, Period(last, last), NOW)["catalogues"][0]["figures"]
    assert again["callers_30d"]["value"] == 620 and "error" not in again["callers_30d"]
    before["catalogues"][0]["figures"]["callers_30d"]["value"] = 900
    assert [
        line
        for line in pipeline.mismatches_with(pipeline.recompute_digest(month, plan, before), before)
        if "callers_30d" in line
    ], "too far from the truth"


def test_who_called_is_not_counted_for_answers_that_do_not_say_it(
    month: store.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = DAY + 29 * ONE
    listed(month, last)
    lakes: list[object] = []
    monkeypatch.setattr(lake, "exact_callers", lakes.append)
    ledger.model_standing(month, HUB, SafeName("a/m0"), last)
    ledger.usage_comparison(month, HUB, Period(last, last))
    ledger.day_listing(month, HUB, last)
    plan = pipeline.NetworkPlan("og", "OG", (HUB,), {"catalogue": "hub", "figure": "uses"})
    statuses = watch_content.ModelStatusCache(month, {"og": plan}, last)
    assert statuses.get_status(HUB).book.catalogue == HUB
    assert lakes == []


# --- long readings ---------------------------------------------------------------------------------------------------


def test_a_long_reading_says_how_far_it_is_and_what_it_does_not_know() -> None:
    clock = iter([n * 10.0 for n in range(100)])
    rests: list[float] = []
    reading = pipeline.BackfillThrottle(Period(DAY, DAY + 99 * ONE, "month"), lambda: next(clock), rests.append)
    texts = [reading.rest_and_report(haul(DAY + n * ONE), 0.5) for n in range(5)]
    assert texts[0] == texts[1].replace("2.0", "1.0") == "1.0 of 100 days read, no estimate of the rest yet"
    assert texts[4] == "5.0 of 100 days read, 13 min to 16 min left at this pace"
    assert reading.rest_and_report(haul(DAY + 99 * ONE), 0.0) == "100.0 of 100 days read, none left"
    assert reading.rest_and_report(replace(haul(), window=None), 0.0) == ""
    assert rests == [0.5] * 5 + [0.02] * 2, "it rests as long as the commit took, and a little at least"


READER = """
import sys, time
from datetime import timedelta
from bot import pipeline, store
from bot.records import Period, Settlement, start_of_day
from dataclasses import replace
from tests.ledger.test_lake import DAY, ONE, haul, uses

class Year:
    settles_for = None

    def event_batches(self, wanted, memory):
        covered = memory.covered_windows("hub")
        begun = covered[-1].ends.date() if covered else wanted.first
        n = 0
        while begun + n * ONE <= wanted.last:
            day = begun + n * ONE
            at = start_of_day(day)
            settled = tuple(
                Settlement(f"{day}s{i}:0", i, at, "0x" + "f1" * 20, 5, "B" * 43, "22" * 32)
                for i in range(int(sys.argv[3]))
            )
            print(day, flush=True)
            yield haul(day, uses=uses(day, 500))
            yield replace(haul(day), catalogue="llm", settlements=settled)
            n += 1

db = store.open_store(sys.argv[1])
wanted = Period(DAY, DAY + int(sys.argv[2]) * ONE, "month")
throttle = pipeline.BackfillThrottle(wanted, time.monotonic, time.sleep)
pipeline.collect(db, "og", Year(), wanted, lambda line: None, None, throttle)
"""


def reader(db: store.Store, days: int, settled: int) -> subprocess.Popen[str]:
    url = db.engine.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-c", READER, url, str(days), str(settled)], stdout=subprocess.PIPE, text=True
    )


def test_a_reading_killed_again_and_again_does_no_day_twice(tmp_path: Path) -> None:
    db = store.open_store(f"sqlite:///{tmp_path / 'footfall.db'}")
    days: list[str] = []
    for kill in (2, 3, 0):
        process = reader(db, 5, 50)
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                days.append(line.strip())
                kill -= 1
                if kill == 0:
                    os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
    wanted = [str(DAY + n * ONE) for n in range(6)]
    assert sorted(set(days)) == wanted
    assert len(days) <= len(wanted) + 2, f"only the day in hand of each kill may be begun again: {days}"
    assert [book(db, DAY + n * ONE).flow.uses for n in range(6)] == [500] * 6
    db.close()


def test_a_long_reading_leaves_room_for_the_workers_own_writes(tmp_path: Path) -> None:
    db = store.open_store(f"sqlite:///{tmp_path / 'footfall.db'}")
    process = reader(db, 400, 500)
    assert process.stdout is not None and process.stdout.readline()
    days = writes = 0
    try:
        while days < 20:
            with db.write_transaction() as connection:
                connection.execute(store.cursors.delete().where(store.cursors.c.name == "w"))
                connection.execute(store.cursors.insert().values(network="og", name="w", text=str(writes)))
                days = connection.scalar(sa.select(sa.func.count()).select_from(store.event_days)) or 0
            writes += 1
            threading.Event().wait(0.02)
            assert process.poll() is None, "the reading has to go on all the while"
    finally:
        process.kill()
        process.wait(120)
        process.stdout.close()
    assert writes >= 10, "a write waits for the commit in hand, and for no other"
    db.close()


# --- coming from before ----------------------------------------------------------------------------------------------


def test_days_that_the_old_tables_held_become_unread_and_nothing_else_changes(bare: str, tmp_path: Path) -> None:
    from alembic import command

    old = store.Store(bare, LakeSettings(str(tmp_path / "lake")))
    config = store._alembic_config()
    with old.write_transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
    with old.write_transaction() as connection:
        for line in (
            "INSERT INTO catalogues (id, network, name) VALUES (1, 'og', 'hub'), (2, 'og', 'llm')",
            "INSERT INTO windows VALUES (1, '2026-10-05T00:00:00Z', '2026-10-06T00:00:00Z')",
            "INSERT INTO windows VALUES (2, '2026-10-05T00:00:00Z', '2026-10-06T00:00:00Z')",
            "INSERT INTO tallies VALUES (1, 'claimed', '2026-10-05', 3, '', 3, 0, 0)",
            "INSERT INTO uses VALUES (1, 'p', 1, '2026-10-05T00:00:00Z', '2026-10-05', 3, NULL, '', '')",
        ):
            connection.execute(sa.text(line))
    old.migrate()
    assert book(old).flow == Unknown("the old chain was not read to the end of 5 Oct 2026")
    assert ledger.SourceState(old, "og").covered_windows("llm") != ()
    ledger.add_event_batch(old, haul(uses=uses(DAY, 4)))
    assert book(old).flow.uses == 4
    old.close()


def test_a_database_without_a_lake_says_what_it_wants(url: str) -> None:
    database = store.open_store(url)
    if database.engine.dialect.name == "sqlite":
        assert database.lake.url.endswith("/lake")
    else:
        with pytest.raises(store.StoreError, match=re.escape("has no lake; name one in config.yaml: lake")):
            ledger.add_event_batch(database, haul(uses=uses(DAY, 1)))
    database.close()


def test_the_manifest_says_what_a_day_consists_of(db: store.Store) -> None:
    ledger.add_event_batch(db, haul(uses=uses(DAY), blocks=BlockRange(90, 200, "0xee")))
    ((_, day, row),) = maintenance.stored_days(db)
    document = json.loads(Path(db.lake.url, day.folder, day.manifest).read_text())
    assert (document["schema"], document["day"], document["parts"][0]["rows"]) == (1, "2026-10-05", 20)
    assert document["blocks"] == [{"first": 90, "last": 200, "hash": "0xee"}]
    assert (row.first_block, row.last_block, row.events) == (100, 119, 20)
    assert lake.read_manifest(day).size == row.bytes


def test_verify_tells_raw_answers_that_were_deleted_from_those_that_were_pruned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    config, today = tmp_path / "config.yaml", datetime.now(UTC).date()
    headline = "headline: {catalogue: models, figure: models_used}"
    config.write_text(f"data: {tmp_path / 'data'}\nnetworks:\n  dockerhub: {{{headline}}}\n")
    parts = AppContext(config)
    folder = raw_retention.raw_folder(tmp_path / "data", "dockerhub")
    for ago in (50, 2, 1):
        at = datetime.combine(today - ago * ONE, time(0, 10), UTC)
        with open_raw_archive(folder) as raw:
            raw.add(f"list of {ago} days ago".encode())
        os.utime(folder / f"{raw.sha256}.jsonl.gz", (at.timestamp(), at.timestamp()))
        ref = SourceRef("https://hub.example/list", at, raw.sha256)
        model = model_identity("ai/model")
        ledger.add_snapshot(
            parts.store,
            Snapshot("dockerhub", "models", at, ref, (Listing(model, model_identity("ai")),), (Reading(model, ago),)),
        )
    parts.close()
    assert cli(config, "compact") == 0 and "raw answers of 3 days packed" in capsys.readouterr().out
    assert cli(config, "verify") == 0 and "raw answers: 3 intact, 0 pruned, 0 missing" in capsys.readouterr().out
    assert cli(config, "prune", "--older", "40d", "--json") == 0
    assert json.loads(capsys.readouterr().out)["raw_bytes"] > 0
    assert cli(config, "verify") == 0 and "raw answers: 2 intact, 1 pruned, 0 missing" in capsys.readouterr().out
    (folder / "packs" / f"{today - ONE}.sqlite").unlink()
    assert cli(config, "verify") == 1
    told = capsys.readouterr()
    assert "raw answers: 1 intact, 1 pruned, 1 missing" in told.out
    assert "dockerhub: 1 raw answers that figures rest on are not on this machine" in told.err
