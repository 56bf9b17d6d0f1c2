"""Pictures for posts: PNG of 1200x675 pixels, readable on a phone.

At 390 points wide such a picture is shown at a third of its size, so no text is smaller than 28 pixels, the title is
42, lines are 5 wide, an axis has at most three ticks, everything is labelled where it stands, and there is no small
print. Colours are Okabe and Ito's, which colour-blind readers tell apart (https://jfly.uni-koeln.de/color/).
matplotlib is imported where it draws.
"""

from __future__ import annotations

import io
import json
import textwrap
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from bot.charts import alt_text, chart_data, labels
from bot.charts.chart_data import DailyPoint, Json, Number, Points
from bot.charts.labels import SHORTEST
from bot.number_format import format_short_day
from bot.records import Document, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

WIDTH, HEIGHT, DPI = 1200, 675, 100
TITLE, NUMBER, LABEL = 42, 60, 28
LINE = 5
TITLE_CHARACTERS = 44

FADED = "#7fb8da"
PAPER, INK, QUIET, SHELF, RULE = "#ffffff", "#1b1b1b", "#5a5a5a", "#e9e6df", "#c9c5bb"
LISTED, USED = "#d55e00", "#0072b2"

HEADLINES = (
    ("models_listed", "listed", LISTED),
    ("models_used", "used", USED),
    ("models_for_half", "with half of all {unit}", INK),
    ("uses", "{unit}", INK),
)


def draw_card(document: Document, locale: str = "en") -> Picture:
    """The picture of one digest: headline figures, models used against models listed, and how concentrated use is. Its
    alt text is in the language of `locale`."""
    name = f"{document['network']}-{document['period']}-{document['day']}.png"
    return Picture(name, card_png(json.dumps(document)), alt_text.describe_card(document, locale))


@lru_cache(maxsize=8)
def card_png(text: str) -> bytes:
    """The card of a document given as JSON; drawn once for all outlets and languages."""
    document: Document = json.loads(text)
    catalogue = chart_data.leading_catalogue(document)
    figure = _new_figure()
    below = _draw_title(figure, f"{document['title']} {catalogue['title']}", chart_data.period_text(document))
    below = _draw_headlines(figure, catalogue, below)
    _draw_usage(
        _add_axes(figure, 40, 580, below, "Models by day"),
        chart_data.history_days(catalogue),
        chart_data.period_span(document),
    )
    _draw_concentration(_add_axes(figure, 680, 480, below, f"Share of {catalogue['unit']}, by top models"), catalogue)
    return _png_bytes(figure)


def draw_trend(points: Points, title: str, unit: str, source: str = "") -> Picture:
    """One metric over time as a line, broken where a day is unknown. `source` is named in the alt text."""
    points = chart_data.fill_missing_days(points)
    figure = _new_figure()
    below = _draw_title(figure, title, alt_text.describe_day_range(points))
    axes = _add_axes(figure, 40, 1110, below - 40, "")
    _set_date_axis(axes, [day for day, _ in points])
    _set_value_axis(axes, *chart_data.axis_range(points), unit)
    _draw_gaps(axes, points)
    _draw_line(axes, points, USED)
    return Picture("trend.png", _png_bytes(figure), alt_text.describe_trend(points, title, unit, source))


def _to_points(pixels: float) -> float:
    return pixels * 72 / DPI


def _new_figure() -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def _png_bytes(figure: Figure) -> bytes:
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=DPI, metadata={"Software": None})
    return held.getvalue()


def _draw_text(
    figure: Figure, x: float, row: float, text: str, size: float, colour: str = INK, weight: str = "normal"
) -> Text:
    """Write at `x` pixels from the left, the baseline at pixel `row` from the top."""
    return figure.text(
        x / WIDTH, 1 - row / HEIGHT, text, fontsize=_to_points(size), color=colour, weight=weight, parse_math=False
    )


def _draw_title(figure: Figure, title: str, when: str) -> int:
    """The title over one or two lines; its last pixel row."""
    one = f"{title}, {when}"
    lines = [one] if len(one) <= TITLE_CHARACTERS else [*textwrap.wrap(title, TITLE_CHARACTERS)[:1], when]
    for row, line in enumerate(lines):
        _draw_text(figure, 40, 68 + 52 * row, line, TITLE, weight="bold")
    return 68 + 52 * (len(lines) - 1)


