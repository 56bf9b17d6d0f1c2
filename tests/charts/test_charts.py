"""Charts of digests of Replicate's record (`tests/render/recorded`), and of copies with unknown or huge figures, which
the charts show as such."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import matplotlib
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.lines import Line2D
from PIL import Image

from bot import charts, platform_limits
from bot.charts import canvas, chart_data, fonts, png
from bot.charts.picture_kind import picture_kind
from bot.i18n import LANGUAGES
from bot.i18n.translator import FIRST_STRONG, POP, po_path
from bot.pipeline.digest_pictures import draw_picture
from tests.render.documents import FINDINGS, STEMS, changed, recorded

SVG = "{http://www.w3.org/2000/svg}"


def blotted(document: dict[str, Any]) -> None:
    """Make every figure unknown."""
    catalogue = document["catalogues"][0]
    for figure in catalogue["figures"].values():
        figure.update(value=None, unknown="no reading")
    for point in catalogue["history"]:
        point.update(uses=None, models_used=None, models_listed=None, models_added=None)
    catalogue.update(curve=[], top=[])


def blown_up(document: dict[str, Any]) -> None:
    """Make every count a trillion times larger."""
    catalogue = document["catalogues"][0]
    for key in ("models_listed", "models_used", "uses"):
        catalogue["figures"][key]["value"] *= 10**9
    for point in catalogue["history"]:
        for key in ("models_listed", "models_used"):
            point[key] = point[key] and point[key] * 10**9
    catalogue["curve"] = [[10**n, (n + 1) / 13] for n in range(13)]


def one_day(document: dict[str, Any]) -> None:
    catalogue = document["catalogues"][0]
    catalogue["history"] = catalogue["history"][-1:]


def foreign_title(document: dict[str, Any]) -> None:
    document["title"] = r"A network that $costs$ 10$ and writes \frac{1}{2 and has no end to its name at all"


def story(form: str, key: str, series: Any = None, ranks: Any = None, **values: Any) -> dict[str, Any]:
    """A digest that a finding of this kind leads."""

    def lead(document: dict[str, Any]) -> None:
        made = [{"key": key, "text": "", "score": 1.0, "values": FINDINGS[key][0] | values}]
        ladder = {"key": "use_ladder", "text": "", "score": 0.1, "values": FINDINGS["use_ladder"][0]}
        document["catalogues"][0]["findings"] = [*made, ladder]
        document["lead"] = {"form": form, "finding": 0, "series": series or [], "ranks": ranks or []}

    return changed("day-2025-01-12", lead)


FLUX = "black-forest-labs/flux-schnell"
SERIES = [
    {"day": f"2025-01-{day:02}", "uses": uses}
    for day, uses in enumerate([458, 287, None, 744772, 2429713, 1_200_000, 170], 6)
]


RANKS = [
    {"top": place, "ranks": [*ranks, place + 1]}
    for place, ranks in enumerate(
        [[1, 1, None, 2, 1, 1], [2, 3, None, 1, 2, 2], [None, None, None, None, 24, 21], [3, 2, None, 3, 3, 3]]
    )
]


def weekly(document: dict[str, Any]) -> None:
    """Give a week the weeks before it, one of them unknown."""
    weeks = [("2024-12-16", None, 3627), ("2024-12-23", 1588, 3674), ("2024-12-30", 1597, 3718)]
    document["periods"] = [
        {"day": day, "models_used": used, "models_listed": listed}
        for day, used, listed in [*weeks, ("2025-01-06", 1699, 3783)]
    ]


STORIES = {
    "line": story("mover", "model_move", SERIES),
    "dots": story("breadth", "breadth_change"),
    "ladder": story("ladder", "use_ladder"),
    "ranks": story("top", "top_ten_entry", ranks=RANKS, model=FLUX, rank=3, rank_before=21),
    "top": story("top", "top_ten_entry", model=FLUX),
    "periods": changed("week-2025-01-06", weekly),
    "overview": changed("day-2025-01-12", blotted),
}


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are drawn in a test, in order."""
    drawn: list[Any] = []
    png.card_png.cache_clear()
    monkeypatch.setattr("bot.charts.png.png_bytes", lambda figure: drawn.append(figure) or b"")
    yield drawn
    png.card_png.cache_clear()


