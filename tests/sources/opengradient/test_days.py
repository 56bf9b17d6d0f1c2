"""OpenGradient over several days: late data, interrupted reads, unread days, and conflicting endpoints."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot import ledger, pipeline, store
from bot.records import Document, Period, start_of_day
from bot.sources import ALWAYS, opengradient
from tests import databases, opengradient_days
from tests.patience import PATIENCE
from tests.peers.anvil import Contract
from tests.peers.enclave import enclaves
from tests.peers.opengradient import CID, FIRST, NOWHERE, OTHER_CID, World, blob_id, seconds, world
from tests.peers.rpc_proxy import Answer, Proxy, Question, proxy
from tests.sources.opengradient.test_opengradient import PLAN, part, told

ONE = timedelta(days=1)
SECOND, THIRD, FOURTH = (FIRST + n * ONE for n in (1, 2, 3))
ALL = Period(FIRST, FOURTH)
LAST = start_of_day(FOURTH + ONE) + timedelta(hours=2)
"""02:00 after the fourth day."""
ROOT = Path(__file__).parents[3]
PAYLOAD = "openai/gpt-4.1"


@pytest.fixture(scope="module")
def og() -> Iterator[World]:
    """Four days with one leaf more each day; on the first a single answer, on the second an attacker and Hub models."""
    with world() as sample_world:
        keys, owner = enclaves(), sample_world.node.accounts[0]
        sample_world.registry.send("register", 0, owner, "https://10.0.0.1", keys[0].der)
        sample_world.old_registry.send("register", 0, owner, "https://10.0.0.2", keys[1].der)
        for n in range(4):
            day = FIRST + n * ONE
            leaves = [keys[0].value((n, i), seconds(day, 9)) for i in range(n + 1)]
            sample_world.batch(seconds(day, 9, 10), leaves)
            if n == 0:
                sample_world.single(seconds(day, 11), PAYLOAD)
            if n == 1:
                sample_world.batch(
                    seconds(day, 12), [keys[0].value("elsewhere", seconds(day, 12))], relay=sample_world.stranger
                )
                sample_world.infer(seconds(day, 13), CID)
                sample_world.infer(seconds(day, 13, 1), OTHER_CID)
        sample_world.node.at(seconds(LAST.date(), 0, 1))
        sample_world.registry.send("heartbeat", keys[0].tee_id)
        sample_world.node.at(seconds(LAST.date(), 0, 2))
        sample_world.node.mine()
        yield sample_world


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Store]:
    opened = listed(tmp_path)
    yield opened
    opened.close()


def listed(folder: Path) -> store.Store:
    """A new ledger with the list of LLMs."""
    return store.open_store(databases.sqlite(folder / "footfall.db", opengradient_days.list_llms, FOURTH))


@pytest.fixture(scope="module")
def early(og: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a ledger that read the first day before its payload could be read. Read-only: copy it."""
    folder, blobs = tmp_path_factory.mktemp("early"), og.aggregator.blobs
    og.aggregator.blobs = {name: raw for name, raw in blobs.items() if b"secret prompt" not in raw}
    assert len(og.aggregator.blobs) == len(blobs) - 1
    try:
        with closing(listed(folder)) as opened:
            collected(opened, og, folder, start_of_day(SECOND) + timedelta(hours=2))
    finally:
        og.aggregator.blobs = blobs
    return folder


@pytest.fixture
def far(og: World) -> Iterator[Proxy]:
    with proxy(og.node.url) as running:
        yield running


def collected(
    db: store.Store, og: World, data: Path, now: datetime = LAST, wanted: Period | None = None, **changed: Any
) -> tuple[pipeline.CollectResult, list[str]]:
    lines: list[str] = []
    return pipeline.collect(db, "opengradient", og.source(data, now, **changed), wanted, lines.append), lines


def composed(db: store.Store, day: date) -> Document:
    document: Document = json.loads(json.dumps(pipeline.build_digest(db, PLAN, Period(day, day), LAST)))
    return document


def figures(db: store.Store, day: date, key: str = "llm") -> dict[str, Any]:
    return told(composed(db, day), key)


