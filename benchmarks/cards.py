"""Each kind of picture against the same figure in bare matplotlib: the same words at their places, the same marks on
axes, nothing fitted, wrapped, measured or checked.

The words and their places are taken from our own figure before the clock starts. Processor time of both in turns, since
matplotlib uses one thread and others may use the machine.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from benchmarks import Row
from bot.charts import chart_data, picture_kind, png
from bot.charts.story_charts import BRIGHTNESS, NIGHT
from bot.pipeline import draw_picture
from bot.records import Document
from tests.charts.pictures import STORIES
from tests.render.documents import recorded

ROUNDS = 9
AREA = (0.1, 0.14, 0.85, 0.5)


def run() -> list[Row]:
    curve = recorded("day-2025-01-12") | {"lead": {"form": "unknown", "finding": None}}
    return [_row(kind, document) for kind, document in {**STORIES, "overview with the curve": curve}.items()]


def _row(kind: str, document: Document) -> Row:
    words = drawn_words(document)

    def ours() -> None:
        png.card_png.cache_clear()
        draw_picture(document)

    def bare() -> None:
        bare_picture(document, words)

    for work in (ours, bare):
        work()
    times = [(_processor_seconds(ours), _processor_seconds(bare)) for _ in range(ROUNDS)]
    took, least = (median(column) for column in zip(*times, strict=True))
    return Row(
        f"a picture: {kind}",
        f"{took * 1000:.0f} ms",
        f"the same figure in bare matplotlib, {least * 1000:.0f} ms",
        took / least,
        "at most 1x",
        took <= least,
    )


def _processor_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def drawn_words(document: Document) -> list[dict[str, Any]]:
    """Every text of our figure that is not a tick's, with its place."""
    figures: list[Figure] = []
    kept, png.png_bytes = png.png_bytes, lambda figure: figures.append(figure) or b""  # type: ignore[func-returns-value]
    try:
        png.card_png.cache_clear()
        draw_picture(document)
    finally:
        png.png_bytes = kept
    figure = figures[0]
    figure.draw_without_rendering()
    ticks = {label for axes in figure.axes for label in (*axes.get_xticklabels(), *axes.get_yticklabels())}
    return [
        {
            "x": text.get_window_extent().x0 / figure.bbox.width,
            "y": text.get_window_extent().y0 / figure.bbox.height,
            "s": text.get_text(),
            "fontsize": text.get_fontsize(),
            "weight": text.get_weight(),
            "color": text.get_color(),
            "rotation": text.get_rotation(),
        }
        for text in figure.findobj(Text)
        if text.get_text() and text not in ticks
    ]


def bare_picture(document: Document, words: list[dict[str, Any]]) -> bytes:
    """The figure as one would write it for this document alone."""
    sheet = Figure(figsize=(12, 6.75), dpi=100)
    FigureCanvasAgg(sheet)
    for word in words:
        sheet.text(**word, va="bottom")
    _DRAWINGS[picture_kind.picture_kind(document)](sheet, document)
    held = io.BytesIO()
    sheet.savefig(held, format="png", dpi=100)
    return held.getvalue()


def _line(sheet: Figure, document: Document) -> None:
    axes = sheet.add_axes(AREA)
    points = picture_kind.line_points(document)
    axes.plot([float("nan") if value is None else value for _, value in points], linewidth=5)
    axes.set_xticks([])
    axes.tick_params(labelsize=24)
    axes.grid(axis="y")


def _dots(sheet: Figure, document: Document) -> None:
    axes = sheet.add_axes(AREA, facecolor=NIGHT)
    axes.set(xticks=[], yticks=[])
    first = 0
    for step, count in picture_kind.dot_counts(document).items():
        places = range(first, first + count)
        axes.plot([n // 40 for n in places], [n % 40 for n in places], "o", color=BRIGHTNESS[step], markersize=5)
        first += count


def _bars(sheet: Figure, values: list[int]) -> None:
    axes = sheet.add_axes(AREA)
    axes.barh(range(len(values)), values)
    axes.set(xticks=[], yticks=[])


def _ladder(sheet: Figure, document: Document) -> None:
    _bars(sheet, list(picture_kind.ladder_counts(document).values()))


def _top(sheet: Figure, document: Document) -> None:
    _bars(sheet, [row["uses"] for row in document["catalogues"][0]["top"][: picture_kind.MOST_BARS]])


def _ranks(sheet: Figure, document: Document) -> None:
    axes = sheet.add_axes(AREA)
    for line in picture_kind.rank_lines(document):
        axes.plot([float("nan") if rank is None else rank for _, rank in line.points], "o-", linewidth=5)
    axes.set(xticks=[], yticks=[])


def _usage(sheet: Figure, days: Any, area: tuple[float, float, float, float] = AREA) -> None:
    axes = sheet.add_axes(area)
    axes.bar(range(len(days)), [day.used or 0 for day in days])
    axes.plot([day.listed or 0 for day in days], linewidth=5)
    axes.set_xticks([])
    axes.tick_params(labelsize=24)
    axes.grid(axis="y")


def _periods(sheet: Figure, document: Document) -> None:
    _usage(sheet, picture_kind.period_points(document))


def _overview(sheet: Figure, document: Document) -> None:
    block = document["catalogues"][0]
    curve = chart_data.usage_curve(block)
    _usage(sheet, chart_data.history_days(block), (0.1, 0.14, 0.38, 0.4) if curve else AREA)
    if curve:
        axes = sheet.add_axes((0.6, 0.14, 0.37, 0.4))
        axes.plot(*zip(*curve, strict=True), linewidth=5)
        axes.set_xscale("log")
        axes.tick_params(labelsize=24)
        axes.grid(axis="y")


_DRAWINGS: dict[str, Callable[[Figure, Document], None]] = {
    "line": _line,
    "dots": _dots,
    "ladder": _ladder,
    "top": _top,
    "ranks": _ranks,
    "periods": _periods,
    "overview": _overview,
}


if __name__ == "__main__":
    print(*run(), sep="\n")
