"""OpenGradient end to end on real parts: contracts on a node, blobs, keys and a Hub, to digests and posts."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot import charts, deliveries, ledger, pipeline, store
from bot.archive import Archive
from bot.cli import main
from bot.records import CompleteWindow, Document, EventBatch, Period, start_of_day
from bot.render import site_files
from bot.render.page_layout import DigestPage, NetworkPage, SiteContext
from bot.sources import opengradient
from bot.sources.opengradient import log_collection, panels
from tests import databases, opengradient_days
from tests.peers.aggregator import Aggregator
from tests.peers.opengradient import FIRST, NOW, NOWHERE, SECOND, World, two_days, world
from tests.peers.rpc_proxy import proxy
from tests.peers.served import serving

PLAN = pipeline.NetworkPlan(
    "opengradient",
    "OpenGradient",
    opengradient.CATALOGUES,
    {"catalogue": "llm", "figure": "uses_verified"},
    (),
    opengradient.PANELS,
)


@pytest.fixture(scope="module")
def og() -> Iterator[World]:
    with world() as sample_world:
        two_days(sample_world)
        yield sample_world


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Store]:
    opened = listed(tmp_path)
    yield opened
    opened.close()


def listed(folder: Path) -> store.Store:
    """A new ledger with the list of LLMs."""
    return store.open_store(databases.sqlite(folder / "footfall.db", opengradient_days.list_llms, SECOND))


@pytest.fixture(scope="module")
def reading(og: World, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a ledger that read both days with some settings; each is read once. Read-only: copy it."""

    @cache
    def read_with(**changed: Any) -> Path:
        folder = tmp_path_factory.mktemp("reading")
        with closing(listed(folder)) as opened:
            assert collected(opened, og, folder, **changed)[0].error == ""
        return folder

    return read_with


@pytest.fixture
def known(reading: Callable[..., Path], tmp_path: Path) -> Iterator[store.Store]:
    """A ledger that read both days, in `tmp_path`."""
    with closing(copied(reading(), tmp_path)) as opened:
        yield opened


def copied(reading: Path, folder: Path) -> store.Store:
    shutil.copytree(reading, folder, dirs_exist_ok=True)
    return store.open_store(f"sqlite:///{folder / 'footfall.db'}")


def collected(db: store.Store, og: World, data: Path, **changed: Any) -> tuple[pipeline.CollectResult, list[str]]:
    lines: list[str] = []
    return pipeline.collect(db, "opengradient", og.source(data, **changed), None, lines.append), lines


def composed(db: store.Store, day: Any = FIRST) -> Document:
    return json.loads(json.dumps(pipeline.build_digest(db, PLAN, Period(day, day), NOW)))


def part(document: Document, key: str) -> dict[str, Any]:
    return next(p for p in [*document["catalogues"], *document["panels"]] if p["catalogue"] == key)


def told(document: Document, key: str) -> dict[str, Any]:
    """Each figure's value, or its reason if it is unknown."""
    return {k: f.get("unknown", f["value"]) for k, f in part(document, key)["figures"].items()}


def test_two_days_from_logs_to_figures(db: store.Store, og: World, tmp_path: Path) -> None:
    done, lines = collected(db, og, tmp_path)
    assert done.error == ""
    first, second = composed(db), composed(db, SECOND)
    llm, bound = told(first, "llm"), "1 of 5 settlements came from contracts that we do not know"
    assert (llm["uses"], llm["uses_verified"], llm["uses_backed"]) == (7, 7, 7)
    assert llm["uses_claimed"].startswith("no signers are pinned")
    assert llm["uses_reported"] == 12 and llm["share_attributed"] == bound
    lead = part(first, "llm")["figures"]["uses_verified"]
    assert lead["at_least"] and lead["reason"] == llm["share_verified"] == bound
    assert llm["callers"] == "a settlement does not say who asked" and "session" in llm["paid"]
    (row,) = part(first, "llm")["top"]
    assert row["at_least"] and row["share"] is None, "of a day that is known in part each model is a lower bound"
    llm = told(second, "llm")
    assert (llm["uses_verified"], llm["uses_backed"], llm["share_verified"]) == (3, 5, 0.6)
    assert llm["share_attributed"] == "1 of 5 leaves did not pass the signature check"
    assert llm["models_used"] == "none of the use names its model"
    assert any("ALARM" in line and og.stranger.address.lower() in line for line in lines)


