"""Charts of digests of Replicate's record (`tests/render/recorded`), and of copies with unknown or huge figures, which
the charts show as such."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from bot import charts, platform_limits
from bot.charts import chart_data
from bot.i18n import LANGUAGES
from bot.i18n.translator import FIRST_STRONG, POP
from bot.pipeline.digest_pictures import draw_picture
from tests.charts.pictures import (
    DOCUMENTS,
    NAMED,
    STORIES,
    assert_readable,
    blotted,
    texts,
)
from tests.render.documents import STEMS, changed, recorded

SVG = "{http://www.w3.org/2000/svg}"


NUMBER = r"\d[\d,]{3,}|\d+\.\d%"


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMED)
def test_a_card_is_a_png_of_exactly_1200_by_675_with_an_alt_text(document: dict[str, Any]) -> None:
    card = charts.draw_card(document)
    with Image.open(io.BytesIO(card.content)) as picture:
        assert (picture.format, picture.size) == ("PNG", (1200, 675))
    assert 100 < len(card.alt) <= platform_limits.ALT_TEXT
    assert card.alt.startswith(document["title"][:20])
    assert "Source: " in card.alt


@pytest.mark.parametrize("document", DOCUMENTS[:-1], ids=[*STEMS, "blotted", "blown up", "one day"])
def test_all_words_of_a_card_are_inside_it_and_large_enough_for_a_phone(
    document: dict[str, Any], figures: list[Any]
) -> None:
    draw_picture(document)
    assert_readable(figures[0])


def test_the_alt_text_of_a_list_named_after_what_it_lists_says_it_once() -> None:
    def rename(document: dict[str, Any]) -> None:
        document["title"], document["catalogues"][0]["title"] = "Acme Images", "images"

    assert charts.alt_text.describe_place(changed("day-2025-01-12", rename)) == "Acme Images, 12 January 2025."


def test_the_alt_text_says_unknown_where_the_digest_does() -> None:
    alt = draw_picture(changed("day-2025-01-12", blotted)).alt
    assert "Models listed: unknown." in alt
    assert "Used: unknown on every day shown." in alt
    assert not re.search(r"\b0\b", alt.partition("Source:")[0])


def test_the_alt_text_holds_no_number_that_is_not_in_the_digest() -> None:
    document = recorded("day-2025-01-12")
    catalogue = document["catalogues"][0]
    counts = {point[key] for point in catalogue["history"] for key in ("models_used", "models_listed")}
    counts |= {figure["value"] for figure in catalogue["figures"].values()}
    alt = charts.alt_text.describe_overview(document).partition("Source:")[0]
    said = {
        int(number.replace(",", ""))
        for number in re.findall(r"(?<![\d.])\d{1,3}(?:,\d{3})+|(?<![\d.,])\d{3}(?![\d.,%])", alt)
    }
    assert said - {100} <= counts and 8692748 in said


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMED)
def test_alt_texts_speak_every_language_within_the_limit(document: dict[str, Any], language: str) -> None:
    said, english = charts.describe_picture(document, language), charts.describe_picture(document)
    block = document["catalogues"][0]
    points = [(date.fromisoformat(point["day"]), point["uses"]) for point in block["history"]]
    line = charts.alt_text.describe_trend(points, document["title"], "runs", document["title"], language)
    assert 100 < len(said) <= platform_limits.ALT_TEXT and 0 < len(line) <= platform_limits.ALT_TEXT
    assert said.count(FIRST_STRONG) == said.count(POP)
    sentences = re.split(r"(?<=[.。]) ", english)
    assert not [one for one in sentences if re.search("[a-z]{4}", one) and one in said]
    if language in ("ar", "zh-CN"):
        ours = (said + line).replace(document["refs"][0]["url"], "").replace(document["title"], "")
        assert not re.search("[A-Za-z]{2}", ours), ours


def test_alt_texts_say_the_same_numbers_in_every_language() -> None:
    document = recorded("day-2025-01-12")
    english = charts.alt_text.describe_overview(document)
    for language in ("ar", "zh-CN"):  # both group digits as English does; the others by points
        said = charts.alt_text.describe_overview(document, language)
        assert set(re.findall(NUMBER, said)) == set(re.findall(NUMBER, english))


def test_a_picture_is_drawn_once_for_each_language(figures: list[Any]) -> None:
    cards = [draw_picture(STORIES["ladder"], language) for language in ("ar", "en", "zh-CN", "ar")]
    assert len(figures) == 3 and len({card.alt for card in cards}) == 3 and cards[0].alt == cards[3].alt
    assert "929 of 3,783 models used." in cards[1].alt and "3,783 个模型中 929 个被使用" in cards[2].alt
    assert any("被使用" in text.get_text() for text in texts(figures[2]))


def test_a_day_that_is_missing_or_null_breaks_the_line() -> None:
    start = date(2025, 1, 1)
    points = [(start, 5), (start + timedelta(1), None), (start + timedelta(3), 7), (start + timedelta(4), 8)]
    filled = chart_data.fill_missing_days(points)
    assert [known for _, known in filled] == [5, None, None, 7, 8]
    assert chart_data.known_runs(filled) == [[(0, 5)], [(3, 7), (4, 8)]]
    assert chart_data.unknown_gaps(filled) == [(1, 2)]


@given(st.lists(st.one_of(st.none(), st.integers(-(10**12), 10**15)), max_size=40))
def test_every_known_point_is_in_one_run_and_every_unknown_one_in_one_gap(values: list[int | None]) -> None:
    points = [(date(2025, 1, 1) + timedelta(n), value) for n, value in enumerate(values)]
    known = [index for run in chart_data.known_runs(points) for index, _ in run]
    unknown = [index for first, last in chart_data.unknown_gaps(points) for index in range(first, last + 1)]
    assert sorted(known + unknown) == list(range(len(values)))
    assert all(values[index] is None for index in unknown)


@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
@example(5e-324, -5e-324)
@example(999.9999999999999, 0.1 + 0.2)
def test_an_axis_holds_zero_and_everything_known(one: float, other: float) -> None:
    low, high = chart_data.axis_range([(date(2025, 1, 1), one), (date(2025, 1, 2), other)])
    assert low <= min(one, other, 0) and high >= max(one, other, 0)


def svgs(document: dict[str, Any]) -> list[str]:
    catalogue = document["catalogues"][0]
    points = [(date.fromisoformat(point["day"]), point["uses"]) for point in catalogue["history"]]
    return [
        charts.usage_svg(catalogue),
        charts.concentration_svg(catalogue),
        charts.trend_svg(points, "<Runs>", "runs"),
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=[*STEMS, "blotted", "blown up", "one day", "foreign title"])
def test_an_svg_can_stand_in_a_page(document: dict[str, Any]) -> None:
    ids = []
    for svg in svgs(document):
        root = ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
        assert root.get("role") == "img"
        assert root.find(f"{SVG}title") is not None and root.find(f"{SVG}desc").text
        ids += [element.get("id") for element in root.iter() if element.get("id")]
        assert set(root.get("aria-labelledby", "").split()) <= set(ids)
        assert "http" not in svg and "style=" not in svg and "#" not in svg and "<?xml" not in svg
        for text in root.iter(f"{SVG}text"):
            assert 0 <= float(text.get("x", "-1")) <= 440 and 0 <= float(text.get("y", "-1")) <= 250
    assert len(ids) == len(set(ids))


def test_an_unknown_day_has_no_bar_in_the_svg() -> None:
    known = charts.usage_svg(recorded("day-2025-01-12")["catalogues"][0])
    gap = charts.usage_svg(recorded("day-2025-01-15")["catalogues"][0])
    assert known.count('class="gap"') == 0 and gap.count('class="gap"') == 1
    days = chart_data.history_days(recorded("day-2025-01-15")["catalogues"][0])
    assert gap.count('<rect class="used"') == sum(day.used is not None for day in days) < len(days)
    assert "unknown" in gap
