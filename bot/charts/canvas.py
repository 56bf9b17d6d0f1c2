"""The canvas of pictures: a figure of 1200x675 pixels with its title, its foot, its axes and their text.

At 390 points wide a picture is shown at a third of its size, so no text is smaller than 28 pixels, the title is 42,
lines are 5 wide, an axis has at most three ticks, everything is labelled where it stands, and there is no small print.
Colours are Okabe and Ito's, which colour-blind readers tell apart (https://jfly.uni-koeln.de/color/). matplotlib is
imported where it draws.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from bot.charts import chart_data, labels
from bot.charts.chart_data import Number, Points
from bot.charts.labels import SHORTEST
from bot.i18n import is_rtl, translator_for
from bot.number_format import UNKNOWN, format_short_day

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

WIDTH, HEIGHT, DPI = 1200, 675, 100
MARGIN = 40
TITLE, LABEL = 42, 28
LINE = 5

FADED = "#7fb8da"
PAPER, INK, QUIET, SHELF, RULE = "#ffffff", "#1b1b1b", "#5a5a5a", "#e9e6df", "#c9c5bb"
LISTED, USED = "#d55e00", "#0072b2"

TITLE_LINES, LINE_HEIGHT = 3, 52


@dataclass(frozen=True, slots=True)
class PictureWords:
    """The words around a drawing, in the language of the picture."""

    title: str
    when: str
    """The network and the day."""
    foot: str
    """The source and the day of the reading."""
    locale: str = "en"


@dataclass(frozen=True, slots=True)
class DrawingArea:
    """The pixel rows between the words of a picture."""

    top: int
    foot: int


# The font that matplotlib brings has no Chinese characters.
_NOT_IN_FONT = frozenset({"zh-CN"})


def picture_language(locale: str) -> str:
    """The language inside pictures for readers of a language: English where the font lacks its script."""
    return "en" if (language := translator_for(locale).language) in _NOT_IN_FONT else language


_KEPT = frozenset("\n\u2066\u2067\u2068\u2069\u200e\u200f")


@lru_cache(maxsize=1)
def _font_characters() -> frozenset[int]:
    """The characters of the font in both weights."""
    from matplotlib import font_manager

    fonts = [
        font_manager.get_font(font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight=weight)))
        for weight in ("normal", "bold")
    ]
    return frozenset.intersection(*(frozenset(font.get_charmap()) for font in fonts))


def drawable_text(text: str) -> str:
    """A text with a box for every character that the font lacks; a foreign name may hold any."""
    known = _font_characters()
    return "".join(c if ord(c) in known or c in _KEPT else "\u25a1" for c in text)


def to_points(pixels: float) -> float:
    return pixels * 72 / DPI


def new_figure() -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def draw_text(
    figure: Figure, x: float, row: float, text: str, size: float, colour: str = INK, weight: str = "normal"
) -> Text:
    """Write at `x` pixels from the left, the baseline at pixel `row` from the top."""
    return figure.text(
        x / WIDTH,
        1 - row / HEIGHT,
        drawable_text(text),
        fontsize=to_points(size),
        color=colour,
        weight=weight,
        parse_math=False,
    )


def draw_words(figure: Figure, words: PictureWords) -> DrawingArea:
    """The title, the line below it and the foot; what they leave to the drawing."""
    size, lines = _fitting_title(figure, words.title)
    for row, line in enumerate(lines):
        _draw_edge_text(figure, 62 + LINE_HEIGHT * row, line, size, words.locale, weight="bold")
    below = 62 + LINE_HEIGHT * (len(lines) - 1) + 44
    _draw_edge_text(figure, below, words.when, LABEL, words.locale, QUIET)
    foot = _wrapped(figure, words.foot, LABEL, "normal", 2)
    for row, line in enumerate(reversed(foot)):
        _draw_edge_text(figure, HEIGHT - 22 - 36 * row, line, LABEL, words.locale, QUIET)
    return DrawingArea(below, HEIGHT - 30 - 36 * len(foot))


def _fitting_title(figure: Figure, title: str) -> tuple[int, list[str]]:
    """The title's size and lines: smaller only where its lines would not hold it."""
    for size in (TITLE, 36, 32):
        lines = _wrapped(figure, title, size, "bold", TITLE_LINES)
        if not lines[-1:] or not lines[-1].endswith("…"):
            break
    return size, lines


def _wrapped(figure: Figure, text: str, size: int, weight: str, most: int) -> list[str]:
    """A text in as few lines as its width in pixels allows; cut with a sign if it needs more than `most`."""
    # From the most characters of this weight that a line could hold.
    for characters in range(int((1900 if weight == "bold" else 2350) / size), 10, -3):
        lines = textwrap.wrap(text, characters, max_lines=most, placeholder="…", break_on_hyphens=False)
        widest = max(lines, key=len, default="")
        drawn = draw_text(figure, MARGIN, 0, widest, size, weight=weight)
        width = drawn.get_window_extent().width
        drawn.remove()
        if width <= WIDTH - 2 * MARGIN:
            break
    return lines