@pytest.fixture
def lines_drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures of lines that are drawn in a test."""
    drawn: list[Any] = []
    monkeypatch.setattr("bot.charts.answer_charts.png_bytes", lambda figure: drawn.append(figure) or b"")
    return drawn


DOCUMENTS = [recorded(stem) for stem in STEMS] + [
    changed("day-2025-01-12", change) for change in (blotted, blown_up, one_day, foreign_title)
]


NUMBER = r"\d[\d,]{3,}|\d+\.\d%"
NAMED = [*STEMS, "blotted", "blown up", "one day", "foreign title"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMED)
def test_a_card_is_a_png_of_exactly_1200_by_675_with_an_alt_text(document: dict[str, Any]) -> None:
    card = charts.draw_card(document)
    with Image.open(io.BytesIO(card.content)) as picture:
        assert (picture.format, picture.size) == ("PNG", (1200, 675))
    assert 100 < len(card.alt) <= platform_limits.ALT_TEXT
    assert card.alt.startswith(document["title"][:20])
    assert "Source: " in card.alt


def texts(figure: Any) -> list[Any]:
    found = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text() and text.get_visible()]
    return [text for text in found if text.get_window_extent().width > 0]


PHONE, LEAST_TEXT = 390, 11
"""The width of a phone, and the smallest text there, in its pixels."""


def assert_readable(figure: Any) -> None:
    figure.draw_without_rendering()
    for text in texts(figure):
        box = text.get_window_extent()
        assert text.get_fontsize() * 100 / 72 * PHONE / 1200 >= LEAST_TEXT, text.get_text()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 1200 and box.y1 <= 675, (text.get_text(), box)
    for axes in figure.axes:
        assert len(axes.get_xticks()) <= 3 and len(axes.get_yticks()) <= 3


def assert_apart(labels: list[Any]) -> None:
    """No label covers another."""
    boxes = [label.get_window_extent() for label in labels]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :]), labels[place].get_text()


@pytest.mark.parametrize("document", DOCUMENTS[:-1], ids=[*STEMS, "blotted", "blown up", "one day"])
def test_all_words_of_a_card_are_inside_it_and_large_enough_for_a_phone(
    document: dict[str, Any], figures: list[Any]
) -> None:
    draw_picture(document)
    assert_readable(figures[0])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", STORIES)
def test_every_kind_of_picture_is_readable_in_every_language(kind: str, language: str, figures: list[Any]) -> None:
    assert picture_kind(STORIES[kind]) == kind
    picture = draw_picture(STORIES[kind], language)
    assert_readable(figures[0])
    assert 100 < len(picture.alt) <= platform_limits.ALT_TEXT
    shown = " ".join(text.get_text().replace("\n", " ") for text in texts(figures[0]))
    assert "Footfall" in shown and "2025" in shown and "Replicate" in shown and "\u25a1" not in shown


def test_a_picture_shows_its_finding_its_source_and_the_day_of_the_reading(figures: list[Any]) -> None:
    alt = draw_picture(STORIES["dots"]).alt
    said = [text.get_text() for text in texts(figures[0])]
    assert " ".join(said[:2]).startswith("Use spread: 9.9% more models were used than a week before")
    assert "Replicate public models, 12 January 2025" in said
    assert "Footfall · Runs as reported by Replicate. Read on 2025-01-13." in said
    assert "929 used, brighter with more runs" in said and "2,854 not used" in said
    assert "Use spread: 9.9% more models" in alt and "929 used" in alt and "10,000 or more: 41." in alt


def test_every_model_has_one_dot_in_the_brightness_of_its_use(figures: list[Any]) -> None:
    draw_picture(STORIES["dots"])
    dots = [len(line.get_xdata()) for line in figures[0].findobj(Line2D)]
    assert sorted(dots) == sorted([41, 85, 385, 418, 0, 2854, 1, 1])  # two dots of the key


def test_a_lead_about_new_models_has_a_dot_for_each_of_them(figures: list[Any]) -> None:
    alt = draw_picture(story("new", "new_models_used", added=80, used=52)).alt
    assert sorted(len(line.get_xdata()) for line in figures[0].findobj(Line2D)) == [0, 0, 0, 0, 1, 1, 28, 52]
    assert "One dot for each new model. 52 used. 28 not used." in alt and "10,000 or more" not in alt


def test_an_unknown_concentration_has_no_empty_chart(figures: list[Any]) -> None:
    alt = draw_picture(changed("day-2025-01-12", blotted)).alt
    assert len(figures[0].axes) == 1 and "Share of runs" not in " ".join(text.get_text() for text in texts(figures[0]))
    assert "Right:" not in alt and "Models used each day as bars" in alt


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_labels_of_the_overview_do_not_cover_one_another(language: str, figures: list[Any]) -> None:
    draw_picture(recorded("day-2025-01-12") | {"lead": {"form": "unknown", "finding": None}}, language)
    assert_readable(figures[0])
    for axes in figures[0].axes:
        assert_apart([label for label in axes.get_xticklabels() + axes.get_yticklabels() if label.get_text()])


def test_the_axis_of_concentration_is_logarithmic_says_so_and_labels_its_end(figures: list[Any]) -> None:
    document = recorded("day-2025-01-12") | {"lead": {"form": "unknown", "finding": None}}
    last = document["catalogues"][0]["curve"][-1][0]
    png.draw_card(document)
    axes = figures[0].axes[1]
    assert axes.get_xscale() == "log" and [round(tick) for tick in axes.get_xticks()] == [1, last]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["top 1", f"all {last:,}"]
    assert_apart(axes.get_xticklabels() + axes.get_yticklabels())
    assert "log scale" in [text.get_text() for text in texts(figures[0])]
    svg = charts.concentration_svg(document["catalogues"][0])
    assert f">all {last:,}</text>" in svg and ">log scale</text>" in svg


def test_the_ranks_of_a_week_follow_a_change_among_the_most_used(figures: list[Any]) -> None:
    alt = draw_picture(STORIES["ranks"]).alt
    assert (
        f"Ranks by runs of each day, 6 to 12 January 2025. {FLUX}: below 25, below 25, unknown, below 25, 24, 21, 3."
        in alt
    )
    assert "meta/meta-llama-3-8b-instruct: 2." in alt
    said = [text.get_text() for text in texts(figures[0])]
    assert said.count("1") == 1 and FLUX in said and "6 Jan" in said and "12 Jan" in said
    # Four models, each broken by the unknown third day: eight lines, each with its dots.
    assert len([line for line in figures[0].findobj(Line2D) if line.get_linestyle() != "None"]) == 8


def test_a_model_that_left_the_ten_most_used_ends_below_them_with_its_exact_rank(figures: list[Any]) -> None:
    ranks = [*RANKS[:2], {"top": None, "ranks": [4, 4, None, 4, 4, 4, None]}]
    alt = draw_picture(story("top", "top_ten_exit", ranks=ranks, model=FLUX, rank=43, rank_before=4)).alt
    assert f"{FLUX}: 4, 4, unknown, 4, 4, 4, 43." in alt
    assert "43" in [text.get_text() for text in texts(figures[0])]


def test_an_unknown_day_breaks_the_line_of_a_model(figures: list[Any]) -> None:
    alt = draw_picture(STORIES["line"]).alt
    lines = [list(line.get_ydata()) for line in figures[0].axes[0].lines]
    assert lines[:2] == [[458, 287], [744772, 2429713, 1_200_000, 170]]
    assert "Unknown on 8 Jan." in alt and "2,429,713 runs on 10 January 2025" in alt


def test_the_peak_of_the_story_is_labelled_also_where_an_earlier_day_had_more(figures: list[Any]) -> None:
    series = [{"day": f"2025-01-{day:02}", "uses": uses} for day, uses in enumerate([9_000_000, 20, 5_000_000, 170], 9)]
    draw_picture(story("mover", "passing_surge", series, peak_day="2025-01-11"))
    shown = [text.get_text() for text in texts(figures[0])]
    assert "5 million" in shown and "170" in shown and "9 million" not in shown


def test_a_monthly_picture_names_months(figures: list[Any]) -> None:
    def monthly(document: dict[str, Any]) -> None:
        document.update(period="month", day="2024-12-01")
        document["periods"] = [
            {"day": f"2024-{month}-01", "models_used": used, "models_listed": 3000}
            for month, used in (("10", 2100), ("11", None), ("12", 2300))
        ]

    alt = draw_picture(changed("week-2025-01-06", monthly)).alt
    shown = [text.get_text() for text in texts(figures[0])]
    assert "October 2024" in shown and "December 2024" in shown
    assert "Used: October 2024: 2,100, December 2024: 2,300; November 2024: unknown." in alt


def test_a_weekly_picture_draws_weeks(figures: list[Any]) -> None:
    alt = draw_picture(STORIES["periods"]).alt
    assert [round(bar.get_height()) for bar in figures[0].axes[0].patches if abs(bar.get_width() - 0.78) < 1e-6] == [
        1588,
        1597,
        1699,
    ]
    assert "1,699 on 6 Jan" in alt and "unknown on 16 Dec" in alt


def test_a_hidden_name_is_not_in_a_picture_or_its_alt_text(figures: list[Any]) -> None:
    for kind in ("top", "ranks"):
        assert FLUX in draw_picture(STORIES[kind]).alt
        alt = draw_picture(STORIES[kind], "en", (FLUX,)).alt
        assert FLUX not in alt and not any(FLUX in text.get_text() for text in texts(figures[-1]))


def test_a_mover_without_known_days_has_dots(figures: list[Any]) -> None:
    assert picture_kind(story("mover", "model_move", SERIES[:2])) != "line"


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fonts_draw_every_character_of_every_language(language: str) -> None:
    """Else a picture would show boxes. For Chinese: `python -m locales.picture_font`."""
    translated = (
        po_path(language).read_text(encoding="utf-8") if language != "en" else "Most used: 1.5 million, 24.4% (≥ 2) …"
    )
    assert fonts.drawable_text(translated) == translated


def test_a_character_that_no_font_has_is_shown_as_a_box() -> None:
    assert fonts.drawable_text("模型\u1208a") == "模型□a"


@pytest.mark.parametrize(
    "text",
    ["Runs by day: 1,234,567", "运行次数由 Replicate 报告。", "عمليات التشغيل حسب اليوم 12", "Mô hình được dùng"],
)
@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_a_text_is_measured_as_wide_as_it_is_drawn(text: str, weight: Any) -> None:
    figure = canvas.new_figure()
    canvas.draw_text(figure, 0, 100, text, 42, weight=weight)
    drawn = figure.texts[0].get_window_extent().width
    assert drawn - 3 <= fonts.text_width(text, 42, weight) <= drawn * 1.03 + 6


def test_chinese_breaks_between_characters_and_before_no_punctuation() -> None:
    text = "在 Replicate 上，共有 3,783 个模型，其中 929 个被使用；其余没有使用。"
    for width in range(150, 900, 10):
        lines = fonts.wrap_text(text, 42, "bold", width, 20)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(fonts.text_width(line, 42, "bold") <= width for line in lines)
        assert not any(line[0] in "，。；" for line in lines)


def test_a_text_that_needs_too_many_lines_is_cut_with_a_sign() -> None:
    assert fonts.wrap_text("one two three", 42, "normal", 130, 9) == ["one", "two", "three"]
    lines = fonts.wrap_text("word " * 50 + "x" * 90, 42, "normal", 400, 2)
    assert len(lines) == 2 and lines[1].endswith("…") and fonts.text_width(lines[1], 42) <= 400
    assert fonts.wrap_text("", 42, "normal", 100, 2) == []


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


def line_chart(*lines: list[int | None], unit: str = "runs", locale: str = "en") -> charts.LineChart:
    """Lines by day from 1 January 2025."""
    named = tuple(
        charts.NamedLine(f"owner/model-{place}", [(date(2025, 1, day), value) for day, value in enumerate(line, 1)])
        for place, line in enumerate(lines, 1)
    )
    words = ("Title", "Replicate: Runs by day", "Runs as reported by Replicate. Read on 2025-01-13.", "Replicate")
    return charts.LineChart("model.png", *words, unit, named, locale)


LINES = ([5, 7, None, 0, 9, 12, 40], [7, 7, None, None, 9, 12, 41])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [1, 2])
def test_the_picture_of_an_answer_is_readable_in_every_language(
    count: int, language: str, lines_drawn: list[Any]
) -> None:
    picture = charts.draw_lines(line_chart(*LINES[:count], locale=language))
    assert_readable(lines_drawn[0])
    shown = " ".join(text.get_text() for text in texts(lines_drawn[0]))
    assert "Footfall" in shown and "2025-01-13" in shown and "\u25a1" not in shown and "Runs by day" in shown
    assert 50 < len(picture.alt) <= platform_limits.ALT_TEXT


def test_the_alt_text_of_a_line_names_its_ends_the_unknown_and_its_source() -> None:
    alt = charts.draw_lines(line_chart(LINES[0])).alt
    assert alt.startswith("Title. Replicate: Runs by day, 1 to 7 January 2025, one line.")
    assert "5 runs on 1 January 2025, 0 runs on 4 January 2025, 40 runs on 7 January 2025." in alt
    assert "Unknown on 3 Jan." in alt and alt.endswith("Source: Replicate.")


def test_two_lines_are_named_and_a_day_unknown_for_both_is_shaded(lines_drawn: list[Any]) -> None:
    alt = charts.draw_lines(line_chart(*LINES)).alt
    assert "owner/model-1: 5 runs on 1 January 2025" in alt and "owner/model-2: 7 runs on 1 January 2025" in alt
    shown = [text.get_text() for text in texts(lines_drawn[0])]
    # Their ends are too near to one another for both values: the higher one is written.
    assert {"owner/model-1", "owner/model-2", "41", "unknown"} <= set(shown) and "40" not in shown
    axes = lines_drawn[0].axes[0]
    assert [list(line.get_ydata()) for line in axes.lines[:4]] == [[5, 7], [0, 9, 12, 40], [7, 7], [9, 12, 41]]


def test_names_without_end_stay_inside_the_picture(lines_drawn: list[Any]) -> None:
    chart = line_chart(*LINES)
    named = tuple(charts.NamedLine(f"owner/{'x' * 120}", line.points) for line in chart.lines)
    charts.draw_lines(replace(chart, lines=named, title="y" * 400))
    assert_readable(lines_drawn[0])
    assert any(text.get_text().endswith("x…") for text in texts(lines_drawn[0]))


def test_fewer_than_three_known_days_are_no_line() -> None:
    known = [(date(2025, 1, day), value) for day, value in enumerate([1, None, 2, None], 1)]
    assert not charts.is_drawable(known) and charts.is_drawable([*known, (date(2025, 1, 5), 0)])


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