def _draw_headlines(figure: Figure, catalogue: Json, below: int) -> int:
    """The headline figures side by side, as large as fits; the pixel row under them."""
    shown = [
        (_headline_text(catalogue, key), label.format(unit=catalogue["unit"]), colour)
        for key, label, colour in HEADLINES
        if key in catalogue["figures"]
    ]
    for size in (NUMBER, 50, 42, 34):
        drawn, right = _draw_headline_row(figure, shown, below, size)
        if right <= WIDTH - 40 or size == 34:
            break
        for text in drawn:
            text.remove()
    return below + 124


def _headline_text(catalogue: Json, key: str) -> str:
    """The large text of a figure, with a sign if it is a lower bound; empty if it is unknown."""
    known = chart_data.figure_value(catalogue, key)
    least = catalogue["figures"][key].get("at_least")
    return "" if known is None else f"{'≥ ' if least else ''}{labels.headline_label(known)}"


def _draw_headline_row(
    figure: Figure, shown: Sequence[tuple[str, str, str]], below: int, size: int
) -> tuple[list[Text], float]:
    """Numbers over their labels, from left to right: what was drawn, and where it ends in pixels."""
    drawn, x = [], 40.0
    for known, label, colour in shown:
        shade, large = (colour, size) if known else (QUIET, 40)
        drawn.append(_draw_text(figure, x, below + 84, known or "unknown", large, shade, "bold"))
        drawn.append(_draw_text(figure, x, below + 124, label, LABEL, QUIET))
        x += max(text.get_window_extent().width for text in drawn[-2:]) + 48
    return drawn, x - 48


def _add_axes(figure: Figure, left: int, width: int, below: int, heading: str) -> Axes:
    """Axes under a heading, down to the picture's foot."""
    if heading:
        _draw_text(figure, left, below + 62, heading, LABEL, INK, "bold")
    top, foot = below + 92, HEIGHT - 60
    axes = figure.add_axes((left / WIDTH, 1 - foot / HEIGHT, width / WIDTH, (foot - top) / HEIGHT))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    axes.tick_params(length=0, labelsize=_to_points(LABEL), labelcolor=QUIET, pad=8)
    return axes


def _set_value_axis(axes: Axes, low: Number, high: Number, unit: str) -> None:
    """Three ticks at most up the side, with a rule across at each; the axes make room for their labels."""
    ticks = labels.axis_ticks(low, high)
    axes.set_ylim(low, high * 1.02 if high > low else 1)
    axes.set_yticks(ticks, [labels.tick_label(tick, unit) for tick in ticks], parse_math=False)
    axes.grid(axis="y", color=RULE, linewidth=1.5)
    axes.set_axisbelow(True)
    room = (max(label.get_window_extent().width for label in axes.get_yticklabels()) + 14) / WIDTH
    box = axes.get_position()
    axes.set_position((box.x0 + room, box.y0, box.width - room, box.height))


def _set_date_axis(axes: Axes, calendar: Sequence[date]) -> None:
    """The first and the last day along the foot, each written inwards from its end."""
    axes.set_xlim(-0.5, max(len(calendar), SHORTEST) - 0.5)
    axes.set_xticks([])
    last = len(calendar) - 1
    if calendar:
        _annotate_point(axes, format_short_day(calendar[0]), (-0.5, 0), (0, -10), QUIET, "left", "top", foot=True)
    # A second date only where it does not run into the first.
    if last >= SHORTEST - 2:
        _annotate_point(
            axes, format_short_day(calendar[last]), (last + 0.5, 0), (0, -10), QUIET, "right", "top", foot=True
        )


def _annotate_point(
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
        text,
        at,
        shift,
        xycoords=("data", "axes fraction") if foot else "data",
        textcoords="offset pixels",
        fontsize=_to_points(LABEL),
        weight="bold" if bold else "normal",
        color=colour,
        ha=across,
        va=up,
        rotation=90 if turned else 0,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 2} if on_paper else None,
        zorder=5,
        parse_math=False,
    )


