"""A day in the lake: stored once, replaced as a whole, checked at every read, added up exactly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import lake
from bot.lake import DayUpdate, LakeError, day_files, storage
from bot.records import BlockRange, Payment, SafeName, Use, start_of_day
from tests.lake.events import DAY, HUGE, day_in, paid, used


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "lake")


def kept(url: str, *day_updates: DayUpdate) -> lake.DayRef:
    day = day_in(url)
    for day_update in day_updates:
        day, _ = lake.update_day(day, day_update)
    return day


def files(day: lake.DayRef) -> list[Path]:
    return [Path(day.lake.url, day.folder, part.name) for part in lake.read_manifest(day).parts]


def test_events_offered_twice_are_kept_once_and_change_nothing(url: str) -> None:
    day = kept(url, DayUpdate(used(100), paid(20)))
    again, new = lake.update_day(day, DayUpdate(used(100), paid(20)))
    assert (again, new) == (day, 0)
    more, new = lake.update_day(day, DayUpdate(used(60, first=80), [*paid(20), *paid(20)]))
    assert new == 40 and lake.roll_up_day(more).uses == sum(use.count for use in used(140))


def test_a_known_use_learns_its_model_and_caller_and_never_changes_them(url: str) -> None:
    use = Use("0x:1", 5, start_of_day(DAY), 2, None, "", "cid")
    day = kept(url, DayUpdate([use]), DayUpdate([replace(use, model=SafeName("a/one"), caller="0xa")]))
    assert lake.roll_up_day(day).by_model == {"a/one": 2} and not lake.roll_up_day(day).callers.unsigned
    same, new = lake.update_day(day, DayUpdate([replace(use, model=SafeName("b/two"), caller="0xb", count=9)]))
    assert (same, new) == (day, 0)


def test_content_ids_that_turn_out_to_be_a_models_name_its_uses(url: str) -> None:
    day = kept(url, DayUpdate(used(60)))
    lost = [use for use in used(60) if use.model is None]
    assert {use.content for use in lake.unnamed_uses(day, 100)} == {use.content for use in lost}
    assert len(lake.unnamed_uses(day, 2)) == 2
    named = kept(url, DayUpdate(used(60)), DayUpdate(owners={lost[0].content: SafeName("z/found")}))
    wanted = sum(use.count for use in lost if use.content == lost[0].content)
    assert lake.roll_up_day(named).by_model["z/found"] == wanted
    assert lake.roll_up_day(named).nameless == sum(use.count for use in lost) - wanted


def test_a_model_that_was_wrong_is_replaced_only_where_that_is_said(url: str) -> None:
    day = kept(url, DayUpdate(used(60), paid(5)))
    mine = sum(use.count for use in used(60) if use.content == "cid0")
    owners = {"cid0": SafeName("z/true")}
    assert lake.update_day(day, DayUpdate(owners=owners))[0] == day, "all of them name a model"
    named, _ = lake.update_day(day, DayUpdate(owners=owners, renames=True))
    assert (
        lake.roll_up_day(named).by_model["z/true"] == mine
        and lake.roll_up_day(named).uses == lake.roll_up_day(day).uses
    )
    assert lake.roll_up_day(named).sessions == lake.roll_up_day(day).sessions
    assert lake.update_day(named, DayUpdate(owners=owners, renames=True)) == (named, 0)
    assert {use.model for use in lake.unnamed_uses(named, 100, named=True) if use.content == "cid0"} == {
        SafeName("z/true")
    }


def test_a_content_id_that_is_used_much_comes_before_those_that_only_sort_first(url: str) -> None:
    at = start_of_day(DAY)
    strange = [Use(f"0x{n:064x}:0", 100 + n, at, 1, None, "", f"AAA{n}") for n in range(5)]
    real = [Use(f"0x{n:064x}:0", 100 + n, at, 1, None, "", "zzz") for n in range(9, 12)]
    day = kept(url, DayUpdate(strange + real))
    assert [(use.content, use.count) for use in lake.unnamed_uses(day, 2)] == [("zzz", 3), ("AAA0", 1)]


def test_a_reorganised_chain_is_forgotten_from_a_block_on(url: str) -> None:
    day = kept(
        url,
        DayUpdate(used(50), paid(50), BlockRange(1, 149, "0xa")),
        DayUpdate(used(50, first=50), (), BlockRange(150, 199)),
    )
    less, _ = lake.update_day(day, DayUpdate(forget_from=120))
    assert lake.roll_up_day(less).uses == sum(use.count for use in used(20))
    assert lake.roll_up_day(less).sessions == sum(payment.session for payment in paid(20))
    assert lake.read_manifest(less).blocks == ()
    none, _ = lake.update_day(less, DayUpdate(forget_from=0))
    assert lake.roll_up_day(none).uses == 0 and lake.read_manifest(none).parts == ()


def test_ranges_that_follow_on_each_other_are_one_and_holes_stay(url: str) -> None:
    block_ranges = [BlockRange(10, 19, "0xb"), BlockRange(30, 39, "0xd"), BlockRange(20, 25, "0xc"), BlockRange(12, 14)]
    day = kept(url, *(DayUpdate(used(1, first=n), (), block_range) for n, block_range in enumerate(block_ranges)))
    assert lake.read_manifest(day).blocks == (BlockRange(10, 25, "0xc"), BlockRange(30, 39, "0xd"))


def test_a_file_is_one_row_group_sorted_by_model_and_compact_makes_one_of_many(url: str) -> None:
    day = kept(url, *(DayUpdate(used(40, first=40 * n)) for n in range(6)))
    assert len(lake.read_manifest(day).parts) == 6
    day_ref = lake.compact_day(day)
    (path,) = files(day_ref)
    shown = parquet.read_metadata(path)
    assert shown.num_row_groups == 1 and shown.num_rows == 240
    assert shown.row_group(0).column(0).compression == "ZSTD"
    models = parquet.read_table(path)["model"].to_pylist()
    assert models == sorted(models, key=lambda name: (name is None, name))
    assert replace(lake.roll_up_day(day_ref), day=day) == lake.roll_up_day(day)
    assert lake.compact_day(day_ref) == day_ref


def test_a_day_that_grows_is_made_compact_as_it_goes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_files, "MOST_PARTS", 3)
    day = kept(url, *(DayUpdate(used(10, first=10 * n)) for n in range(9)))
    assert len(lake.read_manifest(day).parts) <= 3 and lake.roll_up_day(day).uses == sum(use.count for use in used(90))


@pytest.mark.parametrize("damage", ["half", "altered", "gone", "manifest", "manifest gone", "other day", "newer"])
def test_what_is_not_what_its_manifest_says_is_refused_by_name(url: str, damage: str) -> None:
    day = kept(url, DayUpdate(used(200)))
    (path,) = files(day)
    manifest = Path(url, day.folder, day.manifest)
    content = path.read_bytes()
    named, wanted = path.name, "altered or half-written: found sha256 .*, wanted .*; restore it from a copy"
    if damage == "half":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "altered":
        path.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    elif damage == "gone":
        path.unlink()
        wanted = "is not there; restore it from a copy"
    elif damage == "manifest":
        manifest.write_text(manifest.read_text().replace('"rows":200', '"rows":201'))
        named = manifest.name
    elif damage == "manifest gone":
        manifest.unlink()
        named, wanted = manifest.name, "is not there"
    else:
        day, named, wanted = other(day, manifest, damage)
    with pytest.raises(LakeError) as error_info:
        lake.roll_up_day(day)
    text = str(error_info.value)
    assert named in text and "\n" not in text
    assert __import__("re").search(wanted, text), text
    assert lake.try_roll_up(day) == text


def other(day: lake.DayRef, manifest: Path, damage: str) -> tuple[lake.DayRef, str, str]:
    """A manifest that is valid but of another day, or of a later version."""
    if damage == "other day":
        tomorrow = replace(day, day=DAY + timedelta(days=1))
        target = Path(day.lake.url, tomorrow.folder)
        target.mkdir(parents=True)
        (target / day.manifest).write_bytes(manifest.read_bytes())
        return tomorrow, day.manifest, "is of og hub 2026-10-05"
    content = json.dumps({**json.loads(manifest.read_text()), "schema": 9}).encode()
    name = f"manifest-000009-{__import__('hashlib').sha256(content).hexdigest()}.json"
    (manifest.parent / name).write_bytes(content)
    return replace(day, manifest=name), name, "found schema 9, wanted 1; install the Footfall that wrote it"


def test_a_large_file_is_checked_as_well_as_a_small_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "LARGE", 1)
    day = kept(url, DayUpdate(used(4000, callers=4000)))
    (path,) = files(day)
    assert lake.roll_up_day(day).callers.callers == 4000
    content = path.read_bytes()
    # The place column, which adding up does not read: nothing but the hash can tell.
    path.write_bytes(content[:1000] + bytes([content[1000] ^ 1]) + content[1001:])
    with pytest.raises(LakeError, match="altered or half-written"):
        lake.roll_up_day(day)


def test_a_file_that_no_manifest_names_counts_for_nothing(url: str) -> None:
    day = kept(url, DayUpdate(used(10)))
    (path,) = files(day)
    path.with_name("uses-stray.parquet").write_bytes(path.read_bytes())
    assert lake.roll_up_day(day).uses == sum(use.count for use in used(10))


WRITER = """
import sys
from bot import lake
from bot.lake import DayUpdate
from tests.lake.events import day_in, used
print("on", flush=True)
for n in range(100000):
    lake.update_day(day_in(sys.argv[1]), DayUpdate(used(3000, first=n)))
