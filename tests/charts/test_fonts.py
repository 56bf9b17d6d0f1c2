"""The fonts of pictures: what they draw, how wide a text is and where it breaks."""

from __future__ import annotations

from typing import Any

import pytest

from bot.charts import canvas, fonts
from bot.i18n import LANGUAGES
from bot.i18n.translator import po_path


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
