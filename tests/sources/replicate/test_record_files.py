"""The record that comes with the program, against a plain reading of its files; and what is wrong with other ones."""

from __future__ import annotations

import csv
import hashlib
import lzma
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot import ledger, pipeline, store
from bot.archive import Archive
from bot.records import Period, Receipt, Snapshot, SourceError, SourceRef
from bot.sources import replicate
from bot.sources.replicate import record_files
from tests import databases, record_slices

NOW = datetime(2026, 3, 4, 0, 7, tzinfo=UTC)
ONE = timedelta(days=1)


def source(folder: Path | None = None) -> Iterator[Snapshot]:
    chosen = replicate.Settings(record=folder)
    return replicate.make_source(chosen, Path("none"), {}, lambda: NOW).snapshots(None)


def head(snapshot: Snapshot) -> str:
    return f"{snapshot.at:%Y-%m-%dT%H:%M:%SZ}"


# --- the bundled record -------------------------------------------------------------------------------------------


def test_every_night_has_the_models_and_counters_of_the_files_and_the_commit_as_its_ref() -> None:
    plain = record_slices.nights_between()
    lines = list(csv.DictReader((record_slices.BUNDLED / "snapshots.csv").read_text().splitlines()))
    assert [line["snapshot_utc"] for line in lines] == sorted(plain)
    readings = 0
    for snapshot, line in zip(source(), lines, strict=True):
        assert head(snapshot) == line["snapshot_utc"]
        counts = {str(reading.model): reading.count for reading in snapshot.readings}
        assert counts == plain[head(snapshot)]
        assert [listing.model for listing in snapshot.listings] == [reading.model for reading in snapshot.readings]
        assert (len(counts), sum(counts.values())) == (int(line["models"]), int(line["sum_of_counters"]))
        commit = re.fullmatch(r"https://github\.com/replicate/[a-z-]+/blob/([0-9a-f]{40})/.*", snapshot.ref.url)
        assert commit is not None and commit[1] == line["commit"]
        assert snapshot.ref.at == snapshot.at
        readings += len(counts)
    assert (len(lines), readings) == (554, 1_448_314)


def test_nights_close_543_days_and_lack_13_january() -> None:
    nights = record_files.record_nights(record_files.BUNDLED)
    closed = {day for at in nights if (day := ledger.closed_day(at))}
    missing = {min(closed) + n * ONE for n in range((max(closed) - min(closed)).days)} - closed
    assert len({at.date() for at in nights}) == 544
    assert (len(closed), missing) == (543, {date(2025, 1, 13)})


def test_a_ref_has_the_checksum_of_the_list_which_anyone_can_compute() -> None:
    plain = record_slices.nights_between()
    for snapshot in islice(source(), 3):
        lines = (f"{model},{count}\n" for model, count in sorted(plain[head(snapshot)].items()))
        assert snapshot.ref.sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
        assert replicate.ref_checksum(replicate.Settings(), Path(), snapshot.ref.url, "") == snapshot.ref.sha256


def test_wanted_days_get_the_nights_at_both_their_ends() -> None:
    made = replicate.make_source(replicate.Settings(), Path("none"), {}, lambda: NOW)
    for wanted, days in (
        (Period.for_day(date(2025, 1, 12)), [12, 13]),
        (Period.for_day(date(2024, 3, 31)), [31, 1]),
        (Period.for_day(date(2025, 1, 6), "week"), [6, 7, 8, 9, 10, 11, 12, 13]),
        (Period.for_day(date(2025, 6, 1)), []),
    ):
        taken = [snapshot.at for snapshot in made.snapshots(wanted)]
        assert [at.day for at in taken if at.hour == 0] == days[: len(taken)]


def test_the_record_is_closed_without_a_token_and_not_read_with_one() -> None:
    assert replicate.is_closed(replicate.Settings(), {})
    assert not replicate.is_closed(replicate.Settings(), {"REPLICATE_API_TOKEN": "r8_x"})
    assert "554 nights, 4 Oct 2023 to 31 Mar 2025" in replicate.check_reachable(replicate.Settings(), Path(), {})


# --- a record of one's own ----------------------------------------------------------------------------------------

