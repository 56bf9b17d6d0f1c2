"""A cluster: byte-identical results on threads and on any number of workers, and nothing lost when workers fail.

Schedulers and workers are real processes, each on a machine of its own if this machine allows it.
"""

from __future__ import annotations

import itertools
import json
import os
import pickle
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import cloudpickle
import pytest

from bot import dask_executor, lake, ledger, store
from bot.chain.reader import ChainIdentity, ChainReader, Endpoint, Filter, RangeRequest, fetch_range
from bot.cli.app_context import AppContext
from bot.config import ConfigError
from bot.dask_executor import ClusterError, DaskExecutor, TlsFiles, installed_versions, version_mismatch
from bot.lake import DayRef, LakeSettings, day_files, layout, parquet
from bot.records import CompleteWindow, EventBatch, Listing, SafeName, Snapshot, SourceRef, start_of_day
from bot.sources.opengradient.signatures import signature_claim, verify_signatures
from tests.lake.events import DAY, day_in, paid, used
from tests.patience import PATIENCE
from tests.peers.anvil import anvil
from tests.peers.cluster import ROOT, Dask, Hosts, Loopback, certificates
from tests.peers.enclave import dump, enclaves
from tests.peers.ports import reserved
from tests.sources.opengradient.test_merkle_batch import read

ONE = timedelta(days=1)
ALL_EVENTS = 300_000
"""Events of each day that should take a while."""


# --- days that wait to be added up -----------------------------------------------------------------------------------


def waiting(folder: Path, count: int, large: bool = False) -> Path:
    """The folder of a killed collection: `config.yaml`, and so many days that are not rolled up."""
    folder.mkdir()
    (folder / "config.yaml").write_text(f"data: {folder / 'data'}\n")
    (folder / "data").mkdir()
    parts = AppContext(folder / "config.yaml")
    names = tuple(Listing(SafeName(f"a/m{n}"), SafeName("a")) for n in range(5))
    at = start_of_day(DAY)
    ledger.add_snapshot(parts.store, Snapshot("og", "hub", at, SourceRef("hub", at), names, closes=DAY - ONE))
    for number in range(count):
        day = DAY + number * ONE
        entries = {"uses": tuple(used(200 + number, day=day)), "payments": tuple(paid(20 + number, day=day))}
        window = CompleteWindow(start_of_day(day), start_of_day(day + ONE))
        ledger.keep_event_batch(
            parts.store, replace(EventBatch("og", "hub", "blocks", window=window, evidence="claimed"), **entries)
        )
    parts.close()
    if large:
        grown(folder / "data", count)
    return folder


def grown(data: Path, count: int) -> None:
    """Give each day enough events for about a second; three kinds of days, to distinguish them."""
    url, rows = str(data / "lake"), []
    for kind in range(3):
        line = f"""SELECT '0x' || lpad(i::VARCHAR, 64, '0') || ':0' AS place, 100 + i // 10 AS block, 1 AS "at",
            1 + (i + {kind}) % 3 AS uses, 'a/m' || (i * i % 5) AS model, '0x' || md5((i % (70000 + {kind}))::VARCHAR)
            || '00000000' AS caller, 'cid' AS content FROM range({ALL_EVENTS}) t(i)"""
        rows.append(parquet.write_rows(day_in(url, DAY + kind * ONE), layout.KINDS["uses"], line, ()))
    database = sqlite3.connect(data / "footfall.db")
    for number in range(count):
        day, (part,) = day_in(url, DAY + number * ONE), rows[number % 3]
        target, origin = Path(url, day.folder, part.name), Path(url, day_in(url, DAY + number % 3 * ONE).folder)
        if not target.exists():
            os.link(origin / part.name, target)
        kept = day_files._write_manifest(
            day, layout.Manifest(day_files.SCHEMA, "og", "hub", day.day.isoformat(), 9, (part,))
        )
        database.execute("UPDATE event_days SET manifest = ? WHERE day = ?", (kept.manifest, day.day.isoformat()))
    database.commit()
    database.close()


def kept(folder: Path) -> bytes:
    """All results of roll-ups in the ledger."""
    database = sqlite3.connect(f"file:{folder / 'data' / 'footfall.db'}?mode=ro", uri=True)
    tables = ("event_days", "tallies", "usage", "sketches")
    rows = {table: sorted(map(repr, database.execute(f"SELECT * FROM {table}"))) for table in tables}
    database.close()
    return json.dumps(rows).encode()


def done(folder: Path) -> int:
    """Number of days that are rolled up."""
    database = sqlite3.connect(f"file:{folder / 'data' / 'footfall.db'}?mode=ro", uri=True, timeout=PATIENCE)
    (result,) = database.execute("SELECT count(*) FROM event_days WHERE NOT stale").fetchone()
    database.close()
    return int(result)