def test_hub_models_payments_and_enclaves(known: store.Store, og: World, tmp_path: Path) -> None:
    first, second = composed(known), composed(known, SECOND)
    hub = told(first, "hub")
    assert hub["uses"] == hub["uses_claimed"] == 4 and hub["share_attributed"] == 0.75
    assert hub["callers"] == 3 and hub["top_caller_share"] == 0.5
    assert "1 inferences name a content id" in " ".join(part(first, "hub")["gaps"])
    category, author = part(first, "hub")["groups"]
    assert (category["by"], author["by"]) == ("category", "author") and category["outside"]["value"] == 1
    assert sum(row["figures"]["uses"]["value"] for row in category["rows"]) == 3
    assert told(second, "hub")["models_listed"] == 3 and told(second, "hub")["uses"] == 0
    payments = told(first, "payments")
    assert payments["paid"] == "3.000000000000000003" and payments["sessions"] == 3 and payments["callers"] == 2
    assert payments["requests_reported"] == 12 and told(second, "payments")["sessions"] == 0
    lone = (
        f"Not counted: 1 transfer to the operator that are dust or lack a proxy's word (1 from {og.node.accounts[5]})."
    )
    assert lone in part(first, "payments")["gaps"]
    tee = told(second, "tee")
    assert (tee["enclaves_registered"], tee["enclaves_enabled"], tee["enclaves_active"]) == (2, 2, 1)


def test_collecting_again_changes_nothing(known: store.Store, og: World, tmp_path: Path) -> None:
    before = composed(known), composed(known, SECOND)
    done, _ = collected(known, og, tmp_path)
    assert done.error == "" and (composed(known), composed(known, SECOND)) == before


def test_with_signers_pinned_claims_are_known_and_an_inflated_one_is_not(
    known: store.Store, og: World, tmp_path: Path
) -> None:
    done, _ = collected(known, og, tmp_path, signers=(og.node.accounts[0],))
    assert done.error == ""
    assert told(composed(known, SECOND), "llm")["uses_claimed"] == 5
    llm = told(composed(known), "llm")
    claimed = part(composed(known), "llm")["figures"]["uses_claimed"]
    assert claimed["at_least"] and llm["uses_claimed"] == 12
    assert claimed["reason"] == "a claim of more than 10,000 inferences in one batch is not plausible"
    assert llm["uses_verified"] == 7
    collected(known, og, tmp_path, signers=(og.node.accounts[7],))
    first = composed(known)
    unknown = "4 of 5 settlements came from senders that we do not know"
    assert told(first, "llm")["uses_claimed"] == told(first, "llm")["uses_verified"] == unknown
    assert "4 settlements by a sender that is not pinned: not counted in any figure." in part(first, "llm")["gaps"]


def test_an_unrecognised_emitter_is_alarmed_and_never_added(db: store.Store, og: World, tmp_path: Path) -> None:
    lines: list[str] = []
    source = og.source(tmp_path, NOW - timedelta(days=1))
    pipeline.collect(db, "opengradient", source, None, lines.append)
    named = og.stranger.address.lower()
    assert any("ALARM" in line and named in line for line in lines)
    pipeline.collect(db, "opengradient", og.source(tmp_path), None, lines.append)
    first = composed(db)
    assert told(first, "llm")["uses_verified"] == 7
    assert any(
        gap.startswith("Unrecognised emitter: 1 settlement") and named in gap for gap in part(first, "llm")["gaps"]
    )


