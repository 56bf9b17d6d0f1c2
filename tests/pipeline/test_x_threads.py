"""A post on X as a thread: all parts, each a reply to the one before, corrected whole, and partial if X says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot import pipeline, render, store
from bot.archive import Archive
from bot.pipeline import PostOptions, publication
from bot.render import text_blocks, threads
from bot.x_text import weighted_length
from tests import publishing
from tests.peers.x_rules import fits_post
from tests.pipeline.test_polls import World, wording
from tests.pipeline.test_polls import peers as peers  # noqa: PLC0414  the fixture
from tests.publishing import LATE, LONG, Peers

LAST = LONG[-1]


def document(url: str) -> dict[str, object]:
    opened = store.open_store(url)
    digest = Archive(opened).find_digest("replicate", "day", LAST)
    opened.close()
    assert digest is not None
    return digest


@pytest.fixture
def world(peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    peers.forget()
    peers.x.repeats = False
    url = f"sqlite:///{tmp_path / 'f.db'}"
    publishing.fill_long(url, (LATE,))
    for name, value in {**peers.secrets, "DATABASE_URL": url, "REPLICATE_API_TOKEN": ""}.items():
        monkeypatch.setenv(name, value)
    path = publishing.configured(tmp_path, peers, ("x",))
    path.write_text(path.read_text().replace("x: {", "x: {thread: true, "))
    yield World(peers, path, url)
    peers.x.repeats = True


def publish(world: World) -> list[tuple[int, int, str]]:
    world.run("publish", "--day", str(LAST))
    return [(row["edition"], row["part"], row["state"]) for row in world.rows()]


def test_a_thread_goes_out_part_by_part_each_tied_to_the_one_before(world: World) -> None:
    states = publish(world)
    posts = world.peers.x.posts
    assert len(posts) > 1 and [state for _, _, state in states] == ["sent"] * len(posts)
    assert [post["reply_to"] for post in posts] == [None, *(post["id"] for post in posts[:-1])]
    assert [bool(post["media"]) for post in posts] == [True] + [False] * (len(posts) - 1)
    for number, post in enumerate(posts, 1):
        assert f"({number}/{len(posts)})" in post["sent"] and ("20 March 2025" in post["sent"] or number == 1)
        assert fits_post(post["sent"])
    assert publish(world) == states and len(posts) == len(states)


def test_a_thread_says_more_than_the_single_post(world: World) -> None:
    publish(world)
    text = " ".join(post["sent"] for post in world.peers.x.posts)
    (single,) = pipeline.render_post(document(world.url), "x").parts
    # Where there is room, a sentence has its longer form.
    assert set(re.findall(r"\d(?:[\d,.]*\d)?", single)) <= set(re.findall(r"\d(?:[\d,.]*\d)?", text))
    assert len(text) > len(single)


def test_x_refusing_the_reply_leaves_it_partial_and_is_not_tried_again(world: World) -> None:
    world.peers.x.forbid_replies = True
    states = publish(world)
    world.peers.x.forbid_replies = False
    assert [state for *_, state in states][:2] == ["sent", "refused"]
    assert {state for *_, state in states[2:]} <= {"skipped"}
    before = len(world.peers.x.requests)
    assert publish(world) == states and len(world.peers.x.requests) == before
    assert "not summoned" in world.rows()[1]["last_error"]


def test_a_correction_takes_the_place_of_every_part(world: World) -> None:
    parts = len(publish(world))
    publishing.arrive(world.url)
    states = publish(world)
    assert [state for edition, _, state in states if edition == 2] == ["sent"] * parts
    posts = world.peers.x.posts
    assert len(posts) == parts and all(post["edits"] for post in posts)
    assert posts[0]["sent"].startswith("Correction.")
    assert [f"({n}/{parts})" in post["sent"] for n, post in enumerate(posts, 1)] == [True] * parts
    assert publish(world) == states


def test_where_it_cannot_be_edited_one_post_corrects_the_whole_thread(world: World) -> None:
    world.path.write_text(world.path.read_text().replace("figure: models_used", "figure: inventory_change_7d"))
    parts = len(publish(world))
    publishing.arrive(world.url)
    for post in world.peers.x.posts:
        post["at"] -= timedelta(hours=2)
    states = publish(world)
    second = [state for edition, _, state in states if edition == 2]
    assert second == ["sent"] + ["skipped"] * (parts - 1)
    assert len(world.peers.x.posts) == parts + 1
    alone = world.peers.x.posts[-1]
    assert alone["sent"].startswith("Correction.") and "(1/" not in alone["sent"] and alone["reply_to"] is None
    assert world.rows()[-1]["last_error"] == "corrected by a post of its own"


def test_a_correction_that_has_less_to_say_takes_the_rest_back() -> None:
    pieces = [text_blocks.TextBlock("text", "", 0, "One.")]
    thread = threads.build_thread(
        pieces, lambda n, of, taken_back=False: f"[{n}/{of}{' -' * taken_back}]", range(3, 4), weighted_length, 280
    )
    assert thread == ("One.\n[1/3]", "[2/3 -]", "[3/3 -]")


def test_a_thread_with_a_poll_asks_it_last(world: World) -> None:
    weekly = {**document_of(world), "period": "week"}
    habits = PostOptions(("x",), (wording(),))
    post = pipeline.render_post(weekly, "x", habits=habits)
    assert post.poll and post.parts[-1].endswith("Which?") and len(post.parts) > 1
    assert post.pictures, "the picture stays with the first part"


def test_the_parts_are_counted_with_the_same_names_hidden_as_they_are_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.path.write_text(world.path.read_text() + "\nhidden_names: [nobody/at-all]\n")
    counted: list[object] = []

    def spied(document: object, outlet: str, hidden: object = (), *rest: object) -> object:
        counted.append(hidden)
        return pipeline.render_post(document, outlet, hidden, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(publication, "render_post", spied)
    assert len(publish(world)) > 1
    assert counted == [("nobody/at-all",)]


def document_of(world: World) -> dict[str, object]:
    publish(world)
    return document(world.url)


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_a_thread_is_never_longer_than_it_may_be_and_drops_the_least_important(most: int) -> None:
    mark = text_blocks.PARAGRAPH
    blocks = [text_blocks.TextBlock("text", "", rank, f"{mark}{chr(97 + rank) * 200}") for rank in range(5)]
    thread = threads.build_thread(
        blocks, lambda n, of, taken_back=False: f"[{n}/{of}]", range(1, most + 1), weighted_length, 280
    )
    assert len(thread) == most
    assert "a" * 200 in thread[0]
    assert all(fits_post(text) for text in thread)
    assert ("e" * 200 in thread[-1]) == (most == 5)


def test_what_must_be_said_and_does_not_fit_is_refused() -> None:
    mark = text_blocks.PARAGRAPH
    blocks = [text_blocks.TextBlock("text", "", 0, f"{mark}{'x' * 200}") for _ in range(3)]
    with pytest.raises(render.TooLongError, match="found 3 parts in the required text, wanted at most 2"):
        threads.build_thread(blocks, lambda n, of, taken_back=False: "", range(1, 3), weighted_length, 280)