def _draw_edge_text(
    figure: Figure, row: float, text: str, size: float, locale: str, colour: str = INK, weight: str = "normal"
) -> None:
    """A line that begins at the edge where its language begins."""
    rtl = is_rtl(locale)
    # A line that begins with a Latin name still runs from right to left.
    text = f"\u200f{text}" if rtl else text
    drawn = draw_text(figure, WIDTH - MARGIN if rtl else MARGIN, row, text, size, colour, weight)
    drawn.set_horizontalalignment("right" if rtl else "left")


def add_axes(figure: Figure, left: int, width: int, area: DrawingArea, heading: str, *, dates: bool = True) -> Axes:
    """Axes under a heading, with room for `dates` or ticks below them."""
    if heading:
        draw_text(figure, left, area.top + 50, heading, LABEL, INK, "bold")
    top, foot = area.top + (74 if heading else 30), area.foot - (44 if dates else 0)
    axes = figure.add_axes((left / WIDTH, 1 - foot / HEIGHT, width / WIDTH, (foot - top) / HEIGHT))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    axes.tick_params(length=0, labelsize=to_points(LABEL), labelcolor=QUIET, pad=8)
    return axes


def set_value_axis(axes: Axes, low: Number, high: Number, unit: str, locale: str = "en") -> None:
    """Three ticks at most up the side, with a rule across at each; the axes make room for their labels."""
    ticks = labels.axis_ticks(low, high)
    axes.set_ylim(low, high * 1.02 if high > low else 1)
    axes.set_yticks(ticks, [labels.tick_label(tick, unit, locale) for tick in ticks], parse_math=False)
    axes.grid(axis="y", color=RULE, linewidth=1.5)
    axes.set_axisbelow(True)
    room = (max(label.get_window_extent().width for label in axes.get_yticklabels()) + 14) / WIDTH
    box = axes.get_position()
    axes.set_position((box.x0 + room, box.y0, box.width - room, box.height))


def set_date_axis(axes: Axes, calendar: Sequence[date], locale: str = "en") -> None:
    """The first and the last day along the foot, each written inwards from its end."""
    axes.set_xlim(-0.5, max(len(calendar), SHORTEST) - 0.5)
    axes.set_xticks([])
    last = len(calendar) - 1
    if calendar:
        annotate_point(
            axes, format_short_day(calendar[0], locale), (-0.5, 0), (0, -10), QUIET, "left", "top", foot=True
        )
    # A second date only where it does not run into the first.
    if last >= SHORTEST - 2:
        annotate_point(
            axes, format_short_day(calendar[last], locale), (last + 0.5, 0), (0, -10), QUIET, "right", "top", foot=True
        )


def annotate_point(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    shift: tuple[int, int],
    colour: str,
    across: Literal["left", "center", "right"],
    up: Literal["top", "center", "bottom"],
    *,
    foot: bool = False,
    bold: bool = False,
    turned: bool = False,
    on_paper: bool = False,
) -> None:
    """Words `shift` pixels from a point of the data; with `foot`, the point's height is a fraction of the axes."""
    axes.annotate(
        drawable_text(text),
        at,
        shift,
        xycoords=("data", "axes fraction") if foot else "data",
        textcoords="offset pixels",
        fontsize=to_points(LABEL),
        weight="bold" if bold else "normal",
        color=colour,
        ha=across,
        va=up,
        rotation=90 if turned else 0,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 2} if on_paper else None,
        zorder=5,
        parse_math=False,
    )


def draw_line(axes: Axes, points: Points, colour: str) -> None:
    """A line broken where a day is unknown; a day between two unknown ones is a dot."""
    for stretch in chart_data.known_runs(points):
        x, y = zip(*stretch, strict=True)
        dot = "o" if len(stretch) == 1 else ""
        axes.plot(
            x, y, color=colour, linewidth=to_points(LINE), solid_capstyle="round", marker=dot, markersize=9, zorder=3,
            clip_on=False,
        )  # fmt: skip


def draw_gaps(axes: Axes, points: Points, locale: str = "en") -> None:
    """Shade unknown days, with a word if there is room."""
    column = axes.bbox.width / max(len(points), SHORTEST)
    for first, last in chart_data.unknown_gaps(points):
        axes.axvspan(first - 0.5, last + 0.5, facecolor=PAPER, edgecolor=RULE, hatch="//", linewidth=0, zorder=2)
        room = (last - first + 1) * column
        label = translator_for(locale).translate_text(UNKNOWN) if room > 30 else "?"
        middle = ((first + last) / 2, 0.5)
        turned = 30 < room < 200
        annotate_point(axes, label, middle, (0, 0), INK, "center", "center", foot=True, turned=turned, on_paper=True)