def test_a_missing_blob_leaves_the_day_unknown_until_it_comes(db: store.Store, og: World, tmp_path: Path) -> None:
    early = NOW - timedelta(hours=1)
    og.aggregator.fault = "busy"
    try:
        pipeline.collect(db, "opengradient", og.source(tmp_path, early), None, lambda line: None)
    finally:
        og.aggregator.fault = None
    second = told(composed(db, SECOND), "llm")
    assert second["uses_verified"].startswith("1 of 1 settlement has no verdict yet")
    assert second["share_verified"] == second["uses"] == second["uses_verified"]
    collected(db, og, tmp_path)
    assert told(composed(db, SECOND), "llm")["uses_verified"] == 3


def test_what_cannot_be_reached_is_unknown_and_the_rest_is_collected(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    dead = og.settings.hub_chain.model_copy(update={"endpoints": (NOWHERE,)})
    done, _ = collected(db, og, tmp_path, hub_chain=dead)
    assert done.new > 0 and done.error.splitlines() == [
        "127.0.0.1:9: no answer (ConnectError); inferences of Hub models stay unknown until it answers"
    ]
    second = composed(db, SECOND)
    assert told(second, "hub")["uses"] == "the chain of Hub models was not read to the end of 6 Oct 2026"
    assert told(second, "hub")["models_listed"] == 3 and told(second, "llm")["uses_verified"] == 3


def test_nobodys_words_leave_the_raw_archive(known: store.Store, og: World, tmp_path: Path) -> None:
    with known.read_transaction() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())
    assert "secret prompt" not in dump and "secret prompt" not in json.dumps(composed(known))


def test_posts_open_with_the_question(known: store.Store, og: World, tmp_path: Path) -> None:
    document = Archive(known).save_digest(pipeline.build_digest(known, PLAN, Period(FIRST, FIRST), NOW))
    post = pipeline.render_post(document, "x").parts[0]
    assert post.startswith(
        "At least 7 answers proven on OpenGradient on 5 October 2026. On offer: 71 LLMs in enclaves."
    )
    assert "There may be more: 1 of 5 settlements came from contracts that we do not know." in post
    own = "OpenGradient itself counts 12 requests that day; private ones leave no proof."
    assert own in pipeline.render_post(document, "text").parts[0]
    yesterday = composed(known, SECOND)
    assert (
        pipeline.render_post(yesterday, "x")
        .parts[0]
        .startswith("At least 3 answers proven on OpenGradient yesterday, 6 October 2026. On offer: 71 LLMs")
    )
    assert "yesterday" not in pipeline.render_post(yesterday, "text").parts[0], "which is read later too"


MISREAD = (
    "Private inferences leave no proof",
    "Web searches and images",
    "network's own apps",
    "A drop to zero can be a",
)


def test_what_a_reader_could_misread_stands_on_every_outlet(known: store.Store, og: World, tmp_path: Path) -> None:
    for day in (FIRST, SECOND):
        document = composed(known, day)
        embed = pipeline.render_post(document, "discord").embed
        assert embed is not None
        fields = {field["name"]: field["value"] for field in embed["fields"]}  # type: ignore[attr-defined]
        page = site_files.digest_page(SITE, page_of(document))[1].decode()
        for words in MISREAD:
            assert words in fields["Not known"], (day, words)
            assert words in pipeline.render_post(document, "text").parts[0]
            assert words.replace("'", "&#39;") in page
        assert "private ones leave no proof." in page.partition('<div class="story">')[2].partition("</div>")[0]
    none = composed(known, SECOND)
    part(none, "llm")["figures"]["uses_verified"] |= {"value": 0, "at_least": False}
    assert "A drop to zero can be a change of deployment." in pipeline.render_post(none, "x").parts[0]
    many = composed(known, SECOND)
    for number, key in enumerate(("uses_verified", "uses_backed", "uses_claimed")):
        part(many, "llm")["figures"][key] |= {"value": 123_456_789 + number, "at_least": False}
    post = pipeline.render_post(many, "x").parts[0]
    assert "private ones leave no proof." in post and "123,456,789 answers proven" in post
    assert "123,456,791 answers were announced on chain" in pipeline.render_post(many, "text").parts[0]