def gaps(db: store.Store, day: date, key: str = "llm") -> str:
    return "\n".join(part(composed(db, day), key)["gaps"])


def through(og: World, *urls: str, agree: int = 1) -> Any:
    """The chain of settlements through other endpoints."""
    return og.settings.settlements.model_copy(update={"endpoints": urls, "agree": agree})


# --- what comes late -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 2, 3])
def test_a_payload_that_comes_late_names_its_model_on_a_later_collection(
    early: Path, og: World, tmp_path: Path, days: int
) -> None:
    shutil.copytree(early, tmp_path, dirs_exist_ok=True)
    db = store.open_store(f"sqlite:///{tmp_path / 'footfall.db'}")
    before = figures(db, FIRST)
    assert (before["uses_verified"], before["share_attributed"]) == (2, 0)
    assert "1 settlement: its payload could not be read yet, so its model is not known." in gaps(db, FIRST)
    collected(db, og, tmp_path, start_of_day(FIRST + days * ONE) + timedelta(hours=23))
    assert [(row["model"], row["uses"]) for row in part(composed(db, FIRST), "llm")["top"]] == [("gpt-4.1", 1)]
    late = figures(db, FIRST)
    assert (late["uses_verified"], late["share_attributed"]) == (2, 0.5) and "payload" not in gaps(db, FIRST)
    db.close()