def _draw_line(axes: Axes, points: Points, colour: str) -> None:
    """A line broken where a day is unknown; a day between two unknown ones is a dot."""
    for stretch in chart_data.known_runs(points):
        x, y = zip(*stretch, strict=True)
        dot = "o" if len(stretch) == 1 else ""
        axes.plot(
            x, y, color=colour, linewidth=_to_points(LINE), solid_capstyle="round", marker=dot, markersize=9, zorder=3,
            clip_on=False,
        )  # fmt: skip


def _draw_gaps(axes: Axes, points: Points) -> None:
    """Shade unknown days, with a word if there is room."""
    column = axes.bbox.width / max(len(points), SHORTEST)
    for first, last in chart_data.unknown_gaps(points):
        axes.axvspan(first - 0.5, last + 0.5, facecolor=PAPER, edgecolor=RULE, hatch="//", linewidth=0, zorder=2)
        room = (last - first + 1) * column
        said = "unknown" if room > 30 else "?"
        middle = ((first + last) / 2, 0.5)
        turned = 30 < room < 200
        _annotate_point(axes, said, middle, (0, 0), INK, "center", "center", foot=True, turned=turned, on_paper=True)


def _draw_usage(axes: Axes, days: Sequence[DailyPoint], span: tuple[date, date]) -> None:
    """Supply and demand in one unit on one axis from zero: models listed as a line over a shelf, models used as bars,
    those of the digest's own days in full colour."""
    used: Points = [(day.day, day.used) for day in days]
    listed: Points = [(day.day, day.listed) for day in days]
    _set_date_axis(axes, [day.day for day in days])
    _set_value_axis(axes, 0, max(chart_data.axis_range(used)[1], chart_data.axis_range(listed)[1]), "models")
    for stretch in chart_data.known_runs(listed):
        x = [stretch[0][0] - 0.5, *(index for index, _ in stretch), stretch[-1][0] + 0.5]
        y = [stretch[0][1], *(known for _, known in stretch), stretch[-1][1]]
        axes.fill_between(x, y, color=SHELF, linewidth=0, zorder=1)
    _draw_gaps(axes, used)
    for index, (day, known) in enumerate(used):
        if known is not None:
            axes.bar(index, known, width=0.78, color=USED if span[0] <= day <= span[1] else FADED, zorder=3)
    _draw_line(axes, listed, LISTED)
    _draw_names(axes, days)


def _draw_names(axes: Axes, days: Sequence[DailyPoint]) -> None:
    """Name the line under its left end, and the bars over theirs, or inside where they reach up to the line."""
    place = chart_data.name_places(days, axes.get_ylim()[1])
    if place.listed:
        index, tall = place.listed
        _annotate_point(axes, "listed", (index - 0.4, tall), (0, -12), LISTED, "left", "top", bold=True)
    if place.used:
        index, tall = place.used
        colour, at = (PAPER, 0) if place.inside else (USED, tall)
        _annotate_point(axes, "used", (index - 0.4, at), (0, 12), colour, "left", "bottom", bold=True)


def _draw_concentration(axes: Axes, catalogue: Json) -> None:
    """The share of all use that the k most used models carry, k on a scale of tenfolds."""
    curve = chart_data.usage_curve(catalogue)
    _set_value_axis(axes, 0, 1, "share")
    if not curve:
        axes.set_xticks([])
        _annotate_point(axes, "unknown", (0.5, 0.5), (0, 0), INK, "center", "center", on_paper=True)
        return
    last = max(curve[-1][0], 10)
    axes.set_xscale("log")
    axes.set_xlim(0.9, last * 1.1)
    ticks = labels.powers_of_ten(last)
    axes.set_xticks(ticks, [f"top {labels.tick_label(tick, 'models')}" for tick in ticks], parse_math=False)
    axes.set_xticks([], minor=True)
    if ticks[-1] * 4 > last:
        axes.get_xticklabels()[-1].set_horizontalalignment("right")
    k, share = zip(*curve, strict=True)
    axes.plot(k, share, color=USED, linewidth=_to_points(LINE), solid_capstyle="round", zorder=3, clip_on=False)
    at = chart_data.at_ten(curve)
    axes.plot(*at, "o", color=USED, markersize=11, zorder=4, clip_on=False)
    up: Literal["top", "bottom"] = "top" if at[1] > 0.4 else "bottom"
    shift = (14, -14 if up == "top" else 14)
    _annotate_point(axes, labels.top_share_label(at, "\n"), at, shift, USED, "left", up, bold=True, on_paper=True)
