"""What the front page tells first: fresh and known days, and one line about what is not known."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from bot import findings, site_builder
from bot.render.digest_posts import finding_text
from tests import query_contexts


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two networks")
    with query_contexts.two_networks(folder) as desk:
        index = site_builder.write_site(desk, folder / "site", lambda _line: None, desk.clock())
    return index.parent


def words_of(page: Path) -> str:
    main = page.read_text().partition("<main")[2].partition("</main>")[0]
    without_charts = re.sub(r"<(title|desc)\b.*?</\1>|</?(?:bdi|a|wbr)\b[^>]*>", "", main, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", without_charts).split())


def test_the_freshest_known_day_leads_and_an_ended_record_says_so_below(site: Path) -> None:
    text = words_of(site / "index.html")
    fresh, ended = text.index("OpenGradient, 27 October 2026"), text.index("Replicate, 10 March 2025")
    assert fresh < ended
    assert text[ended:].startswith("Replicate, 10 March 2025 record ended 10 March 2025")
    assert "2,410 answers proven on OpenGradient on 27 October 2026" in text[fresh:ended]


def test_a_day_that_is_unknown_since_is_one_line_with_its_reason_and_no_news(site: Path) -> None:
    text = words_of(site / "index.html")
    line = "Since then, 28 October 2026: How many answers were proven on OpenGradient on 28 October 2026 is unknown: "
    assert text.count(line) == 1
    assert text.count("28 October 2026") == 2, "it is not among the earlier days as well"


def test_the_lead_of_the_posts_is_the_headline_of_the_page(site: Path) -> None:
    led = 0
    for path in sorted(site.glob("replicate/2025-*/digest.json")):
        document = json.loads(path.read_text())
        lead = findings.lead_of(document)
        if lead.finding is None or lead.form == "ladder":
            continue
        headline = re.search(r'<h2 class="lead" dir="auto">(.*?)</h2>', (path.parent / "index.html").read_text())
        assert headline is not None
        shown = html.unescape(re.sub(r"<[^>]+>", "", headline[1]))
        assert shown == finding_text(lead.finding, document["catalogues"][0])
        led += 1
    assert led


def test_a_network_of_which_nothing_is_known_has_one_line(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path, (query_contexts.DAYS[0], query_contexts.MISSING)) as desk:
        index = site_builder.write_site(desk, tmp_path / "site", lambda _line: None, query_contexts.NOW)
    assert "Not known Replicate, 7 March 2025: How many public models on Replicate were used" in words_of(index)
    assert "<article" not in index.read_text()


def test_only_a_network_whose_record_ended_says_so(site: Path) -> None:
    assert "The record ended on 10 March 2025" in words_of(site / "replicate" / "index.html")
    assert "The record ended" not in words_of(site / "opengradient" / "index.html")


def story_links(page: Path) -> list[str]:
    """The links to models in the headline and the sentences of a page, but not in its tables."""
    main = page.read_text().partition("<main")[2].partition('class="figures-strip"')[0]
    return re.findall(r'<a href="([^"]*/models/models/[^"]*)"><bdi>', main)


def test_models_in_a_story_are_linked_to_their_pages_where_they_have_one(site: Path) -> None:
    pages = sorted(site.glob("replicate/2025-*/index.html"))
    links = [(page, link) for page in pages for link in story_links(page)]
    assert links and all((page.parent / link).resolve().is_file() for page, link in links)


def test_models_in_the_story_of_the_front_page_are_linked_too(tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path) as desk:
        index = site_builder.write_site(desk, tmp_path / "site", lambda _line: None, query_contexts.NOW)
    links = story_links(index)
    assert links and all((index.parent / link).is_file() for link in links)


def test_a_feed_has_its_stories_without_links_of_a_page(site: Path) -> None:
    """A reader shows them elsewhere, where such a link leads nowhere."""
    assert "/models/models/" not in (site / "feed.xml").read_text()
    assert "/models/models/" not in (site / "feed.json").read_text()


def test_no_link_stands_inside_another(site: Path) -> None:
    for page in (site / "index.html", *site.glob("replicate/2025-*/index.html")):
        inside = re.findall(r"<a\b[^>]*>((?:(?!</a>).)*)", page.read_text(), flags=re.DOTALL)
        assert not any("<a " in text for text in inside), page