def test_a_payload_that_never_comes_is_given_up_when_its_day_is_settled(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    blobs = og.aggregator.blobs
    og.aggregator.blobs = {name: raw for name, raw in blobs.items() if b"secret prompt" not in raw}
    try:
        collected(db, og, tmp_path, wanted=ALL)
        collected(db, og, tmp_path, LAST + timedelta(hours=12))
    finally:
        og.aggregator.blobs = blobs
    with db.read_transaction() as connection:
        assert connection.scalars(sa.select(store.settlements.c.next_try)).all() == [None] * 5
    assert figures(db, FIRST)["share_attributed"] == 0


def test_every_blob_that_was_read_is_a_ref_of_its_day_and_can_be_checked(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    collected(db, og, tmp_path, wanted=ALL)
    wanted = {blob_id(raw) for raw in og.aggregator.blobs.values()}
    entries: dict[str, list[str]] = {}
    for day in (FIRST, SECOND, THIRD, FOURTH):
        for ref in composed(db, day)["refs"]:
            if ref["url"].startswith("walrus:"):
                assert opengradient.ref_checksum(og.settings, tmp_path, ref["url"], ref["sha256"]) == ref["sha256"]
                entries.setdefault(ref["url"].removeprefix("walrus:"), []).append(day.isoformat())
    assert len(entries) == 5 and entries.keys() < wanted  # the sixth is the stranger's: nobody reads it
    assert sorted(days for days in entries.values()) == [["2026-10-05"]] * 2 + [[f"2026-10-0{n}"] for n in (6, 7, 8)]
    gone = opengradient.ref_checksum(og.settings, tmp_path, "walrus:" + "x" * 43, "0" * 64)
    assert gone is None


# --- what broke off --------------------------------------------------------------------------------------------------

CHILD = """
import json, os, signal, sys
from datetime import date, datetime
from pathlib import Path
from bot import pipeline, store
from bot.records import Period
from bot.sources import opengradient as og
from tests.peers import killable
asked = json.loads(sys.stdin.read())
settings = og.Settings.model_validate_json(asked["settings"])
now = datetime.fromisoformat(asked["now"])
source = og.make_source(settings, Path(asked["data"]), {}, lambda: now)
db = store.open_store(asked["url"])
killable.arm(asked["kill"])
wanted = Period(*map(date.fromisoformat, asked["wanted"]))
lines = []
def tell(line):
    lines.append(line)
    if sum("llm: read blocks" in each for each in lines) == asked["ranges"]:
        os.kill(os.getpid(), signal.SIGKILL)
done = pipeline.collect(db, "opengradient", source, wanted, tell)
assert done.error == "", done.error
print(len(killable.POINTS))
"""


def child(og: World, folder: Path, kill: int = 0, ranges: int = 0) -> subprocess.CompletedProcess[str]:
    """Collect all days in a separate process, which kills itself at its point number `kill`, or after so many stored
    ranges of blocks."""
    document = {
        "settings": og.settings.model_copy(update={"settlements": small(og)}).model_dump_json(),
        "now": LAST.isoformat(),
        "data": str(folder),
        "url": f"sqlite:///{folder / 'footfall.db'}",
        "wanted": [ALL.first.isoformat(), ALL.last.isoformat()],
        "kill": kill,
        "ranges": ranges,
    }
    command = [sys.executable, "-c", CHILD]
    return subprocess.run(
        command, input=json.dumps(document), capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE
    )


def small(og: World) -> Any:
    """The chain of settlements, read a few blocks at a time."""
    return og.settings.settlements.model_copy(update={"window": 3})


def books(db: store.Store) -> list[Any]:
    days = [composed(db, FIRST + n * ONE) for n in range(4)]
    return [[told(day, c["catalogue"]) for c in (*day["catalogues"], *day["panels"])] for day in days]


def test_a_backfill_that_was_killed_goes_on_where_it_broke_off(og: World, tmp_path: Path) -> None:
    def emptied(name: str) -> store.Store:
        (tmp_path / name).mkdir()
        return listed(tmp_path / name)

    whole = emptied("whole")
    ran = child(og, tmp_path / "whole")
    assert ran.returncode == 0, ran.stderr
    expected = books(whole)
    assert [figures(whole, FIRST + n * ONE)["uses_verified"] for n in range(4)] == [2, 2, 3, 4]
    whole.close()
    for name, how in {"anywhere": {"kill": int(ran.stdout) // 2}, "reading": {"ranges": 2}}.items():
        db = emptied(name)
        assert child(og, tmp_path / name, **how).returncode == -signal.SIGKILL
        done, lines = collected(db, og, tmp_path / name, wanted=ALL, settlements=small(og))
        assert done.error == "" and books(db) == expected, name
        broke = [line for line in lines if line.endswith("since what came before is there already")]
        assert name == "anywhere" or len(broke) == 1
        _, lines = collected(db, og, tmp_path / name, wanted=ALL)
        assert not [line for line in lines if line.endswith("is there already")], "it was finished"
        db.close()


def test_after_days_off_it_goes_on_from_its_cursor(db: store.Store, og: World, tmp_path: Path, far: Proxy) -> None:
    chain = through(og, far.url)
    collected(db, og, tmp_path, start_of_day(SECOND) + timedelta(hours=2), settlements=chain)
    assert figures(db, FIRST)["uses_verified"] == 2
    with db.write_transaction() as connection:  # As it stood on the second day: the node is ahead of the clock here.
        late = store.settlements.c.day > FIRST
        connection.execute(store.settlements.delete().where(late))
        connection.execute(store.windows.delete())
        connection.execute(store.cursors.delete())
    old = seconds(SECOND, 0)
    first = next(n for n in range(1, og.node.height) if int(og.node.rpc(*_header(n))["timestamp"], 16) >= old)
    pin = og.node.rpc(*_header(1))["hash"]
    with db.write_transaction() as connection:
        catalogue = connection.scalar(sa.select(store.catalogues.c.id).where(store.catalogues.c.name == "llm"))
        begins, ends = start_of_day(FIRST), start_of_day(SECOND)
        connection.execute(store.windows.insert().values(catalogue=catalogue, begins=begins, ends=ends))
        text = json.dumps({"chain_id": 10740, "genesis": pin, "next_block": first, "recent": []})
        connection.execute(store.cursors.insert().values(network="opengradient", name="settlements", text=text))
    far.does.asked.clear()
    now = start_of_day(SECOND) + timedelta(days=6, hours=2)  # the end of the record is older than the days read again
    done, _ = collected(db, og, tmp_path, now, settlements=chain)
    assert done.error == ""
    ranges = [q["params"][0] for q in far.does.asked if q["method"] == "eth_getLogs" and "address" in q["params"][0]]
    assert min(int(entry["fromBlock"], 16) for entry in ranges) == first
    assert [figures(db, FIRST + n * ONE)["uses_verified"] for n in range(4)] == [2, 2, 3, 4]


def _header(number: int) -> tuple[str, str, bool]:
    return ("eth_getBlockByNumber", hex(number), False)


def test_without_a_first_day_it_begins_at_the_earliest_sensible_one_or_where_it_stopped(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    done, lines = collected(db, og, tmp_path, wanted=Period(ALWAYS, SECOND))
    assert done.error == ""
    assert [line for line in lines if "no --since" in line] == [
        f"opengradient: {catalogue}: read chain 10740 from {since} on, the earliest day there is, "
        "since no --since says otherwise"
        for catalogue, since in (("llm", "27 Jan 2026"), ("hub", "16 Dec 2025"), ("payments", "21 Apr 2026"))
    ]
    assert figures(db, SECOND)["uses_verified"] == 2
    assert figures(db, THIRD)["uses"] == "the settlement chain was not read to the end of 7 Oct 2026"
    done, lines = collected(db, og, tmp_path, wanted=Period(ALWAYS, THIRD))
    assert done.error == "" and figures(db, THIRD)["uses_verified"] == 3
    assert len([line for line in lines if line.endswith("UTC on, where it stopped")]) == 3
    done, lines = collected(db, og, tmp_path, wanted=Period(ALWAYS, FIRST))
    assert len([line for line in lines if "nothing new: chain 10740 was read to " in line]) == 3


# --- what nobody read ------------------------------------------------------------------------------------------------

LOST: dict[str, Any] = {
    "null": {"result": None},
    "missing trie node": {
        "error": {"code": -32000, "message": "missing trie node 5f3c (path ) state is not available"}
    },
    "pruned history": {"error": {"code": 4444, "message": "pruned history unavailable"}},
}


@pytest.mark.parametrize("how", LOST)
def test_a_node_that_dropped_its_history_leaves_days_unknown_with_a_reason_and_never_zero(
    db: store.Store, og: World, tmp_path: Path, far: Proxy, how: str
) -> None:
    def pruned(question: Question, answer: Answer) -> Answer:
        if question["method"] != "eth_getLogs":
            return answer
        return {"jsonrpc": "2.0", "id": question["id"], **LOST[how]}

    far.does.rewrite = pruned
    done, _ = collected(db, og, tmp_path, settlements=through(og, far.url), tries=1)
    assert "chain 10740" in done.error and (how == "null" or how in done.error), done.error
    for day in (FIRST, FOURTH):
        figures_by_key = figures(db, day)
        for key in ("uses", "uses_claimed", "uses_backed", "uses_verified", "share_verified", "models_used"):
            assert str(figures_by_key[key]).startswith("the settlement chain was not read to the end of"), key
    far.does.rewrite = lambda question, answer: answer
    collected(db, og, tmp_path, settlements=through(og, far.url))
    assert figures(db, FOURTH)["uses_verified"] == 4


def test_blocks_that_a_node_has_dropped_are_no_days_without_use(
    db: store.Store, og: World, tmp_path: Path, far: Proxy
) -> None:
    """A node that was started from a snapshot has no older headers and logs."""
    early = seconds(SECOND, 10)

    def pruned(question: Question, answer: Answer) -> Answer:
        header = answer.get("result") if question["method"] == "eth_getBlockByNumber" else None
        return {**answer, "result": None} if header and int(header["timestamp"], 16) < early else answer

    far.does.rewrite = pruned
    done, _ = collected(db, og, tmp_path, settlements=through(og, far.url))
    assert done.error == ""
    assert figures(db, FIRST)["uses"] == "the settlement chain was not read to the end of 5 Oct 2026"
    assert figures(db, SECOND)["uses"] == "the settlement chain was not read to the end of 6 Oct 2026"
    assert (figures(db, THIRD)["uses_verified"], figures(db, FOURTH)["uses_verified"]) == (3, 4)


def test_days_on_which_nobody_collected_are_scanned_for_emitters_too(
    db: store.Store, og: World, tmp_path: Path, far: Proxy
) -> None:
    stranger = og.stranger.address.lower()
    _, lines = collected(db, og, tmp_path, start_of_day(SECOND) + timedelta(hours=2))
    assert not any("ALARM" in line for line in lines)
    assert "Nobody looked for settlements of contracts that are not pinned on 6 Oct 2026." in gaps(db, SECOND)

    def refused(question: Question, answer: Answer) -> Answer:
        scans = question["method"] == "eth_getLogs" and "address" not in question["params"][0]
        fault = {"jsonrpc": "2.0", "id": question["id"], "error": {"code": -32005, "message": "give an address"}}
        return fault if scans else answer

    far.does.rewrite = refused
    done, _ = collected(db, og, tmp_path, LAST, settlements=through(og, far.url), tries=1)
    assert "give an address" in done.error
    assert figures(db, SECOND)["uses_verified"] == 2, "figures do not wait for it"
    assert "Nobody looked for settlements" in gaps(db, SECOND) and "Nobody looked" not in gaps(db, FIRST)
    done, lines = collected(db, og, tmp_path, LAST)
    alarms = [line for line in lines if "ALARM" in line]
    assert alarms == ["opengradient: ALARM: 1 settlement events of unrecognised emitters on 2026-10-06: " + stranger]
    assert f"Unrecognised emitter: 1 settlement of contracts not pinned ({stranger}), not counted." in gaps(db, SECOND)
    assert not any("Nobody looked" in gaps(db, day) for day in (FIRST, SECOND, THIRD, FOURTH))
    assert figures(db, SECOND)["uses_verified"] == 2, "and it is never added"
    _, lines = collected(db, og, tmp_path, LAST + timedelta(hours=1))
    assert not any("emitters" in line for line in lines), "each day is scanned once"


def test_a_backfill_scans_its_days_for_emitters(db: store.Store, og: World, tmp_path: Path) -> None:
    late = LAST + timedelta(days=40)
    _, lines = collected(db, og, tmp_path, late, Period(SECOND, THIRD))
    assert [line.split(" on chain")[0][-11:] for line in lines if "the emitters of" in line][:2] == [
        " 6 Oct 2026",
        " 7 Oct 2026",
    ]
    assert any("ALARM" in line and og.stranger.address.lower() in line for line in lines)
    assert "Nobody looked" not in gaps(db, SECOND) and "Nobody looked" in gaps(db, FOURTH)


# --- who is believed -------------------------------------------------------------------------------------------------


def test_as_many_endpoints_as_the_config_says_must_give_the_same_logs(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    def hiding(question: Question, answer: Answer) -> Answer:
        return {**answer, "result": []} if question["method"] == "eth_getLogs" else answer

    with ExitStack() as stack:
        first, second, third = (stack.enter_context(proxy(og.node.url)) for _ in range(3))
        chain = through(og, first.url, second.url, third.url, agree=2)
        first.does.rewrite = hiding
        done, _ = collected(db, og, tmp_path, wanted=ALL, settlements=chain, tries=1)
        assert "endpoints differ" in done.error and "none is used" in done.error
        assert figures(db, FIRST)["uses"] == "the settlement chain was not read to the end of 5 Oct 2026"
        first.does.rewrite = lambda question, answer: answer
        second.does.status, second.does.body = 503, b"<html>try later</html>"
        done, _ = collected(db, og, tmp_path, wanted=ALL, settlements=chain)
        assert done.error.count("\n") == 0 and "answered 503, and not in JSON-RPC" in done.error
        assert [figures(db, FIRST + n * ONE)["uses_verified"] for n in range(4)] == [2, 2, 3, 4], "two of three do"
        assert first.does.count("eth_getLogs") and third.does.count("eth_getLogs")
        lonely = through(og, first.url, NOWHERE, second.url, agree=2)
        done, _ = collected(db, og, tmp_path, settlements=lonely)
        assert len(done.error.splitlines()) == 2


# --- which model it was ----------------------------------------------------------------------------------------------


def test_a_content_id_leads_to_its_model_through_the_models_files_asked_once(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    for day in (SECOND, THIRD):
        collected(db, og, tmp_path, start_of_day(day) + timedelta(hours=2))
    before = figures(db, SECOND, "hub")
    assert (before["uses"], before["models_used"], before["share_attributed"]) == (2, 1, 0.5)
    assert "1 inferences name a content id that no listed model is known to hold" in gaps(db, SECOND, "hub")
    memory = tmp_path / "opengradient" / "hub_files.json"
    assert {each["name"] for each in json.loads(memory.read_text())} == {"one", "two", "three"}
    og.hub.files[("bob", "two")] = [{"ipfsCid": OTHER_CID, "size": 3}]
    try:
        collected(db, og, tmp_path)
        assert figures(db, SECOND, "hub")["models_used"] == 1, "what was asked once is not asked again within a week"
        memory.unlink()
        collected(db, og, tmp_path)
    finally:
        og.hub.files.clear()
    after = figures(db, SECOND, "hub")
    assert (after["uses"], after["models_used"], after["share_attributed"]) == (2, 2, 1)
    assert {row["model"] for row in part(composed(db, SECOND), "hub")["top"]} == {"ann/one", "bob/two"}
    assert "content id" not in gaps(db, SECOND, "hub")


# --- the first relay -------------------------------------------------------------------------------------------------


def test_what_the_first_relay_logged_is_backed_by_its_log_and_named_by_its_sender_alone(tmp_path: Path) -> None:
    with world() as sample_world:
        old: Contract = sample_world.node.deploy("SettlementRelayV1")
        hashes = (b"\x0a" * 32, b"\x0b" * 32)
        settle: Callable[..., Any] = old.send
        sample_world.node.at(seconds(FIRST, 9))
        settle("settle", *hashes)
        settle("settle", *hashes)  # the same again
        settle("settleWithMetadata", b"\x0c" * 32, b"\x0d" * 32, "openai/gpt-4.1", b"a secret prompt", b"an answer")
        settle("settleWithMetadata", b"\x0e" * 32, b"\x0f" * 32, "a secret prompt in place of a name", b"x", b"y")
        settle("batchSettle", b"\x10" * 32, 7)
        sample_world.node.at(seconds(LAST.date(), 0, 2))
        sample_world.node.mine()
        db = listed(tmp_path)
        pinned = {"relays": (old.address,), "signers": (sample_world.node.accounts[0],)}
        done, _ = collected(db, sample_world, tmp_path, wanted=ALL, **pinned)
        figures_by_key = figures(db, FIRST)
        assert done.error == ""
        lost = "1 of 5 settlements could not be read"
        evidences = [figures_by_key[f"uses_{evidence}"] for evidence in ("claimed", "backed", "verified")]
        assert evidences == [11, 3, lost]
        assert figures_by_key["share_verified"] == figures_by_key["uses"] == lost
        gaps_text = gaps(db, FIRST)
        assert (
            "1 inferences are named by their sender alone (gpt-4.1 1); unproven, they count for no model." in gaps_text
        )
        assert "1 settlement without a blob that can be read: claimed, and backed by nothing." in gaps_text
        assert "1 leaf counted before" in gaps_text
        assert part(composed(db, FIRST), "llm")["top"] == []
        with db.read_transaction() as connection:
            dump = "\n".join(connection.connection.driver_connection.iterdump())
        assert "secret" not in dump and "openai/gpt-4.1" in dump
        memory = ledger.SourceState(db, "opengradient")
        with db.read_transaction() as connection:
            places = connection.scalars(sa.select(store.settlements.c.place)).all()
        explained = [
            settlement
            for place in places
            for settlement in opengradient.explain_settlements(
                sample_world.settings.model_copy(update=pinned),
                tmp_path,
                LAST,
                memory.find_settlements("llm", place),
                "",
                memory.counted_leaves,
            )
        ]
        verdicts = sorted(leaf["verdict"] for document in explained for leaf in document["leaves"])
        assert verdicts == ["backed", "backed", "backed", "duplicate"]
        db.close()