"""


def test_a_writer_killed_at_any_moment_leaves_whole_files_only(url: str) -> None:
    for waits in (0.05, 0.11, 0.18):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None and writer.stdout.readline() == "on\n"
        try:
            writer.wait(waits)
        except subprocess.TimeoutExpired:
            os.kill(writer.pid, signal.SIGKILL)
        writer.wait(120)
        writer.stdout.close()
    for path in Path(url).rglob("manifest-*.json"):
        day = replace(day_in(url), manifest=path.name)
        assert lake.roll_up_day(day).uses > 0
    for path in Path(url).rglob("uses-*.parquet"):
        assert parquet.read_metadata(path).num_rows == 3000


# --- adding up --------------------------------------------------------------------------------------------------------

PEOPLE = st.sampled_from(["0xa", "0xb", "0xc", ""])
MODELS = st.sampled_from([None, SafeName("a/one"), SafeName("b/two'; DROP TABLE x; --"), SafeName("č/ž")])
AMOUNTS = st.one_of(st.integers(0, 10), st.integers(0, HUGE), st.just(HUGE), st.integers(10**26 - 2, 10**26 + 2))


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 10**15), MODELS, PEOPLE), max_size=25),
    st.lists(st.tuples(AMOUNTS, PEOPLE, st.booleans()), max_size=25),
    st.integers(0, 25),
)
def test_a_day_adds_up_to_what_a_plain_loop_over_its_events_says(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[tuple[int, SafeName | None, str]],
    sent: list[tuple[int, str, bool]],
    cut: int,
) -> None:
    at = start_of_day(DAY)
    uses = [Use(f"u{n}", n, at, count, model, who, "c") for n, (count, model, who) in enumerate(pairs)]
    payments = [Payment(f"p{n}", n, at, who, amount, session) for n, (amount, who, session) in enumerate(sent)]
    url = str(tmp_path_factory.mktemp("lake"))
    day = lake.roll_up_day(kept(url, DayUpdate(uses[:cut], payments[:cut]), DayUpdate(uses[cut:], payments[cut:])))
    by_model: Counter[str | None] = Counter()
    did: Counter[str] = Counter()
    gave: Counter[str] = Counter()
    for use in uses:
        by_model[use.model] += use.count
        did[use.caller] += use.count
    for payment in payments:
        if payment.session:
            did[payment.payer] += 1
            gave[payment.payer] += payment.amount
    assert day.nameless == by_model.pop(None, 0) and day.by_model == dict(by_model)
    assert day.uses == sum(use.count for use in uses)
    who = day.callers
    assert (who.callers, who.called, who.top_called) == (len(did), sum(did.values()), max(did.values(), default=0))
    assert (who.paid, who.top_paid) == (sum(gave.values()), max(gave.values(), default=0))
    assert who.unsigned == ("" in did)
    assert day.sessions == sum(payment.session for payment in payments)
    assert day.others == sum(not payment.session for payment in payments)
    others = Counter(payment.payer for payment in payments if not payment.session)
    assert list(day.other_payers.items()) == sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))[:3]


def test_days_add_up_the_same_one_after_the_other_and_side_by_side(url: str) -> None:
    some = [
        lake.update_day(day_in(url, DAY + timedelta(days=n)), DayUpdate(used(500, day=DAY + timedelta(days=n))))[0]
        for n in range(6)
    ]
    with ThreadPoolExecutor(3) as executor:
        assert list(executor.map(lake.roll_up_day, some)) == list(map(lake.roll_up_day, some))


@pytest.mark.parametrize("threads", [2, 4, 7])
def test_a_very_large_day_adds_up_the_same_on_several_threads(
    url: str, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    from bot.lake import duckdb_engine, parquet, rollup

    monkeypatch.setattr(parquet, "ROW_GROUP", 2048)
    uses = [*used(20_000, callers=9000, models=700), *used(9000, first=20_000, callers=1, models=1)]
    day = kept(url, DayUpdate(uses, paid(5000)))
    alone = lake.roll_up_day(day)
    opened: list[int] = []
    real = duckdb_engine.several_threads

    def noted(threads: int, memory: str, spill: str = "") -> AbstractContextManager[None]:
        opened.append(threads)
        return real(threads, memory, spill)

    monkeypatch.setattr(duckdb_engine, "several_threads", noted)
    several = replace(day, lake=replace(day.lake, threads=threads))
    assert replace(lake.roll_up_day(several), day=day) == alone and opened == []
    monkeypatch.setattr(rollup, "LARGE_DAY", len(uses))
    assert replace(lake.roll_up_day(several), day=day) == alone and opened == [threads]
    assert lake.roll_up_day(day) == alone and opened == [threads]
    ((left,),) = duckdb_engine.thread_cursor("400MB").execute("SELECT current_setting('threads')").fetchall()
    assert left == 1


def test_a_very_large_day_that_is_damaged_is_refused_and_leaves_nothing_open(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.lake import duckdb_engine, rollup

    monkeypatch.setattr(rollup, "LARGE_DAY", 1)
    day = kept(url, DayUpdate(used(100)))
    several = replace(day, lake=replace(day.lake, threads=3))
    (path,) = files(day)
    sound = path.read_bytes()
    path.write_bytes(sound[:-200] + bytes(200))
    assert "altered or half-written" in str(lake.try_roll_up(several))
    path.write_bytes(sound)
    assert lake.roll_up_day(several).uses == lake.roll_up_day(day).uses
    ((threads,),) = duckdb_engine.thread_cursor("400MB").execute("SELECT current_setting('threads')").fetchall()
    assert threads == 1


def test_a_sum_beyond_64_bits_is_exact(url: str) -> None:
    most = 2**63 - 1
    uses = [replace(use, model=SafeName("a/m"), count=most) for use in used(5)]
    day = lake.roll_up_day(kept(url, DayUpdate([*uses, replace(used(6)[5], model=None, count=most - 1)])))
    assert day.by_model == {"a/m": 5 * most} and day.nameless == most - 1


def test_a_thread_has_one_cursor() -> None:
    from bot.lake import duckdb_engine

    assert duckdb_engine.thread_cursor("400MB") is duckdb_engine.thread_cursor("400MB")


def test_duckdb_keeps_to_its_memory_and_to_one_thread(url: str) -> None:
    lake.roll_up_day(kept(url, DayUpdate(used(10))))
    from bot.lake import duckdb_engine

    ((limit, threads),) = (
        duckdb_engine.thread_cursor("400MB")
        .execute("SELECT current_setting('memory_limit'), current_setting('threads')")
        .fetchall()
    )
    assert limit == "381.4 MiB" and threads == 1
    with pytest.raises(ValueError, match="wanted an amount such as 400MB"):
        duckdb_engine.thread_cursor("400MB'; SELECT 1 --")


LARGE = """
import sys
from benchmarks import rollups
from bot import lake
rollups.A_DAY = int(sys.argv[2])
made = rollups.made(sys.argv[1], 0, sys.argv[3])
assert lake.roll_up_day(made).uses > 0
"""
MEMORY = "170MB"
ROWS = 500_000
"""With row groups of 1,000,000 rows, so many rows in one step exceeded that memory."""


def test_a_day_larger_than_the_memory_is_written_in_one_step(url: str) -> None:
    """Like 1,000,000 uses with 400 MB, which takes ten times as long. In its own process, because the limit is per
    process."""
    command = [sys.executable, "-c", LARGE, url, str(ROWS), MEMORY]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


def test_what_does_not_fit_goes_to_the_folder_that_is_named_and_none_of_it_stays(url: str, tmp_path: Path) -> None:
    from bot.lake import duckdb_engine

    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    spill = tmp_path / "spill"
    spill.mkdir()
    mine, theirs = (
        spill / duckdb_engine.spill_name("duckdb"),
        spill / duckdb_engine.spill_name("part-x").replace(f"-{os.getpid()}-", f"-{gone.stdout.strip()}-"),
    )
    others = spill / duckdb_engine.spill_name("part-x").replace(f"-{os.getpid()}-", f"-{os.getppid()}-")
    for left in (mine, theirs, others):
        left.mkdir()
        (left / "half").write_bytes(b"x")
    day = replace(day_in(url), lake=replace(day_in(url).lake, spill=str(spill)))
    lake.update_day(day, DayUpdate(used(10)))
    assert list(spill.iterdir()) == [others], "of a process that lives"
    assert duckdb_engine.spill_folder(str(tmp_path / "not" / "there")) == tempfile.gettempdir()


# --- callers of several days ------------------------------------------------------------------------------------------


def test_callers_of_several_days_estimated_and_counted_are_near_each_other(url: str) -> None:
    some = []
    for n in range(7):
        at = start_of_day(DAY + timedelta(days=n))
        uses = [Use(f"{n}:{i}", i, at, 1, None, f"0x{(n * 1500 + i):040x}") for i in range(3000)]
        some.append(lake.update_day(day_in(url, at.date()), DayUpdate(uses))[0])
    exact_callers = lake.exact_callers(some)
    assert (exact_callers.callers, exact_callers.called, exact_callers.top_called) == (12_000, 21_000, 2)
    guess = lake.estimate_callers(some[0].lake, [lake.roll_up_day(day).callers.sketch for day in some])
    assert guess.error == pytest.approx(0.0325)
    assert abs(guess.count - exact_callers.callers) < 3 * guess.error * exact_callers.callers
    assert lake.estimate_callers(some[0].lake, [b"", b""]) == lake.CallerCount(0, 0.0)


def test_a_merged_estimate_is_that_of_all_days_together(url: str) -> None:
    """A sketch is the same whether it is merged from days or made at once."""
    parts = [[f"0x{(n * 700 + i):040x}" for i in range(1000)] for n in range(4)]
    some = [
        lake.update_day(
            day_in(url, DAY + timedelta(days=n)),
            DayUpdate(
                [Use(f"{n}:{i}", i, start_of_day(DAY + timedelta(days=n)), caller=who) for i, who in enumerate(people)]
            ),
        )[0]
        for n, people in enumerate(parts)
    ]
    merged = lake.estimate_callers(some[0].lake, [lake.roll_up_day(day).callers.sketch for day in some])
    people = sorted({who for part in parts for who in part})
    line = "SELECT approx_count_distinct(who) FROM (SELECT unnest(?::VARCHAR[]) AS who)"
    ((at_once,),) = duckdb.connect().execute(line, [people]).fetchall()
    assert merged.count == at_once