def until(what: Callable[[], object], seconds: float = PATIENCE) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.02)


def added_up(folder: Path, by: Executor | None) -> bytes:
    """Roll up a copy of a folder's days; returns the ledger's content."""
    database = folder / "data" / "footfall.db"
    before = folder / "before.db"
    if not before.exists():
        shutil.copy(database, before)
    for beside in ("-wal", "-shm"):
        Path(f"{database}{beside}").unlink(missing_ok=True)
    shutil.copy(before, database)
    with ledger_of(folder) as db:
        assert ledger.add_up(db, "og", by)
        assert ledger.add_up(db, "og", by) == ()
    return kept(folder)


@contextmanager
def ledger_of(folder: Path) -> Iterator[store.Store]:
    data = folder / "data"
    opened = store.open_store(f"sqlite:///{data / 'footfall.db'}", LakeSettings(str(data / "lake")))
    yield opened
    opened.close()


def one_line(error: BaseException) -> str:
    text = str(error)
    assert text.isprintable() and text.startswith("cluster: "), text
    return text


# --- the same everywhere ---------------------------------------------------------------------------------------------


def test_days_ranges_and_signatures_come_out_the_same_on_threads_and_on_1_2_and_4_workers(tmp_path: Path) -> None:
    folder = waiting(tmp_path / "days", 9)
    here = added_up(folder, None)
    with ThreadPoolExecutor(2) as threads:
        assert added_up(folder, threads) == here
    claims = signed(3000)
    verdicts = verify_signatures(claims)
    assert verdicts.count(False) == 3
    with anvil() as node, Dask(tmp_path) as dask:
        node.mine(300)
        blocks = chain(node.url, None)
        assert blocks[:2] == (0, 300)
        cluster = DaskExecutor(dask.address)
        for more in (("w0",), ("w1",), ("w2", "w3")):
            dask.add(*more)
            assert added_up(folder, cluster) == here
            assert verify_signatures(claims, cluster) == verdicts
        assert chain(node.url, cluster) == blocks
        cluster.shutdown()


def signed(count: int) -> list[tuple[bytes, bytes]]:
    """Claims under three keys, three of them false."""
    leaves = read(dump([enclaves()[index % 3].value(index) for index in range(60)])).leaves
    pairs = [
        signature_claims
        for index, leaf in enumerate(leaves)
        if (signature_claims := signature_claim(leaf, enclaves()[index % 3].der))
    ]
    claims = [pairs[index % len(pairs)] for index in range(count)]
    for index in (0, 1500, count - 1):
        der, row = claims[index]
        claims[index] = der, row[:-1] + bytes([row[-1] ^ 1])
    return claims


def chain(url: str, by: Executor | None) -> tuple[int, int, tuple[tuple[int, str], ...]]:
    """The first and last block, and the last blocks with their hashes. The lengths of ranges may differ."""
    opened = ChainReader(
        ChainIdentity(31337, None), [Endpoint(url, rate=1000, timeout=60)], finality=0, budget=120.0, executor=by
    )
    with opened:
        chunks = list(opened.read_logs(Filter(), 0))
    assert all(a.to_block + 1 == b.from_block for a, b in pairwise(chunks)) and len(chunks) > 3
    return chunks[0].from_block, chunks[-1].to_block, chunks[-1].cursor.recent[-1:]


def test_what_travels_is_small_and_shows_no_secret() -> None:
    day = DayRef(
        LakeSettings("s3://bucket/footfall"), "opengradient", "hub", DAY, "manifest-000001-" + "ab" * 32 + ".json"
    )
    assert len(pickle.dumps((lake.try_roll_up, (day,)))) < 600
    range_request = RangeRequest(
        ChainIdentity(31337, None), (Endpoint("https://rpc.example/v2/SECRETKEY"),), 1, 20.0, 5000
    )
    content = pickle.dumps((fetch_range, (range_request, Filter(), 1, 5000)))
    travels = dask_executor.portable_task(installed_versions(), content)
    assert b"SECRETKEY" in content and "SECRETKEY" not in repr(travels) + repr(range_request)
    assert len(cloudpickle.dumps(travels)) < len(content) + 2500 < 4000


# --- whatever happens to workers -------------------------------------------------------------------------------------