NIGHTS = {
    "2026-01-01T00:05:00Z": {"ann/one": 10, "bob/two": 5},
    "2026-01-02T00:05:00Z": {"ann/one": 12, "bob/two": 5, "cyd/new": 0},
    "2026-01-03T00:05:00Z": {"ann/one": 12, "cyd/new": 3},
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return record_slices.write_record(tmp_path / "own", NIGHTS)


def test_a_folder_of_ones_own_is_read(own: Path) -> None:
    read = {head(s): {str(reading.model): reading.count for reading in s.readings} for s in source(own)}
    assert read == NIGHTS


def unpacked(own: Path, change: Callable[[str], str]) -> None:
    path = own / "runs-some.csv.xz"
    path.write_bytes(lzma.compress(change(lzma.decompress(path.read_bytes()).decode()).encode()))


def nights(own: Path, change: Callable[[str], str]) -> None:
    path = own / "snapshots.csv"
    path.write_text(change(path.read_text()))


def packed(own: Path, change: Callable[[bytes], bytes]) -> None:
    path = own / "runs-some.csv.xz"
    path.write_bytes(change(path.read_bytes()))


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda own: packed(own, lambda b: b[:-20]), r"runs-some\.csv\.xz: ends too early"),
    "not xz": (lambda own: packed(own, lambda b: b"x" + b), "cannot be unpacked as xz"),
    "not UTF-8": (lambda own: packed(own, lambda b: lzma.compress(b"model,\xff")), "is not UTF-8 at byte 6"),
    "no column of models": (lambda own: unpacked(own, lambda t: t.replace("model,", "name,")), "wanted a column model"),
    "a column missing": (
        lambda own: nights(own, lambda t: t.replace(",commit", "")),
        r"snapshots\.csv: wanted the col",
    ),
    "a cell missing": (
        lambda own: unpacked(own, lambda t: t.replace(",12,12", ",12")),
        "line 2: has 3 cells, wanted 4",
    ),
    "negative": (lambda own: unpacked(own, lambda t: t.replace("10", "-1")), "line 2: found '-1', wanted a count"),
    "huge": (lambda own: unpacked(own, lambda t: t.replace("10", "9" * 5000)), "line 2: found '9999.*, wanted a count"),
    "too large": (lambda own: unpacked(own, lambda t: t.replace("10", f"{10**15 + 1}")), "wanted a count from 0 to"),
    "other digits": (lambda own: unpacked(own, lambda t: t.replace("10", "١٠")), "wanted a count from 0"),
    "a night twice": (
        lambda own: unpacked(own, lambda t: t.replace("2026-01-02T", "2026-01-01T")),
        "has the night of 2026-01-01T00:05:00Z twice or out of order",
    ),
    "a line twice": (
        lambda own: nights(own, lambda t: t + t.splitlines()[1] + "\n"),
        "line 5: has the night of .* twice",
    ),
    "a night without its line": (
        lambda own: nights(own, lambda t: "\n".join(t.splitlines()[:3])),
        r"has the night of 2026-01-03T00:05:00Z, which snapshots\.csv does not list",
    ),
    "another sum": (
        lambda own: nights(own, lambda t: t.replace(",2,15", ",2,16")),
        "is not the one that snapshots.csv",
    ),
    "no commit": (
        lambda own: nights(own, lambda t: t.replace("0" * 39, "zz")),
        "line 2: the commit is 'zz2', wanted 40",
    ),
    "no instant": (lambda own: nights(own, lambda t: t.replace("2026-01-01T", "1 Jan ")), "wanted an instant like"),
    "a control character": (
        lambda own: unpacked(own, lambda t: t.replace("bob/", "bob/\x1b[2J")),
        "the model is 'bob/",
    ),
    "a name without an owner": (lambda own: unpacked(own, lambda t: t.replace("bob/", "")), "wanted owner/name"),
    "a model twice": (
        lambda own: unpacked(own, lambda t: t.replace("cyd/new", "bob/two")),
        "has the model bob/two twice",
    ),
    "a quote left open": (lambda own: unpacked(own, lambda t: t.replace("bob/", '"bob/')), "line .*: unexpected end"),
    "a bomb": (
        lambda own: packed(own, lambda b: lzma.compress(b"\0" * (65 * 2**20))),
        "more than 67,108,864 bytes unp",
    ),
    "no files": (lambda own: (own / "runs-some.csv.xz").unlink(), r"own: holds no runs-\*\.csv\.xz"),
    "no nights": (lambda own: (own / "snapshots.csv").unlink(), r"snapshots\.csv: cannot be read: No such file"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_clear_line(own: Path, name: str) -> None:
    spoil, says = BAD[name]
    spoil(own)
    with pytest.raises(SourceError, match=says) as error:
        list(source(own))
    text = str(error.value)
    assert "\n" not in text and "\x1b" not in text and len(text) < 500
    assert text.startswith(str(own)) and "networks.replicate.record" in text


def test_a_damaged_copy_is_known_and_a_missing_one_is_no_damage(own: Path) -> None:
    url = next(source(own)).ref.url
    chosen = replicate.Settings(record=own)
    assert replicate.ref_checksum(chosen, Path(), url, "")
    packed(own, lambda content: content[:-20])
    assert replicate.ref_checksum(chosen, Path(), url, "") == ""
    assert replicate.ref_checksum(replicate.Settings(record=own / "none"), Path(), url, "") is None
    assert replicate.ref_checksum(replicate.Settings(), Path("none"), "npm:package@1.352.0/stats.json", "ab") is None


# --- in the ledger ------------------------------------------------------------------------------------------------


def slice_of(first: str, last: str, folder: Path) -> list[Snapshot]:
    return list(source(record_slices.write_slice(folder, first, last)))


def tables(opened: store.Store) -> dict[str, set[tuple[object, ...]]]:
    """The rows of each table, each of which has a key."""
    names = ("snapshots", "readings", "models", "usage", "stretches", "falls", "verdicts")
    with opened.read_transaction() as connection:
        stored = {name: connection.execute(sa.text(f"SELECT * FROM {name}")).all() for name in names}
        cursors = connection.execute(sa.text("SELECT name, text FROM cursors WHERE name <> 'changes'")).all()
    return {name: set(map(tuple, rows)) for name, rows in (*stored.items(), ("cursors", cursors))}


@pytest.mark.parametrize(
    ("first", "last"),
    [("2023-10-04", "2023-11-20"), ("2024-11-03", "2024-11-20"), ("2024-03-28", "2024-04-08")],
    ids=["a held day and nights with two lists", "counters that fell", "another held day"],
)
def test_nights_stored_together_give_what_nights_stored_one_by_one_give(tmp_path: Path, first: str, last: str) -> None:
    taken = slice_of(first, last, tmp_path / "slice")
    opened = [store.open_store(databases.sqlite(tmp_path / f"{n}.db")) for n in range(3)]
    single = [ledger.add_snapshot(opened[0], snapshot) for snapshot in taken]
    assert ledger.add_snapshots(opened[1], taken) == single
    for start in range(0, len(taken), 7):
        ledger.add_snapshots(opened[2], taken[start : start + 7])
    kept, together, in_sevens = map(tables, opened)
    assert together == kept and in_sevens == kept
    assert kept["falls"] or kept["verdicts"]
    for each in opened:
        each.close()


HEADLINE = {"catalogue": "models", "figure": "models_used"}


def periods(opened: store.Store, plan: pipeline.NetworkPlan) -> tuple[Period, ...]:
    return pipeline.covered_periods(opened, plan, "day")


def test_what_the_ledger_has_from_elsewhere_is_left_as_it_is(tmp_path: Path) -> None:
    """An installation that read some of these nights from the npm package that Footfall once read."""
    taken = slice_of("2025-01-01", "2025-01-20", tmp_path / "slice")
    elsewhere = [
        replace(s, at=s.at.replace(minute=0, second=0), ref=SourceRef("npm:package@1/stats.json", s.at), record="")
        for s in taken
        if date(2025, 1, 3) <= s.at.date() <= date(2025, 1, 13) and s.at.hour == 0
    ]
    opened = store.open_store(databases.sqlite(tmp_path / "footfall.db"))
    ledger.add_snapshots(opened, elsewhere)
    archive, plan = Archive(opened), pipeline.NetworkPlan("replicate", "Replicate", replicate.CATALOGUES, HEADLINE)
    issued = [pipeline.compose_digest(opened, archive, plan, p, NOW) for p in periods(opened, plan)]
    for document in issued:
        archive.add_receipt(document, Receipt("x", "@footfall", 0, "1", "", NOW))
    before = tables(opened)
    results = ledger.add_snapshots(opened, taken)
    left = [s.at.date() for s, result in zip(taken, results, strict=True) if result.left_out]
    assert (left[0], left[-1]) == (date(2025, 1, 1), date(2025, 1, 13))
    assert all(result.new for result in results if not result.left_out)
    after = tables(opened)
    assert set(before["snapshots"]) < set(after["snapshots"])
    assert {row for row in after["usage"] if str(row[1]) <= "2025-01-12"} == before["usage"]
    assert len(after["snapshots"]) == len(elsewhere) + sum(result.new for result in results)
    assert pipeline.outdated_periods(opened, archive, plan, "day") == ()
    for document in issued:
        assert list(pipeline.mismatches_with(pipeline.recompute_digest(opened, plan, document), document)) == []
    again = [pipeline.compose_digest(opened, archive, plan, p, NOW) for p in periods(opened, plan)[: len(issued)]]
    assert [document["edition"] for document in again] == [1] * len(issued)
    opened.close()


def test_the_checksums_of_a_month_are_read_at_once(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {s.ref.url: s.ref.sha256 for s in record_files.record_snapshots(record) if s.at.month == 1}
    parsed: list[int] = []
    real = record_files._parse_lists

    def parse(lines: Any, nights: Any) -> list[Snapshot]:
        parsed.append(len(nights))
        return real(lines, nights)

    monkeypatch.setattr(record_files, "_parse_lists", parse)
    record_files._night_checksum.cache_clear()
    record_files._month_checksums.cache_clear()
    assert {url: record_files.night_checksum(record, url) for url in wanted} == wanted
    assert len(wanted) > 10 and len(parsed) == 1
    assert record_files.night_checksum(record, record_files.REFS + "0" * 40) is None
