"""The canvas of pictures: a figure of 1200x675 pixels with its title, its foot, its axes and their text.

On a phone, 390 pixels wide, a picture is shown at a third of its size. No text is smaller than 34 pixels, which are 11
there; the title is 44 or a little less, lines are 5 wide, an axis has at most three ticks, everything is labelled where
it stands, and there is no small print. Colours are Okabe and Ito's, which colour-blind readers tell apart
(https://jfly.uni-koeln.de/color/). matplotlib is imported where it draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from bot.charts import chart_data, labels
from bot.charts.chart_data import Number, Points
from bot.charts.fonts import FAMILY, Weight, drawable_text, load_fonts, shorten_text, text_width, wrap_text
from bot.charts.labels import SHORTEST
from bot.i18n import is_rtl, translator_for
from bot.number_format import UNKNOWN, format_short_day

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT, DPI = 1200, 675, 100
MARGIN = 40
TITLE, LABEL = 44, 34
LINE = 5

FADED = "#7fb8da"
PAPER, INK, QUIET, SHELF, RULE = "#ffffff", "#1b1b1b", "#5a5a5a", "#e9e6df", "#c9c5bb"
LISTED, USED = "#d55e00", "#0072b2"

HEADING = 54
"""From the words above a drawing to the line of its heading."""
Align = Literal["left", "right"]

TITLE_LINES, LINE_HEIGHT, FOOT_HEIGHT = 3, 54, 42


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


def to_points(pixels: float) -> float:
    return pixels * 72 / DPI


def new_figure() -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    load_fonts()
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def draw_text(
    figure: Figure,
    x: float,
    row: float,
    text: str,
    size: float,
    colour: str = INK,
    weight: Weight = "normal",
    align: Align = "left",
) -> None:
    """Write at `x` pixels from the left, the baseline at pixel `row` from the top."""
    figure.text(
        x / WIDTH,
        1 - row / HEIGHT,
        drawable_text(text),
        fontsize=to_points(size),
        fontfamily=FAMILY,
        color=colour,
        weight=weight,
        ha=align,
        parse_math=False,
    )


def draw_rectangle(figure: Figure, left: float, top: float, width: float, height: float, colour: str) -> None:
    """A rectangle in pixels from the left and from the top."""
    from matplotlib.patches import Rectangle

    corner = (left / WIDTH, 1 - (top + height) / HEIGHT)
    figure.add_artist(Rectangle(corner, width / WIDTH, height / HEIGHT, facecolor=colour, edgecolor="none"))


def draw_dots(figure: Figure, x: Sequence[float], rows: Sequence[float], size: float, colour: str) -> None:
    """Dots of `size` pixels, `x` from the left and `rows` from the top: one marker, drawn many times."""
    from matplotlib.lines import Line2D

    across, up = [place / WIDTH for place in x], [1 - row / HEIGHT for row in rows]
    size = to_points(size)
    figure.add_artist(Line2D(across, up, ls="", marker="o", color=colour, markersize=size, markeredgewidth=0))


def draw_key(figure: Figure, left: float, row: float, colour: str, text: str, locale: str) -> float:
    """A dot and its meaning, begun `left` pixels from the edge where the language begins; where they end."""
    rtl = is_rtl(locale)
    dot, start = left + 12, left + 34
    text = shorten_text(text, LABEL, WIDTH - MARGIN - start)
    draw_dots(figure, [WIDTH - dot if rtl else dot], [row - 10], 22, colour)
    draw_text(figure, WIDTH - start if rtl else start, row, text, LABEL, align="right" if rtl else "left")
    return start + text_width(text, LABEL)


def draw_polyline(figure: Figure, x: Sequence[float], rows: Sequence[float], width: float, colour: str) -> None:
    """A line through points, `x` pixels from the left and `rows` from the top."""
    from matplotlib.lines import Line2D

    across, up = [place / WIDTH for place in x], [1 - row / HEIGHT for row in rows]
    figure.add_artist(Line2D(across, up, color=colour, linewidth=to_points(width), solid_joinstyle="round"))


def draw_heading(figure: Figure, left: float, width: float, row: float, text: str, locale: str) -> None:
    """A bold line at the end of the width where its language begins."""
    rtl = is_rtl(locale)
    text = f"\u200f{text}" if rtl else text
    draw_text(figure, left + width if rtl else left, row, text, LABEL, INK, "bold", "right" if rtl else "left")


def draw_words(figure: Figure, words: PictureWords) -> DrawingArea:
    """The title, the line below it and the foot; what they leave to the drawing."""
    size, lines = _fitting_title(words.title)
    for row, line in enumerate(lines):
        _draw_edge_text(figure, 62 + LINE_HEIGHT * row, line, size, words.locale, weight="bold")
    below = 62 + LINE_HEIGHT * (len(lines) - 1) + 48
    _draw_edge_text(figure, below, words.when, LABEL, words.locale, QUIET)
    foot = wrap_text(words.foot, LABEL, "normal", WIDTH - 2 * MARGIN, 2)
    for row, line in enumerate(reversed(foot)):
        _draw_edge_text(figure, HEIGHT - 22 - FOOT_HEIGHT * row, line, LABEL, words.locale, QUIET)
    return DrawingArea(below, HEIGHT - 26 - FOOT_HEIGHT * len(foot))


def _fitting_title(title: str) -> tuple[int, list[str]]:
    """The title's size and lines: as few lines as its sizes allow."""
    for most, size in ((1, TITLE), (1, 40), (2, TITLE), (2, 40), (TITLE_LINES, 40), (TITLE_LINES, 36)):
        lines = wrap_text(title, size, "bold", WIDTH - 2 * MARGIN, most)
        if not lines[-1:] or not lines[-1].endswith("…"):
            break
    return size, lines