ADD_UP = """
import sys
from pathlib import Path
from bot import ledger
from bot.cli.app_context import AppContext

parts = AppContext(Path(sys.argv[1]))
try:
    print(len(ledger.add_up(parts.store, "og", parts.executor)))
finally:
    parts.close()
"""
HOG = """
import sys, time
from pathlib import Path
from distributed import Client
from distributed.security import Security

address, worker, once, *files = sys.argv[1:]

def hog():
    mark = Path(once)
    if not mark.exists():
        mark.touch()
        held = bytearray(900_000_000)
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(20)

names = ("tls_ca_file", "tls_client_cert", "tls_client_key")
client = Client(address, security=Security(require_encryption=True, **dict(zip(names, files))), timeout=300)
client.submit(hog, workers=[worker], allow_other_workers=True, pure=False).result(300)
client.close()
"""


@pytest.fixture
def hosts() -> Iterator[Hosts | Loopback]:
    try:
        hosts: Hosts | Loopback = Hosts()
    except OSError as error:
        print(f"no network namespaces: {error}")
        hosts = Loopback()
    yield hosts
    hosts.close()


def test_workers_killed_frozen_out_of_memory_and_cut_off_lose_nothing(tmp_path: Path, hosts: Hosts | Loopback) -> None:
    count = 24
    folder = waiting(tmp_path / "days", count, large=True)
    with ThreadPoolExecutor(2) as threads:
        here = added_up(folder, threads)
    shutil.copy(folder / "before.db", folder / "data" / "footfall.db")
    names = ("scheduler", "client", "w0", "w1", "w2", "w3")
    tls = certificates(tmp_path / "tls", [hosts.address(name) for name in names])
    with Dask(tmp_path, hosts, tls) as dask:
        dask.add("w0", "w1", "w2", "w3", memory="700MB")
        chosen = {"address": dask.address, "ca": str(tls.ca), "cert": str(tls.cert), "key": str(tls.key)}
        (folder / "config.yaml").write_text(json.dumps({"data": str(folder / "data"), "cluster": chosen}))
        began = client(hosts, ADD_UP, str(folder / "config.yaml"))
        until(lambda: done(folder) >= 2 or began.poll() is not None)
        dask.inner("w0").kill()
        dask.inner("w1").suspend()
        (where,) = {line.split()[-1] for line in dask.log("w2").splitlines() if "Start worker at" in line}
        files_of = (str(tls.ca), str(tls.cert), str(tls.key))
        hogging = client(hosts, HOG, dask.address, where, str(tmp_path / "hogged"), *files_of)
        until(lambda: (tmp_path / "hogged").exists())
        if isinstance(hosts, Hosts):
            hosts.cut("w3")
        assert began.poll() is None and done(folder) < count, "all was done before anything happened"
        text, _ = began.communicate(timeout=300)
        assert (began.returncode, text.split()[-1:]) == (0, [str(count)]), text + dask.log("scheduler")
        assert kept(folder) == here
        hogging.communicate(timeout=300)
        assert "exceeded 95% memory budget" in dask.log("w2")
        until(lambda: silent(dask) >= ({"w1", "w3"} if isinstance(hosts, Hosts) else {"w1"}))
    if isinstance(hosts, Loopback):
        pytest.skip("a worker that is cut off was not tried: this machine gives no network namespaces")


def silent(dask: Dask) -> set[str]:
    """The workers that the scheduler has given up because they were silent."""
    return set(re.findall(r"failed to heartbeat.*name: (w\d)", dask.log("scheduler")))


