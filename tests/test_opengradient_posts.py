"""OpenGradient's posts of invented days as they were signed: `tests/golden/opengradient/posts` and the page
`docs/opengradient-posts.md`, written anew with GOLDEN=1.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from html import unescape
from pathlib import Path

import pytest

from bot import i18n, pipeline, store
from bot.records import Document, Post
from bot.render import PostRenderOptions, build_post
from bot.render.page_layout import NetworkPage, SiteContext, digest_story
from tests import databases
from tests.opengradient_days import (
    BLOB,
    LAST,
    add_day,
    last_digest,
    list_llms,
    morning_after,
    usual_days,
)
from tests.peers.opengradient import NOWHERE

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "opengradient" / "posts"
PAGE = ROOT / "docs" / "opengradient-posts.md"

SCENARIOS: Mapping[str, tuple[str, int, Mapping[str, object]]] = {
    "all-well": ("All is well", 9, {}),
    "first-day": ("The first day", 1, {}),
    "second-day": ("The second day", 2, {}),
    "first-week": ("The seventh day", 7, {}),
    "signers-unpinned": ("No signers are pinned", 9, {"pinned": False}),
    "unsigned": ("Some answers are not signed as they should be", 9, {"unsigned": 12}),
    "hub-down": ("The Model Hub does not answer", 9, {"listed": None}),
    "hub-chain-dead": ("Chain 10744, on which Hub models run, does not answer", 9, {"hub_uses": None}),
    "own-count-missing": ("The facilitator does not answer", 9, {"reported": None}),
    "blobs-gone": ("Two in five batches cannot be read any more", 9, {"lost": 20, "expired": True}),
    "blobs-late": ("Two in five batches cannot be read yet", 9, {"lost": 20}),
    "chain-dead": ("The settlement chain does not answer", 9, {"chain": False}),
    "relay-moved": ("The relay has moved", 9, {"answers": 0, "elsewhere": 50}),
    "record": ("A record", 36, {"answers": 2460, "reported": 2777}),
    "fall-by-half": ("A fall by half", 9, {"answers": 1147, "reported": 1301}),
}
"""Each with its title on the page, its number of days, and what is different on the last one."""
Render = Callable[[str, str], Post]
"""The post of a scenario on an outlet, with its picture."""


@pytest.fixture(scope="module")
def document_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Document]:
    """The digest of a scenario's last day. Scenarios of as many days begin with a copy of one ledger."""

    @cache
    def before(count: int) -> Path:
        folder = tmp_path_factory.mktemp("before")
        opened = store.open_store(databases.sqlite(folder / "footfall.db"))
        list_llms(opened, LAST, count)
        for day, content in usual_days(count).items():
            if day != LAST:
                add_day(opened, day, content)
        opened.close()
        return folder

    @cache
    def compose(scenario: str) -> Document:
        _, count, last = SCENARIOS[scenario]
        folder = tmp_path_factory.mktemp(scenario) / "data"
        shutil.copytree(before(count), folder)
        opened = store.open_store(f"sqlite:///{folder / 'footfall.db'}")
        add_day(opened, LAST, usual_days(count, **last)[LAST])
        document = last_digest(opened)
        opened.close()
        return document

    return compose


@pytest.fixture(scope="module")
def rendered(document_of: Callable[[str], Document]) -> Render:
    return cache(lambda scenario, outlet: pipeline.render_post(document_of(scenario), outlet))


def text_on_x(document: Document, locale: str = "en") -> str:
    return build_post(document, "x", PostRenderOptions(locale)).parts[0]


def shown_texts(document: Document, on_x: Post, on_discord: Post) -> dict[str, str]:
    """The post on X, the beginning of Discord's embed, and the beginning of the page, as text."""
    embed = on_discord.embed
    assert embed is not None
    site = SiteContext([NetworkPage("opengradient", "OpenGradient", "")], {}, lambda *_: "", morning_after(LAST))
    story = unescape(re.sub("<[^>]+>", "", re.sub("</(?:p|h2|li)>", "\n", digest_story(site, document))))
    return {
        "X": on_x.parts[0],
        "Discord": f"{embed['title']}\n{embed['description']}",
        "page": "\n".join(line.strip() for line in story.splitlines() if line.strip()),
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_posts_read_as_they_were_signed(
    document_of: Callable[[str], Document], rendered: Render, scenario: str
) -> None:
    shown = shown_texts(document_of(scenario), rendered(scenario, "x"), rendered(scenario, "discord"))
    text = "".join(f"--- {outlet}\n{words}\n" for outlet, words in shown.items())
    golden = GOLDEN / f"{scenario}.txt"
    if os.environ.get("GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


HEAD = """# Posts about OpenGradient

<!-- Written by `GOLDEN=1 pytest tests/test_opengradient_posts.py`; edit that. -->

These are the posts of invented days, written into a ledger as OpenGradient's source writes them.
**No figure on this page is one of the real network**: nobody has read it with Footfall yet.
`python -m bot rehearse opengradient` reads it and shows what a post about yesterday would say (see
[operate.md](operate.md)).

"""


def test_the_page_of_posts_is_current() -> None:
    parts = []
    for scenario, (title, *_) in SCENARIOS.items():
        golden = (GOLDEN / f"{scenario}.txt").read_text(encoding="utf-8")
        post = golden.removeprefix("--- X\n").partition("\n--- Discord\n")[0]
        quoted = "\n".join(f"> {line}".rstrip() for line in post.splitlines())
        parts.append(f"## {title}\n\n{quoted}\n")
    text = HEAD + "\n".join(parts)
    if os.environ.get("GOLDEN"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text
    first = parts[0].partition("\n\n")[2]
    assert first.strip() in (ROOT / "README.md").read_text(encoding="utf-8")


PRIVATE = re.compile(r"[A-Za-z0-9_-]{43}|https?://|\b\d{1,3}(\.\d{1,3}){3}\b|:\d{2,5}\b|localhost")
"""Blob ids, addresses of servers, ports."""
PUBLIC = re.compile(r"\d\d:\d\d UTC|0x[0-9a-f]{40}")
"""Times, and addresses on a chain."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_public_text_names_a_blob_a_host_or_a_port(rendered: Render, scenario: str) -> None:
    assert PRIVATE.search(BLOB) and PRIVATE.search(NOWHERE) and PRIVATE.search("127.0.0.1:9")
    for outlet in ("x", "discord", "text"):
        post = rendered(scenario, outlet)
        texts = [*post.parts, str(post.embed or ""), *(picture.alt for picture in post.pictures)]
        shown = [PUBLIC.sub("", text) for text in texts]
        assert [text[max(0, match.start() - 40) :][:90] for text in shown if (match := PRIVATE.search(text))] == []


@pytest.mark.parametrize("locale", [locale for locale in i18n.LANGUAGES if locale != "en"])
def test_posts_are_in_the_language_of_their_reader(document_of: Callable[[str], Document], locale: str) -> None:
    for scenario in ("all-well", "first-day", "hub-chain-dead", "blobs-gone", "relay-moved", "fall-by-half"):
        document = document_of(scenario)
        english, post = text_on_x(document), text_on_x(document, locale)
        shared = [line for line in english.splitlines() if line and line in post]
        assert post and shared == [], (scenario, post)


def test_supply_and_demand_stand_in_the_first_two_sentences(document_of: Callable[[str], Document]) -> None:
    for scenario in SCENARIOS:
        first, second = re.split(r"(?<=[a-z\d)]\.)\s+", text_on_x(document_of(scenario)))[:2]
        assert "answers" in first and "On offer" in second and "71 LLMs" in second, scenario
