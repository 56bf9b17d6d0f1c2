"""The overview of a digest: headline figures, models used against models listed, and how concentrated use is. It is the
picture of a digest whose story has no picture of its own, and of one with unknown figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Literal

from bot.charts import chart_data, labels
from bot.charts.canvas import (
    FADED,
    INK,
    LABEL,
    LINE,
    LISTED,
    MARGIN,
    QUIET,
    SHELF,
    USED,
    WIDTH,
    DrawingArea,
    add_axes,
    annotate_point,
    draw_gaps,
    draw_line,
    draw_text,
    set_date_axis,
    set_value_axis,
    to_points,
)
from bot.charts.chart_data import DailyPoint, Json, Points
from bot.charts.fonts import text_width
from bot.charts.labels import SHORTEST
from bot.i18n import N_, is_rtl, translator_for
from bot.number_format import format_short_day
from bot.records import Document

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HALF = "models_for_half"
HEADLINES = (
    ("models_listed", N_("listed"), LISTED),
    ("models_used", N_("used"), USED),
    (HALF, N_("with half of all {unit}"), INK),
    ("uses", "{unit}", INK),
)


def draw_overview(figure: Figure, document: Document, area: DrawingArea, locale: str) -> None:
    """Headline figures, models by day and the curve of the most used models."""
    voice, catalogue = translator_for(locale), chart_data.leading_catalogue(document)
    area = DrawingArea(_draw_headlines(figure, catalogue, area.top, locale), area.foot)
    # What is unknown is said in the title; an empty chart would say it again.
    curve = chart_data.usage_curve(catalogue)
    width = 510 if curve else WIDTH - 2 * MARGIN
    left = add_axes(figure, MARGIN, width, area, voice.say("Models by day"), locale)
    draw_usage(left, chart_data.history_days(catalogue), chart_data.period_span(document), locale)
    if not curve:
        return
    unit = voice.translate_word("word", catalogue["unit"])
    heading = voice.capitalize_first(voice.say("Share of {unit}, by top models", unit=unit))
    _draw_concentration(add_axes(figure, 602, 558, area, heading, locale), curve, locale)


def _draw_headlines(figure: Figure, catalogue: Json, below: int, locale: str) -> int:
    """The known headline figures side by side, as large as fits; the pixel row under them. What is unknown is
    said once, in the title and beside the charts."""
    voice = translator_for(locale)
    unit = voice.translate_word("word", catalogue["unit"])
    shown = [
        (
            key,
            _headline_text(catalogue, key, locale),
            unit if label == "{unit}" else voice.say(label, unit=unit),
            colour,
        )
        for key, label, colour in HEADLINES
        if chart_data.figure_value(catalogue, key) is not None
    ]
    if not shown:
        return below
    rtl, size, widths = is_rtl(locale), 34, [0.0]
    for size, dropped in ((50, ""), (42, ""), (50, HALF), (34, HALF)):
        shown = [row for row in shown if row[0] != dropped]
        widths = [max(text_width(known, size, "bold"), text_width(label, LABEL)) + 40 for _, known, label, _ in shown]
        if sum(widths) - 40 <= WIDTH - 2 * MARGIN:
            break
    for place, (_, known, label, colour) in enumerate(shown):
        x = MARGIN + sum(widths[:place])
        x = WIDTH - x if rtl else x
        draw_text(figure, x, below + 62, known, size, colour, "bold", "right" if rtl else "left")
        draw_text(figure, x, below + 102, label, LABEL, QUIET, align="right" if rtl else "left")
    return below + 100


def _headline_text(catalogue: Json, key: str, locale: str) -> str:
    """The large text of a figure, with a sign if it is a lower bound."""
    known = chart_data.figure_value(catalogue, key) or 0
    least = catalogue["figures"][key].get("at_least")
    return f"{'≥ ' if least else ''}{labels.headline_label(known, locale)}"


def draw_usage(
    axes: Axes,
    days: Sequence[DailyPoint],
    span: tuple[date, date],
    locale: str,
    label: Callable[[date, str], str] = format_short_day,
    shortest: int = SHORTEST,
) -> None:
    """Supply and demand in one unit on one axis from zero: models listed as a line over a shelf, models used as bars,
    those of the digest's own days in full colour."""
    used: Points = [(day.day, day.used) for day in days]
    listed: Points = [(day.day, day.listed) for day in days]
    set_date_axis(axes, [day.day for day in days], locale, label, shortest)
    set_value_axis(axes, 0, max(chart_data.axis_range(used)[1], chart_data.axis_range(listed)[1]), "models", locale)
    for stretch in chart_data.known_runs(listed):
        x = [stretch[0][0] - 0.5, *(index for index, _ in stretch), stretch[-1][0] + 0.5]
        y = [stretch[0][1], *(known for _, known in stretch), stretch[-1][1]]
        axes.fill_between(x, y, color=SHELF, linewidth=0, zorder=1)
    draw_gaps(axes, used, locale)
    for index, (day, known) in enumerate(used):
        if known is not None:
            axes.bar(index, known, width=0.78, color=USED if span[0] <= day <= span[1] else FADED, zorder=3)
    draw_line(axes, listed, LISTED)
    _draw_names(axes, days, locale)


def _draw_names(axes: Axes, days: Sequence[DailyPoint], locale: str) -> None:
    """Name the line under its left end, and the bars over theirs, or inside where they reach up to the line."""
    voice = translator_for(locale)
    place = chart_data.name_places(days, axes.get_ylim()[1])
    if place.listed:
        index, tall = place.listed
        annotate_point(
            axes, voice.translate_text(HEADLINES[0][1]), (index - 0.4, tall), (0, -12), LISTED, "left", "top", bold=True
        )
    if place.used:
        index, tall = place.used
        at, name = (index - 0.4, 0 if place.inside else tall), voice.translate_text(HEADLINES[1][1])
        annotate_point(axes, name, at, (0, 12), USED, "left", "bottom", bold=True, on_paper=place.inside)


def _draw_concentration(axes: Axes, curve: Sequence[tuple[int, float]], locale: str) -> None:
    """The share of all use that the k most used models carry, k on a scale of tenfolds."""
    set_value_axis(axes, 0, 1, "share", locale)
    last = curve[-1][0]
    axes.set_xscale("log")
    axes.set_xlim(0.9, max(last, 10) * 1.1)
    # What is between its ends is labelled on the curve.
    ticks = sorted({1, last})
    axes.set_xticks(ticks, [labels.curve_tick_label(tick, last, locale) for tick in ticks], parse_math=False)
    axes.set_xticks([], minor=True)
    # Written inwards, clear of the other axis and of the edge.
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    if last > 10:
        axes.get_xticklabels()[-1].set_horizontalalignment("right")
    log_scale = translator_for(locale).say("log scale")
    annotate_point(axes, log_scale, (max(last, 10), 0), (0, 10), QUIET, "right", "bottom", on_paper=True)
    k, share = zip(*curve, strict=True)
    axes.plot(k, share, color=USED, linewidth=to_points(LINE), solid_capstyle="round", zorder=3, clip_on=False)
    at = chart_data.at_ten(curve)
    axes.plot(*at, "o", color=USED, markersize=11, zorder=4, clip_on=False)
    up: Literal["top", "bottom"] = "top" if at[1] > 0.4 else "bottom"
    shift = (14, -14 if up == "top" else 14)
    annotate_point(
        axes, labels.top_share_label(at, "\n", locale), at, shift, USED, "left", up, bold=True, on_paper=True
    )
