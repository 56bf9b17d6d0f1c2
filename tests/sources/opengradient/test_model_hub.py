"""The Model Hub's listing, from a Hub that pages, fails, shifts and lies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.records import SafeName, SourceError
from bot.sources.opengradient import model_hub as hub
from bot.sources.opengradient.content_claims import ContentClaims
from bot.sources.opengradient.model_hub_files import HubFileIndex
from tests.patience import make_client
from tests.peers.model_hub import Fault, ModelHub, model
from tests.peers.served import serving

AT = datetime(2026, 11, 22, 0, 5, tzinfo=UTC)
CID = "jKzAHsOHS1zA193_9N-n5H_IjupBjKce08qMLLseRe8"
OTHER = "E0LylwkIkEn3hobZGgNDYOu4LYEEM7g_MI564Shjvrw"

Start = Callable[..., tuple[ModelHub, str]]


class Asker:
    """A client of a test's Hub."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.client = stack.enter_context(make_client())
        self.slept: list[float] = []

    def start(self, models: list[object], **how: object) -> ModelHub:
        self.hub = ModelHub(models, **how)  # type: ignore[arg-type]
        self.server = self.stack.enter_context(serving(self.hub))
        return self.hub

    def inventory(self, before: set[hub.Key] | None = None, keep: hub.Keep = lambda page: None) -> hub.HubInventory:
        return hub.fetch_inventory(self.client, self.server.url, AT, before, keep, self.slept.append)

    def files(self, memory: Path) -> HubFileIndex:
        return HubFileIndex(self.client, self.server.url, memory, self.slept.append)


@pytest.fixture
def asker() -> Iterator[Asker]:
    with ExitStack() as stack:
        yield Asker(stack)


def names(inventory: hub.HubInventory) -> list[str]:
    return [str(listing.model) for listing in inventory.snapshot.listings]


def test_all_pages_are_walked_twice_and_listed_by_author_and_name(asker: Asker) -> None:
    asker.start([model(f"m{number:03}", f"a{number % 7}", "forecast") for number in range(250)])
    inventory = asker.inventory()
    assert len(inventory.snapshot.listings) == 250
    assert inventory.snapshot.catalogue == "hub"
    assert inventory.snapshot.unplaced == 0 and inventory.snapshot.note == ""
    first = inventory.snapshot.listings[0]
    assert (first.model, first.author, first.category) == ("a0/m000", "a0", "forecast")
    pages = [f"/api/v0/models/?page={number}&limit=100" for number in range(4)]
    assert asker.server.asked == pages * 2


def test_one_walk_is_enough_when_it_agrees_with_the_day_before(asker: Asker) -> None:
    asker.start([model(f"m{number}") for number in range(10)])
    inventory = asker.inventory(before={("me", f"m{number}") for number in range(1, 10)})
    assert len(inventory.snapshot.listings) == 10
    assert len(asker.server.asked) == 2


def test_a_bare_list_and_a_wrapped_one_read_the_same(asker: Asker) -> None:
    asker.start([model("x")], wrapped=False)
    bare = names(asker.inventory())
    asker.start([model("x")], wrapped=True)
    assert names(asker.inventory()) == bare == ["me/x"]


def test_a_hub_that_gives_less_than_asked_for_is_still_walked_to_its_end(asker: Asker) -> None:
    asker.start([model(f"m{number}") for number in range(95)], cap=20)
    assert len(asker.inventory().snapshot.listings) == 95


def test_a_hub_that_ignores_the_page_asked_for_ends_the_walk(asker: Asker) -> None:
    asker.start([model(f"m{number}") for number in range(5)], ignores_page=True)
    assert len(asker.inventory().snapshot.listings) == 5


def test_a_hub_that_repeats_a_page_with_an_unusable_entry_ends_the_walk(asker: Asker) -> None:
    asker.start([model("x"), None], ignores_page=True)
    assert names(asker.inventory()) == ["me/x"]
    assert len(asker.server.asked) == 4


def test_a_hub_that_goes_round_in_circles_ends_the_walk(asker: Asker) -> None:
    asker.start([model(f"m{number}") for number in range(6)], cap=2, circles=3)
    assert len(asker.inventory().snapshot.listings) == 6
    assert len(asker.server.asked) == 8


def test_an_end_that_is_said_with_404_is_an_end(asker: Asker) -> None:
    asker.start([model("x")], end_is_404=True)
    assert names(asker.inventory()) == ["me/x"]