SITE = SiteContext([NetworkPage("opengradient", "OpenGradient", "")], {}, charts.trend_svg, NOW)


def page_of(document: Document) -> DigestPage:
    svgs = {c["catalogue"]: {"usage": "", "concentration": "", "uses": ""} for c in document["catalogues"]}
    return DigestPage(document, {c["catalogue"]: "not asked" for c in document["catalogues"]}, svgs)


def test_refs_lead_back_to_the_bytes_that_were_read(known: store.Store, og: World, tmp_path: Path) -> None:
    refs = [ref for ref in composed(known)["refs"] if ref["url"].startswith("evm:") and ref["sha256"]]
    assert refs
    for ref in refs:
        assert opengradient.ref_checksum(og.settings, tmp_path, ref["url"], ref["sha256"]) == ref["sha256"]


DEAD = """
data: {data}
networks:
  opengradient:
    settlements: {{endpoints: [{dead}/a], chain_id: 10740}}
    hub_chain: {{endpoints: [{dead}/b], chain_id: 10744}}
    base: {{endpoints: [{dead}/c], chain_id: 8453}}
    aggregators: [{dead}/d]
    hub: {dead}/e
    facilitator: {dead}/f
"""


def test_with_every_endpoint_out_of_reach_the_command_line_says_so_and_shows_what_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    config = tmp_path / "config.yaml"
    config.write_text(DEAD.format(data=tmp_path / "data", dead=NOWHERE))
    with pytest.raises(SystemExit) as ended:
        main(["--config", str(config), "collect", "--network", "opengradient"])
    assert ended.value.code == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "no answer" in line]
    assert len(lines) == 6
    with pytest.raises(SystemExit) as ended:
        main(["--config", str(config), "show", "--network", "opengradient", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert [c["catalogue"] for c in document["catalogues"]] == ["llm", "hub"]
    assert [p["catalogue"] for p in document["panels"]] == ["tee", "payments"]
    assert told(document, "llm")["models_listed"] == 71
    for key in ("uses", "uses_claimed", "uses_backed", "uses_verified", "uses_reported", "share_verified", "callers"):
        figure = part(document, "llm")["figures"][key]
        assert figure["value"] is None and len(figure["unknown"]) > 10, key
    for key in ("hub", "tee", "payments"):
        assert all(f["value"] is None and f["unknown"] for f in part(document, key)["figures"].values()), key


def test_of_a_day_on_which_nothing_could_be_read_nothing_is_posted(db: store.Store, og: World, tmp_path: Path) -> None:
    nowhere = og.settings.settlements.model_copy(update={"endpoints": (NOWHERE,)})
    dead = dict.fromkeys(("settlements", "hub_chain", "base"), nowhere)
    collected(db, og, tmp_path, hub=NOWHERE, facilitator=NOWHERE, **dead)
    document, evening = composed(db, SECOND), NOW + timedelta(hours=20)
    assert told(document, "llm")["models_listed"] == 71, "which stands in the code"
    gate = deliveries.publish_gate(document, evening, timedelta(hours=6))
    assert not gate.publish and gate.final and gate.reason.startswith("nothing is known of 6 Oct 2026")


def test_a_dead_secondary_chain_delays_no_post(db: store.Store, og: World, tmp_path: Path) -> None:
    nowhere = og.settings.settlements.model_copy(update={"endpoints": (NOWHERE,)})
    collected(db, og, tmp_path, hub_chain=nowhere, base=nowhere, hub=NOWHERE)
    document = composed(db, SECOND)
    assert told(document, "hub")["uses"] == "the chain of Hub models was not read to the end of 6 Oct 2026"
    assert deliveries.publish_gate(document, NOW, timedelta(hours=6)).publish


def test_proof_explains_a_settlement_by_transaction_blob_and_leaf(
    known: store.Store, og: World, tmp_path: Path
) -> None:
    memory = ledger.SourceState(known, "opengradient")
    with known.read_transaction() as connection:
        rows = connection.execute(sa.select(store.settlements.c.place, store.settlements.c.blob)).all()
    explained = {}
    for place, _ in rows:
        known = memory.find_settlements("llm", place.partition(":")[0])
        (settlement,) = opengradient.explain_settlements(og.settings, tmp_path, NOW, known, "", memory.counted_leaves)
        explained[place] = settlement
        assert settlement["links"]["transaction"].endswith(place.partition(":")[0])
        assert opengradient.explain_settlements(
            og.settings, tmp_path, NOW, (), place.partition(":")[0], memory.counted_leaves
        ) == [settlement]
    verdicts = sorted(
        tuple(sorted({leaf["verdict"] for leaf in document["leaves"]})) for document in explained.values()
    )
    assert verdicts == [
        (),
        ("bad signature", "unknown key", "verified"),
        ("duplicate", "verified"),
        ("verified",),
        ("verified",),
    ]
    checks = [document["root_check"] for document in explained.values()]
    assert checks.count("match") == 3 and "not possible without a readable blob" in checks
    inflated = next(document for document in explained.values() if not document["leaves"])
    assert inflated["size"] == "more than 10000"
    leaf = next(document["leaves"][0]["key"] for document in explained.values() if len(document["leaves"]) == 5)
    assert memory.settlement_of_leaf("llm", bytes.fromhex(leaf)) in explained
    assert all(blob in [settlement.blob for settlement in memory.find_settlements("llm", blob)] for _, blob in rows)


def test_live_checks_name_the_value_to_change(og: World, tmp_path: Path) -> None:
    looked = {live_check.name: live_check for live_check in opengradient.live_checks(og.settings, tmp_path, NOW)}
    relay, sender = og.relay.address.lower(), og.node.accounts[0]
    assert looked[f"relay {relay}"].ok
    opened = looked[f"batchSettle of {relay}"]
    assert not opened.ok and "anybody" in opened.text and opened.fix == "pin networks.opengradient.signers"
    assert sender in looked["senders of the last settlements"].text and sender in looked["role holders"].text
    proposed = looked[f"signer {sender}"]
    assert proposed.ok is None and "the relay granted it a role" in proposed.text
    assert proposed.fix == f'put under networks.opengradient: "signers": ["{sender}"]'
    assert og.stranger.address.lower() in looked["emitters of settlement events"].text
    assert looked[f"registry {og.registry.address.lower()}"].text == "1 enclaves listed, 1 active (new layout)"
    assert looked["Model Hub"].ok and looked["newest blob"].ok
    assert "health" in looked["facilitator"].text  # this one serves its usage at every path


GOLDEN = Path(__file__).parents[2] / "golden" / "opengradient"


@pytest.mark.parametrize("day", [FIRST, SECOND])
def test_from_raw_logs_to_records_to_digest_to_posts(
    reading: Callable[..., Path], og: World, tmp_path: Path, day: Any
) -> None:
    """`tests/golden/opengradient`; written anew with GOLDEN=1."""
    with closing(copied(reading(signers=(og.node.accounts[0],)), tmp_path)) as known:
        document = composed(known, day)
        settled = settlements(known, day)
    lines = [f"{s.at:%H:%M} size {min(s.size, 10**6)} {s.place.rpartition(':')[2]}" for s in settled]
    lines += [f"{c['catalogue']}.{k}: {v}" for c in blocks(document) for k, v in told(document, c["catalogue"]).items()]
    lines += [f"{c['catalogue']} gap: {gap}" for c in blocks(document) for gap in c["gaps"]]
    lines += [pipeline.render_post(document, outlet).parts[0] for outlet in ("x", "text")]
    text = "\n".join(lines) + "\n"
    golden = GOLDEN / f"{day}.txt"
    if os.environ.get("GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def blocks(document: Document) -> list[dict[str, Any]]:
    return [*document["catalogues"], *document["panels"]]


def settlements(db: store.Store, day: Any) -> list[Any]:
    table = store.settlements
    with db.read_transaction() as connection:
        places = connection.scalars(sa.select(table.c.place).where(table.c.day == day).order_by(table.c.block)).all()
    return [
        settlement
        for place in places
        for settlement in ledger.SourceState(db, "opengradient").find_settlements("llm", place)
    ]


def blocks_read(hauls: list[Any], catalogue: str) -> list[int]:
    """Every block that was requested, as often as it was."""
    ranges = [haul.blocks for haul in hauls if getattr(haul, "blocks", None) and haul.catalogue == catalogue]
    return [number for entry in ranges for number in range(entry.first, entry.last + 1)]


def test_days_asked_for_go_on_where_they_were_ended_and_are_not_read_twice(
    db: store.Store, og: World, tmp_path: Path
) -> None:
    short = og.settings.hub_chain.model_copy(update={"window": 4})
    source = og.source(tmp_path, settlements=short, hub_chain=short, base=short)
    wanted, memory = Period(FIRST, SECOND, "week"), ledger.SourceState(db, "opengradient")
    read: list[Any] = []
    for enough in (2, 9, 10**6):
        for kept, event_batch in enumerate(source.event_batches(wanted, memory), 1):
            if isinstance(event_batch, EventBatch):
                ledger.keep_event_batch(db, event_batch)
                read.append(event_batch)
            else:
                ledger.add_snapshot(db, event_batch)
            if kept == enough:
                break  # as a process ends that is killed: after a commit, before the next
    ledger.add_up(db, "opengradient")
    for catalogue in ("llm", "hub", "payments"):
        blocks = blocks_read(read, catalogue)
        assert len(set(blocks)) > 10 and len(blocks) <= len(set(blocks)) + 4, "the block at a seam is read again"
    assert told(composed(db), "hub")["uses"] == 4 and told(composed(db, SECOND), "llm")["uses_verified"] == 3
    before = len(read)
    read += [event_batch for event_batch in source.event_batches(wanted, memory) if isinstance(event_batch, EventBatch)]
    assert not blocks_read(read[before:], "hub"), "what was read whole is not asked for at all"
    again = ledger.SourceState(db, "opengradient", reread=True)
    assert blocks_read(
        [event_batch for event_batch in source.event_batches(wanted, again) if isinstance(event_batch, EventBatch)],
        "hub",
    )


def test_what_of_a_window_is_missing(db: store.Store) -> None:
    day = start_of_day(FIRST)
    hours = [day + timedelta(hours=n) for n in range(25)]
    whole = CompleteWindow(hours[2], hours[20])

    def left(*covered: tuple[int, int]) -> list[tuple[int, int]]:
        missing_windows = log_collection.missing_windows(
            whole, [CompleteWindow(hours[a], hours[b]) for a, b in covered]
        )
        return [
            (hours.index(complete_window.begins), hours.index(complete_window.ends))
            for complete_window in missing_windows
        ]

    assert left() == [(2, 20)]
    assert left((0, 24)) == left((2, 20)) == left((0, 11), (10, 22)) == []
    assert left((0, 4), (6, 8), (19, 24)) == [(4, 6), (8, 19)]
    assert left((21, 24), (0, 1)) == [(2, 20)]


@pytest.mark.parametrize("in_rpc", [False, True])
def test_an_address_that_never_answers_is_told_in_the_same_words_whichever_limit_is_met_first(
    in_rpc: bool,
) -> None:
    with serving(Aggregator({}, "hangs")) as hung, proxy(NOWHERE) as rpc:
        rpc.does.hang = True
        chains = frozenset((rpc.url,)) if in_rpc else frozenset[str]()
        url = rpc.url if chains else f"{hung.url}/"
        assert panels._probe_endpoint(url, 0.1, in_rpc) == "no answer within 0.1 s", "the socket's limit"
        (line,) = panels.unreachable_endpoints({url: "figures"}, 0.1, chains).values()
    assert line.endswith(": no answer within 0.1 s; figures stay unknown until it answers")