def _draw_edge_text(
    figure: Figure, row: float, text: str, size: float, locale: str, colour: str = INK, weight: Weight = "normal"
) -> None:
    """A line that begins at the edge where its language begins."""
    rtl = is_rtl(locale)
    # A line that begins with a Latin name still runs from right to left.
    text = f"\u200f{text}" if rtl else text
    x = WIDTH - MARGIN if rtl else MARGIN
    draw_text(figure, x, row, text, size, colour, weight, "right" if rtl else "left")


def add_axes(figure: Figure, left: int, width: int, area: DrawingArea, heading: str, locale: str) -> Axes:
    """Axes under a heading, with room for dates or ticks below them."""
    if heading:
        # The heading of a chart without one beside it begins at the edge of the picture.
        across = WIDTH - MARGIN - left if width > WIDTH / 2 else width
        draw_heading(figure, left, across, area.top + HEADING, heading, locale)
    top, foot = area.top + (HEADING + 26 if heading else 40), area.foot - 48
    axes = figure.add_axes((left / WIDTH, 1 - foot / HEIGHT, width / WIDTH, (foot - top) / HEIGHT))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    axes.tick_params(length=0, labelsize=to_points(LABEL), labelfontfamily=FAMILY, labelcolor=QUIET, pad=8)
    return axes


def set_value_axis(axes: Axes, low: Number, high: Number, unit: str, locale: str = "en") -> None:
    """Three ticks at most up the side, with a rule across at each; the axes make room for their labels."""
    ticks = labels.axis_ticks(low, high)
    axes.set_ylim(low, high * 1.02 if high > low else 1)
    words = [labels.tick_label(tick, unit, locale) for tick in ticks]
    axes.set_yticks(ticks, words, parse_math=False)
    axes.grid(axis="y", color=RULE, linewidth=1.5)
    axes.set_axisbelow(True)
    room = (max(text_width(word, LABEL) for word in words) + 14) / WIDTH
    box = axes.get_position()
    axes.set_position((box.x0 + room, box.y0, box.width - room, box.height))


def set_date_axis(
    axes: Axes,
    calendar: Sequence[date],
    locale: str = "en",
    label: Callable[[date, str], str] = format_short_day,
    shortest: int = SHORTEST,
) -> None:
    """The first and the last day along the foot, each written inwards from its end; room for `shortest` at least."""
    axes.set_xlim(-0.5, max(len(calendar), shortest) - 0.5)
    axes.set_xticks([])
    last = len(calendar) - 1
    if calendar:
        annotate_point(axes, label(calendar[0], locale), (-0.5, 0), (0, -10), QUIET, "left", "top", foot=True)
    # A second date only where it does not run into the first.
    if last >= shortest - 2:
        annotate_point(axes, label(calendar[last], locale), (last + 0.5, 0), (0, -10), QUIET, "right", "top", foot=True)


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
        fontfamily=FAMILY,
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
    first_day, last_day = axes.get_xlim()
    column = axes.bbox.width / (last_day - first_day)
    for first, last in chart_data.unknown_gaps(points):
        axes.axvspan(first - 0.5, last + 0.5, facecolor=PAPER, edgecolor=RULE, hatch="//", linewidth=0, zorder=2)
        room = (last - first + 1) * column
        label = translator_for(locale).translate_text(UNKNOWN) if room > 40 else "?"
        middle = ((first + last) / 2, 0.5)
        turned = 40 < room < text_width(label, LABEL) + 20
        annotate_point(axes, label, middle, (0, 0), INK, "center", "center", foot=True, turned=turned, on_paper=True)


def label_point(
    axes: Axes,
    point: tuple[int, Number],
    text: str,
    where: Literal["right", "above"],
    colour: str = USED,
    *,
    near_end: bool = False,
) -> None:
    """A dot with its value, right of it or above it; near an end of the line, away from what stands there."""
    axes.plot(*point, "o", color=colour, markersize=11, zorder=4, clip_on=False)
    above = where == "above"
    across: Literal["left", "center", "right"] = "left" if not above else "right" if near_end else "center"
    if above and not near_end and point[0] < SHORTEST / 2:
        across = "left"
    # Off the axis where the point lies on it.
    up: Literal["bottom", "center"] = "bottom" if above or point[1] < axes.get_ylim()[1] / 10 else "center"
    annotate_point(axes, text, point, (0, 14) if above else (18, 0), colour, across, up, bold=True)