def test_models_that_move_between_pages_are_neither_lost_nor_counted_twice(asker: Asker) -> None:
    models: list[object] = [model(f"m{number:03}") for number in range(150)]
    peer = asker.start(models)

    def shift(request: int) -> None:
        if request == 1:
            models.insert(0, model("brand-new"))

    peer.after = shift
    shown_names = names(asker.inventory())
    assert len(shown_names) == len(set(shown_names)) == 151
    assert "me/brand-new" in shown_names


def test_a_hub_that_never_holds_still_gives_an_unknown_stock(asker: Asker) -> None:
    models: list[object] = [model(f"m{number}") for number in range(20)]
    peer = asker.start(models)

    def churn(request: int) -> None:
        models[:] = [model(f"r{request}-{number}") for number in range(20)]

    peer.after = churn
    inventory = asker.inventory()
    assert inventory.snapshot.unplaced > 0
    assert "changed by" in inventory.snapshot.note
    assert len([path for path in asker.server.asked if "page=0" in path]) == hub.WALKS


def test_every_page_read_is_handed_over_and_hashed(asker: Asker) -> None:
    import hashlib

    asker.start([model("x")])
    pages: list[bytes] = []
    inventory = asker.inventory(keep=pages.append)
    assert inventory.snapshot.ref.sha256 == hashlib.sha256(b"".join(page + b"\n" for page in pages)).hexdigest()
    assert len(pages) == 4


# --- hostile entries ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        None,
        7,
        "text",
        [],
        {},
        {"name": "x"},
        {"name": None, "authorUsername": "me"},
        {"name": {"$ne": 1}, "authorUsername": "me"},
        {"name": "", "authorUsername": "me"},
        {"name": "x" * 301, "authorUsername": "me"},
        {"name": "gpt", "authorUsername": "OpenGradient/x"},
        {"name": 10**400, "authorUsername": "me"},
        {"name": "x", "authorUsername": ["me"]},
    ],
)
def test_an_entry_without_a_usable_author_and_name_is_left_out_and_counted(asker: Asker, entry: object) -> None:
    asker.start([entry, model("good")])
    inventory = asker.inventory()
    assert names(inventory) == ["me/good"]
    assert inventory.snapshot.note.startswith("1 entries of the Hub's listing have no usable author and name")


@pytest.mark.parametrize("odd", [None, 3, ["x"], {"a": 1}, True, 10**300, 1e308])
def test_an_odd_category_or_path_loses_itself_and_not_its_model(asker: Asker, odd: object) -> None:
    asker.start([model("good") | {"taskName": odd, "llmPath": odd}])
    inventory = asker.inventory()
    assert names(inventory) == ["me/good"]
    assert inventory.snapshot.listings[0].category is None
    assert inventory.content_claims == {}


def test_names_are_cleaned_and_marked_so_that_no_look_alike_passes(asker: Asker) -> None:
    asker.start([model("gp\u202et"), model("gpt")])
    shown_names = names(asker.inventory())
    assert len(set(shown_names)) == 2
    assert "me/gpt" in shown_names
    assert not any("\u202e" in name for name in shown_names)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html>maintenance</html>", "no list of models"),
        (b'{"models": null}', "no list of models"),
        (b'{"error": "x"}', "no list of models"),
        (b"[" * 100_000, "no list of models"),
        (b'[{"a":' * 50_000, "no list of models"),
        (b"\xff\xfe", "no list of models"),
        (b"", "no list of models"),
        (b"[]", "no model at all"),
    ],
)
def test_a_page_that_is_none_stops_the_walk_with_one_clear_line(asker: Asker, body: bytes, text: str) -> None:
    peer = asker.start([model("x")])
    peer.always = Fault(body=body)
    with pytest.raises(SourceError, match=text) as error:
        asker.inventory()
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


def test_a_web_page_in_place_of_json_is_named(asker: Asker) -> None:
    asker.start([model("x")]).always = Fault(body=b"<html>", kind="text/html")
    with pytest.raises(SourceError, match="a web page"):
        asker.inventory()


def test_a_page_too_large_is_refused(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MAX_PAGE_BYTES", 1000)
    asker.start([model("x" * 200) for _ in range(20)])
    with pytest.raises(SourceError, match="more than 1,000 bytes"):
        asker.inventory()


def test_a_listing_without_end_is_refused(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MAX_PAGES", 5)
    asker.start([model(f"m{number}") for number in range(1000)])
    with pytest.raises(SourceError, match="no end after 5 pages"):
        asker.inventory()


# --- faults ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        (Fault(status=429, headers={"Retry-After": "7"}), [7.0]),
        (Fault(status=429, headers={"Retry-After": "99999"}), [60.0]),
        (Fault(status=429, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), [2.0]),
        (Fault(status=503), [2.0]),
        (Fault(drops=True), [2.0]),
    ],
)
def test_a_page_that_fails_once_is_asked_for_again_after_a_while(
    asker: Asker, fault: Fault, waits: list[float]
) -> None:
    asker.start([model("x")]).faults = {1: fault}
    assert names(asker.inventory()) == ["me/x"]
    assert asker.slept == waits


