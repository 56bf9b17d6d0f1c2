"""OpenGradient's posts of invented days as they were signed: `tests/golden/opengradient/posts` and the page
`docs/opengradient-posts.md`, written anew with GOLDEN=1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot import i18n, pipeline
from bot.records import Document
from bot.render.page_layout import NetworkPage, SiteContext, digest_story
from tests.opengradient_days import BLOB, LAST, Day, digest_of, morning_after, usual_days
from tests.peers.opengradient import NOWHERE

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "opengradient" / "posts"
PAGE = ROOT / "docs" / "opengradient-posts.md"

SCENARIOS: Mapping[str, tuple[str, Callable[[], Mapping[object, Day]]]] = {
    "all-well": ("All is well", lambda: usual_days(9)),
    "first-day": ("The first day", lambda: usual_days(1)),
    "second-day": ("The second day", lambda: usual_days(2)),
    "first-week": ("The seventh day", lambda: usual_days(7)),
    "signers-unpinned": ("No signers are pinned", lambda: usual_days(9, pinned=False)),
    "unsigned": ("Some answers are not signed as they should be", lambda: usual_days(9, unsigned=12)),
    "hub-down": ("The Model Hub does not answer", lambda: usual_days(9, listed=None)),
    "hub-chain-dead": ("Chain 10744, on which Hub models run, does not answer", lambda: usual_days(9, hub_uses=None)),
    "own-count-missing": ("The facilitator does not answer", lambda: usual_days(9, reported=None)),
    "blobs-gone": ("Two in five batches cannot be read any more", lambda: usual_days(9, lost=20, expired=True)),
    "blobs-late": ("Two in five batches cannot be read yet", lambda: usual_days(9, lost=20)),
    "chain-dead": ("The settlement chain does not answer", lambda: usual_days(9, chain=False)),
    "relay-moved": ("The relay has moved", lambda: usual_days(9, answers=0, elsewhere=50)),
    "record": ("A record", lambda: usual_days(36, answers=2460, reported=2777)),
    "fall-by-half": ("A fall by half", lambda: usual_days(9, answers=1147, reported=1301)),
}
"""Each with its title on the page."""


@cache
def document_of(scenario: str) -> Document:
    with TemporaryDirectory() as folder:
        return digest_of(SCENARIOS[scenario][1](), Path(folder))  # type: ignore[arg-type]


def posts_of(scenario: str, locale: str = "en") -> dict[str, str]:
    """The post on X, the beginning of Discord's embed, and the beginning of the page, as text."""
    document = document_of(scenario)
    embed = pipeline.render_post(document, "discord", locale=locale).embed
    assert embed is not None
    site = SiteContext([NetworkPage("opengradient", "OpenGradient", "")], {}, lambda *_: "", morning_after(LAST))
    story = unescape(re.sub("<[^>]+>", "", re.sub("</(?:p|h2|li)>", "\n", digest_story(site, document))))
    return {
        "X": pipeline.render_post(document, "x", locale=locale).parts[0],
        "Discord": f"{embed['title']}\n{embed['description']}",
        "page": "\n".join(line.strip() for line in story.splitlines() if line.strip()),
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_posts_read_as_they_were_signed(scenario: str) -> None:
    text = "".join(f"--- {outlet}\n{words}\n" for outlet, words in posts_of(scenario).items())
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
    for scenario, (title, _) in SCENARIOS.items():
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
def test_no_public_text_names_a_blob_a_host_or_a_port(scenario: str) -> None:
    assert PRIVATE.search(BLOB) and PRIVATE.search(NOWHERE) and PRIVATE.search("127.0.0.1:9")
    document = document_of(scenario)
    for outlet in ("x", "discord", "text"):
        post = pipeline.render_post(document, outlet)
        texts = [*post.parts, str(post.embed or ""), *(picture.alt for picture in post.pictures)]
        shown = [PUBLIC.sub("", text) for text in texts]
        assert [text[max(0, match.start() - 40) :][:90] for text in shown if (match := PRIVATE.search(text))] == []


@pytest.mark.parametrize("locale", [locale for locale in i18n.LANGUAGES if locale != "en"])
def test_posts_are_in_the_language_of_their_reader(locale: str) -> None:
    for scenario in ("all-well", "first-day", "hub-chain-dead", "blobs-gone", "relay-moved", "fall-by-half"):
        english, post = posts_of(scenario)["X"], posts_of(scenario, locale)["X"]
        shared = [line for line in english.splitlines() if line and line in post]
        assert post and shared == [], (scenario, post)


def test_supply_and_demand_stand_in_the_first_two_sentences() -> None:
    for scenario in SCENARIOS:
        first, second = re.split(r"(?<=[a-z\d)]\.)\s+", posts_of(scenario)["X"])[:2]
        assert "answers" in first and "On offer" in second and "71 LLMs" in second, scenario