def client(hosts: Hosts | Loopback, code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [*hosts.on("client"), sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_worker_of_another_version_is_refused_whenever_it_comes(tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(ROOT / "bot", other / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "bot" / "numbers.py").open("a") as written:
        written.write("# Another Footfall.\n")
    (ours,) = (version for name, version in installed_versions() if name == "Footfall")
    with Dask(tmp_path) as dask:
        dask.add("good", "other", code=ROOT)
        dask.stop("other")
        late = DaskExecutor(dask.address)
        assert late.submit(abs, -1).result() == 1
        dask.add("other", code=other)
        dask.add("none", code=None)
        with pytest.raises(ClusterError) as early:
            DaskExecutor(dask.address).submit(abs, -1)
        assert "found no Footfall" in one_line(early.value) or "found Footfall code" in one_line(early.value)
        dask.stop("none", "good")
        until(lambda: len(workers(late)) == 1)
        with pytest.raises(ClusterError) as refusal:
            late.submit(abs, -1).result()
        (address,) = workers(late)
        one_line_text = one_line(refusal.value)
        assert (
            one_line_text.startswith(f"cluster: worker {address}: found Footfall code ")
            and f"wanted Footfall {ours};" in one_line_text
        )
        dask.add("bare", code=None)
        dask.stop("other")
        until(lambda: len(workers(late)) == 1 and address not in workers(late))
        with pytest.raises(ClusterError, match=r"found no Footfall that can be imported .*No module named 'bot'"):
            late.submit(abs, -1).result()
        late.shutdown()


def workers(cluster: DaskExecutor) -> dict[str, object]:
    assert cluster._client is not None
    return dict(cluster._client.scheduler_info()["workers"])


@pytest.mark.parametrize("name", ["Python", "DuckDB", "Dask"])
def test_another_version_of_what_footfall_stands_on_is_named(name: str) -> None:
    pair = tuple((text, "0.1" if text == name else version) for text, version in installed_versions())
    assert version_mismatch("tcp://10.0.0.2:1", installed_versions(), installed_versions()) == ""
    version_mismatch_text = version_mismatch("tcp://10.0.0.2:1", pair, installed_versions())
    assert (
        f"worker tcp://10.0.0.2:1: found {name} 0.1, wanted {name} {dict(installed_versions())[name]}; install"
        in version_mismatch_text
    )


def test_nobody_gets_in_without_a_certificate_of_the_same_authority(tmp_path: Path) -> None:
    tls, stranger = certificates(tmp_path / "tls"), certificates(tmp_path / "stranger")
    with Dask(tmp_path, tls=tls) as dask:
        dask.add("w0")
        ours = DaskExecutor(dask.address, tls)
        assert ours.submit(abs, -2).result() == 2
        ours.shutdown()
        for address, shown in ((dask.address, stranger), (dask.address.replace("tls://", "tcp://"), None)):
            with pytest.raises(ClusterError) as refusal:
                DaskExecutor(address, shown, patience=3).submit(abs, -2)
            assert "the scheduler cannot be reached" in one_line(refusal.value)
    with pytest.raises(ClusterError, match=r"gone\.pem: is not there, wanted a PEM file"):
        DaskExecutor(dask.address, TlsFiles(tls.ca, tls.cert, tmp_path / "gone.pem")).submit(abs, -2)


# --- nobody there ----------------------------------------------------------------------------------------------------


def test_a_scheduler_that_comes_back_is_found_again_and_a_cluster_without_workers_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_executor, "LOOK_EVERY", 0.2)
    folder = waiting(tmp_path / "days", 3)
    here = added_up(folder, None)
    seconds = itertools.count(0.0, 20.0)
    with reserved() as port, Dask(tmp_path, port=port) as dask, ThreadPoolExecutor(1) as beside:
        cluster = DaskExecutor(dask.address, patience=60, clock=lambda: next(seconds))
        with pytest.raises(ClusterError, match="found no worker for 60 s, wanted one; start some with `dask worker"):
            cluster.submit(abs, -1)
        dask.add("w0")
        assert added_up(folder, cluster) == here
        slow = cluster.submit(time.sleep, 3600)
        dask.stop("w0")
        with pytest.raises(ClusterError, match="found no worker for 60 s"):
            slow.result()
        dask.add("w1")
        slow = cluster.submit(time.sleep, 3600)
        waits = beside.submit(slow.result)
        assert dask.scheduler is not None
        dask.scheduler.kill()
        dask.scheduler.wait(120)
        with pytest.raises(ClusterError, match="the scheduler was lost in the middle"):
            waits.result(120)
        dask.stop("w1")
        with pytest.raises(ClusterError, match=r"the scheduler cannot be reached: .*; start it"):
            DaskExecutor(dask.address, patience=1).submit(abs, -1)
        dask.starts(port)
        dask.add("w2")
        assert added_up(folder, cluster) == here
        cluster.shutdown()


@pytest.mark.parametrize(
    ("cluster", "text"),
    [
        ("http://10.0.0.1:8786", "should match pattern"),
        ("tcp://name:word@10.0.0.1:8786", "should match pattern"),
        ("tls://10.0.0.1:8786", "found no ca, cert and key; wanted ca, cert and key with tls://"),
        ({"address": "tcp://10.0.0.1:8786", "ca": "ca.pem"}, "found ca; wanted tls:// with them"),
    ],
)
def test_a_cluster_that_cannot_be_is_a_mistake_in_the_configuration(cluster: object, text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps({"cluster": cluster}))
    with pytest.raises(ConfigError) as mistake:
        _ = AppContext(path).settings
    assert text in str(mistake.value) and "word" not in str(mistake.value).replace("wanted", "")


def test_without_a_cluster_dask_is_not_imported_and_with_one_nothing_connects_before_the_first_task(
    tmp_path: Path,
) -> None:
    code = f"""
import sys
from pathlib import Path
from bot.cli.app_context import AppContext
path = Path({str(tmp_path / "config.yaml")!r})
for cluster in ("", "cluster: tcp://127.0.0.1:9"):
    path.write_text(cluster)
    parts = AppContext(path)
    print(type(parts.executor).__name__, "distributed" in sys.modules)
    parts.close()
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert ran.stdout.split() == ["ThreadPoolExecutor", "False", "DaskExecutor", "False"]