@pytest.mark.parametrize("status", [401, 403, 404, 302, 400])
def test_an_answer_that_waiting_does_not_mend_is_not_asked_for_again(asker: Asker, status: int) -> None:
    asker.start([model("x")]).always = Fault(status=status)
    with pytest.raises(SourceError, match=f"page 0: found HTTP {status}"):
        asker.inventory()
    assert len(asker.server.asked) == 1


def test_a_hub_that_stays_away_is_given_up_on(asker: Asker) -> None:
    asker.start([model("x")]).always = Fault(status=503)
    with pytest.raises(SourceError, match="found HTTP 503, wanted a page of models; try again later"):
        asker.inventory()
    assert len(asker.server.asked) == hub.TRIES


# --- content ids ----------------------------------------------------------------------------------------------


def test_a_content_id_leads_to_its_model(asker: Asker) -> None:
    older = "QmbUqS93oc4JTLMHwpVxsE39mhNxy6hpf6Py3r9oANr8aZ"
    asker.start([model("x", llm=CID), model("y", llm=older), model("z", llm="../../etc/passwd")])
    assert asker.inventory().content_claims == {CID: {("me", "x")}, older: {("me", "y")}}


def test_a_content_id_that_two_models_claim_is_nobodys(asker: Asker, tmp_path: Path) -> None:
    asker.start([model("x", llm=CID), model("thief", "other", llm=CID)])
    inventory = asker.inventory()
    assert ContentClaims(tmp_path / "claims.json").owners(inventory.content_claims, inventory.entries) == {}


def test_a_copy_that_is_listed_later_takes_no_content_id_away(asker: Asker, tmp_path: Path) -> None:
    peer = asker.start([model("x", llm=CID)])
    claims = ContentClaims(tmp_path / "claims.json")

    def owners() -> dict[str, SafeName]:
        inventory = asker.inventory()
        return claims.owners(inventory.content_claims, inventory.entries)

    assert owners() == {CID: "me/x"}
    peer.models = [model("thief", "aaa", llm=CID), model("x", llm=CID)]
    assert owners() == {CID: "me/x"}
    peer.models = [model("thief", "aaa", llm=CID), model("thief", "bbb", llm=CID)]
    assert owners() == {}, "the first is gone, and of two copies none is"


@pytest.mark.parametrize(
    "odd", [b'"\\ud83d"', b"NaN", b"-Infinity", b'"\xff\xfe"', b"1" + b"0" * 5000, b'"\x01"', b"1e999"]
)
@pytest.mark.parametrize("field", ["description", "taskName"])
def test_an_odd_value_in_one_field_takes_no_other_model_away(asker: Asker, odd: bytes, field: str) -> None:
    page = json.dumps([model("one"), {**model("two"), field: "ODD"}, model("three")]).encode()
    peer = asker.start([])
    peer.faults = {n: Fault(body=page.replace(b'"ODD"', odd)) for n in (1, 3)}
    assert set(asker.inventory().entries) == {("me", "one"), ("me", "two"), ("me", "three")}


def test_models_whose_files_cannot_be_read_keep_no_other_from_its_uses(asker: Asker, tmp_path: Path) -> None:
    peer = asker.start([model("x"), model("y"), model("z")])
    peer.files = {("me", "x"): [{"cid": CID}], ("me", "z"): [{"cid": OTHER}]}
    peer.broken_files = {("me", "y")}
    listed, files = asker.inventory().entries, asker.files(tmp_path / "files.json")
    day = date(2026, 11, 22)
    assert files.content_owners({CID, OTHER}, listed, day) == {CID: "me/x", OTHER: "me/z"}
    third = "T" * 43
    peer.broken_files, peer.files["me", "y"] = set(), [{"cid": third}]
    assert files.content_owners({third}, listed, day) == {}
    assert files.content_owners({third}, listed, day + timedelta(days=1)) == {third: "me/y"}


def test_files_lead_to_models_and_are_asked_for_once(asker: Asker, tmp_path: Path) -> None:
    peer = asker.start([model("a/b"), model("x"), model("y")])
    peer.files = {("me", "x"): [{"ipfsCid": CID, "size": 7}, {"ipfsCid": None}], ("me", "a/b"): [{"cid": OTHER}]}
    listed = asker.inventory().entries
    memory = tmp_path / "hub" / "files.json"
    assert asker.files(memory).content_owners({CID, OTHER}, listed, date(2026, 11, 22)) == {
        CID: "me/x",
        OTHER: "me/a/b",
    }
    before = len(asker.server.asked)
    assert asker.files(memory).content_owners({CID}, listed, date(2026, 11, 23)) == {CID: "me/x"}
    assert len(asker.server.asked) == before
    assert "/api/v0/models/a%2Fb/files?authorUsername=me" in asker.server.asked


