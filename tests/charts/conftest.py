"""The figures that are drawn in a test."""

from __future__ import annotations

from typing import Any

import pytest

from bot.charts import png


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