def test_a_file_that_two_models_hold_leads_to_neither(asker: Asker, tmp_path: Path) -> None:
    peer = asker.start([model("x"), model("copy"), model("y")])
    peer.files = {("me", "x"): [{"cid": CID}], ("me", "copy"): [{"cid": CID}], ("me", "y"): [{"cid": OTHER}]}
    listed = asker.inventory().entries
    assert asker.files(tmp_path / "files.json").content_owners({CID, OTHER}, listed, date(2026, 11, 22)) == {
        OTHER: "me/y"
    }


def test_a_copy_whose_author_sorts_first_does_not_take_a_models_uses(asker: Asker, tmp_path: Path) -> None:
    peer = asker.start([model("copy", "aaa"), model("middle", "mmm"), model("real", "zed")])
    peer.files = {("aaa", "copy"): [{"cid": CID}], ("zed", "real"): [{"cid": CID}], ("mmm", "middle"): [{"cid": OTHER}]}
    listed = asker.inventory().entries
    files = asker.files(tmp_path / "files.json")
    days = [date(2026, 11, 22) + timedelta(days=each) for each in range(3)]
    content_owners = [files.content_owners({CID, OTHER}, listed, day, asks=2) for day in days]
    assert content_owners == [{}, {OTHER: "mmm/middle"}, {OTHER: "mmm/middle"}]


def test_files_are_asked_for_a_few_at_a_time(asker: Asker, tmp_path: Path) -> None:
    peer = asker.start([model(f"m{number}") for number in range(9)])
    peer.files = {("me", "m8"): [{"ipfsCid": CID}]}
    listed = asker.inventory().entries
    files = asker.files(tmp_path / "files.json")
    days = [date(2026, 11, 22) + timedelta(days=each) for each in range(3)]
    assert [files.content_owners({CID}, listed, day, asks=4) for day in days] == [{}, {}, {CID: "me/m8"}]


def test_a_model_without_the_file_is_asked_again_after_a_week(asker: Asker, tmp_path: Path) -> None:
    peer = asker.start([model("x")])
    listed = asker.inventory().entries
    files = asker.files(tmp_path / "files.json")
    assert files.content_owners({CID}, listed, date(2026, 11, 1)) == {}
    peer.files = {("me", "x"): [{"ipfsCid": CID}]}
    assert files.content_owners({CID}, listed, date(2026, 11, 8)) == {}
    assert files.content_owners({CID}, listed, date(2026, 11, 9)) == {CID: "me/x"}


def test_files_that_cannot_be_read_keep_what_was_learnt_before(asker: Asker, tmp_path: Path) -> None:
    peer = asker.start([model(name) for name in ("x", "y1", "y2", "y3")])
    listed = asker.inventory().entries
    peer.files = {("me", "x"): [{"ipfsCid": CID}]}
    peer.broken_files = {("me", "y1"), ("me", "y2"), ("me", "y3")}
    files = asker.files(tmp_path / "files.json")
    with pytest.raises(SourceError, match="no list of files"):
        files.content_owners({CID, OTHER}, listed, date(2026, 11, 22))
    peer.broken_files = set()
    assert files.content_owners({CID}, listed, date(2026, 11, 22)) == {CID: "me/x"}
    assert asker.server.asked.count("/api/v0/models/x/files?authorUsername=me") == 1


def test_a_model_named_for_a_parent_folder_asks_nothing_else_of_the_hub(asker: Asker, tmp_path: Path) -> None:
    asker.start([model("..")])
    listed = asker.inventory().entries
    before = len(asker.server.asked)
    assert asker.files(tmp_path / "files.json").content_owners({CID}, listed, date(2026, 11, 22)) == {}
    assert len(asker.server.asked) == before


def test_what_is_written_down_is_json_a_person_can_read(asker: Asker, tmp_path: Path) -> None:
    asker.start([model("x")]).files = {("me", "x"): [{"ipfsCid": CID}]}
    asker.files(tmp_path / "f.json").content_owners({CID}, asker.inventory().entries, date(2026, 11, 22))
    assert json.loads((tmp_path / "f.json").read_text()) == [
        {"author": "me", "name": "x", "asked": "2026-11-22", "content": [CID], "failed": False}
    ]
