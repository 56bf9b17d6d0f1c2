"""Alt texts of pictures in the reader's language, made from the figures that are drawn.

An alt text has at most 1,000 characters, calls unknown values unknown and names the source; every number in it is in
the document. `bot.charts.picture_alt_text` describes the pictures of stories.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from urllib.parse import urlsplit

from bot import platform_limits
from bot.charts import chart_data
from bot.charts.chart_data import DailyPoint, Json, Number, Points
from bot.i18n import N_, Translator, translator_for
from bot.metrics import METRICS
from bot.number_format import (
    UNKNOWN,
    format_count,
    format_day,
    format_day_range,
    format_figure,
    format_figure_with_noun,
    format_month,
    format_share,
    format_short_day,
)
from bot.records import Document, Period, PeriodName

_FIGURES = ("models_listed", "models_used", "models_for_half", "uses", "top_1_share", "top_10_share")
_USED, _LISTED = N_("Used: {said}."), N_("Listed: {said}.")
_LEFT = N_("Left: models used each day as bars against models listed as a line.")
_WHOLE = N_("Models used each day as bars against models listed as a line.")
_NAMED = 5
"""Most unknown days that are listed one by one."""


def describe_place(document: Document, locale: str = "en") -> str:
    """The network, the catalogue and the period of a picture."""
    voice, block = translator_for(locale), chart_data.leading_catalogue(document)
    period = chart_data.period_text(document, voice.language)
    network, lists = (voice.translate_word("word", word) for word in (document["title"], block["title"]))
    if network.casefold().endswith(f" {lists}".casefold()):  # "Acme images" need not say images twice
        return voice.say("{network}, {period}.", network=network, period=period)
    return voice.say("{network} {catalogue}, {period}.", network=network, catalogue=lists, period=period)


def describe_overview(document: Document, locale: str = "en", title: str = "") -> str:
    """The overview of a digest."""
    voice, block = translator_for(locale), chart_data.leading_catalogue(document)
    curve = chart_data.usage_curve(block)
    parts = [
        describe_place(document, locale),
        voice.say("{said}.", said=title) if title else "",
        *(_describe_figure(voice, key, block) for key in _FIGURES if key in block["figures"]),
        voice.say(_LEFT if curve else _WHOLE),
        describe_usage(chart_data.history_days(block), locale),
    ]
    if curve:
        unit = voice.translate_word("word", block["unit"])
        parts += [
            voice.say("Right: share of {unit} by the most used models.", unit=unit),
            describe_concentration(block, locale),
        ]
    return join_within_limit(parts, source_sentence(document, locale))


def describe_trend(
    points: Points, title: str, unit: str, source: str, locale: str = "en", period: PeriodName = "day"
) -> str:
    """A line over time. `title` and `source` are already in the language of `locale`."""
    voice = translator_for(locale)
    points = chart_data.fill_missing_days(points) if period == "day" else points
    parts = [
        voice.say("{title}, {days}, one line.", title=title, days=describe_day_range(points, locale, period)),
        _as_sentence(voice, _describe_values(voice, points, unit, period)),
        _as_sentence(voice, _describe_unknown_points(voice, points, period)),
    ]
    return join_within_limit(parts, voice.say("Source: {source}.", source=source) if source else "")


def describe_compared(
    lines: Sequence[tuple[str, Points]], title: str, unit: str, source: str, locale: str = "en"
) -> str:
    """Named lines over the same days. `title`, `source` and the names are already in the language of `locale`."""
    voice = translator_for(locale)
    parts = [voice.say("{title}, {days}.", title=title, days=describe_day_range(lines[0][1], locale))]
    for name, points in lines:
        values = [_describe_values(voice, points, unit), _describe_unknown_days(voice, points)]
        value = voice.translate_text(", ").join(filter(None, values))
        parts.append(voice.say("{label}: {value}.", label=name, value=value))
    return join_within_limit(parts, voice.say("Source: {source}.", source=source) if source else "")


def _describe_values(voice: Translator, points: Points, unit: str, period: PeriodName = "day") -> str:
    """The first, lowest, highest and last known value with their days, weeks or months."""
    known = [(day, number) for day, number in points if number is not None]
    marked_days = [
        _describe_value(voice, day, _measured_value(number, unit, voice), period)
        for day, number in _turning_points(known)
    ]
    return voice.translate_text(", ").join(marked_days)


def _describe_value(voice: Translator, day: date, value: str, period: PeriodName) -> str:
    if period == "day":
        return voice.say("{value} on {day}", value=value, day=format_day(day, voice.language))
    return voice.say("{label}: {value}", label=format_period(Period.for_day(day, period), voice.language), value=value)


def format_period(period: Period, locale: str) -> str:
    """A day, a week by its first and last day, or a month by its name."""
    if period.name == "month":
        return format_month(period.first, locale)
    return format_day_range(period.first, period.last, locale)


def _describe_unknown_points(voice: Translator, points: Points, period: PeriodName) -> str:
    """The days, weeks or months that are unknown; empty if there are none."""
    missing = [Period.for_day(day, period) for day, number in points if number is None]
    if period == "day" or not missing:
        return _describe_unknown_days(voice, points) if period == "day" else ""
    named = voice.translate_text(", ").join(format_period(span, voice.language) for span in missing[:_NAMED])
    return voice.say("{label}: {value}", label=named, value=voice.translate_text(UNKNOWN))


def describe_usage(days: Sequence[DailyPoint], locale: str = "en", *, monthly: bool = False) -> str:
    """The bars and the line in words: first, lowest, highest and last known day of each, and the unknown days; months
    if they are `monthly`."""
    voice = translator_for(locale)
    lines: tuple[tuple[str, Points], ...] = (
        (_USED, [(day.day, day.used) for day in days]),
        (_LISTED, [(day.day, day.listed) for day in days]),
    )
    return " ".join(voice.say(message, said=_describe_extremes(voice, points, monthly)) for message, points in lines)


def describe_concentration(catalogue: Json, locale: str = "en") -> str:
    """The curve of the most used models in words."""
    voice, curve = translator_for(locale), dict(chart_data.usage_curve(catalogue))
    shares = [
        voice.say("top {k}: {share}", k=k, share=format_share(curve[k], voice.language))
        for k in (1, 2, 3, 5, 10, 100)
        if k in curve
    ]
    return _as_sentence(voice, voice.translate_text(", ").join(shares) if curve else voice.translate_text(UNKNOWN))


def describe_day_range(points: Points, locale: str = "en", period: PeriodName = "day") -> str:
    """The days that points cover."""
    voice = translator_for(locale)
    if not points:
        return voice.say("no day watched")
    return format_day_range(points[0][0], Period.for_day(points[-1][0], period).last, voice.language)


def join_within_limit(parts: Sequence[str], source: str) -> str:
    """As many sentences as fit; the source is always included, other sentences are dropped whole."""
    kept: list[str] = []
    for part in filter(None, parts):
        if len(" ".join([*kept, part, source])) > platform_limits.ALT_TEXT:
            break
        kept.append(part)
    return " ".join(filter(None, [*kept, source]))


def _describe_figure(voice: Translator, key: str, block: Json) -> str:
    """A figure with its label. Labels in a digest are in English and filled in, so the translation uses the
    metric's."""
    figure = block["figures"][key]
    label = str(figure["label"])
    if voice.language != "en":
        label = voice.translate_text(METRICS[key].label).replace("{unit}", voice.translate_word("word", block["unit"]))
    return voice.say(
        "{label}: {value}.", label=voice.capitalize_first(label), value=format_figure(figure, voice.language)
    )


def _describe_extremes(voice: Translator, points: Points, monthly: bool) -> str:
    comma = voice.translate_text(", ")
    known = comma.join(
        voice.say("{label}: {value}", label=format_month(day, voice.language), value=format_count(n, voice.language))
        if monthly
        else voice.say(
            "{value} on {day}", value=format_count(n, voice.language), day=format_short_day(day, voice.language)
        )
        for day, n in _turning_points([(day, number) for day, number in points if number is not None])
    )
    missing = [format_month(day, voice.language) for day, number in points if number is None]
    if monthly and known and missing:
        unknown = voice.say("{label}: {value}", label=comma.join(missing), value=voice.translate_text(UNKNOWN))
    else:
        unknown = _describe_unknown_days(voice, points)
    return voice.say("{known}; {unknown}", known=known, unknown=unknown) if known and unknown else known or unknown


def _turning_points(known: Sequence[tuple[date, Number]]) -> list[tuple[date, Number]]:
    """The first, lowest, highest and last point, each once, in order of time."""
    if not known:
        return []
    chosen = {known[0], min(known, key=lambda p: p[1]), max(known, key=lambda p: p[1]), known[-1]}
    return sorted(chosen)


def _describe_unknown_days(voice: Translator, points: Points) -> str:
    """The sentence about unknown days; empty if there are none."""
    missing = [day for day, number in points if number is None]
    if not points:
        return voice.say("no day watched")
    if not missing:
        return ""
    if len(missing) == len(points):
        return voice.say("unknown on every day shown")
    named = voice.translate_text(", ").join(format_short_day(day, voice.language) for day in missing[:_NAMED])
    if len(missing) > _NAMED:
        return voice.say("unknown on {days} and other days", days=named)
    return voice.say("unknown on {days}", days=named)


def source_sentence(document: Document, locale: str = "en") -> str:
    """The sentence that names the source of a digest's figures."""
    voice, block = translator_for(locale), chart_data.leading_catalogue(document)
    network, evidence = (voice.translate_word("word", word) for word in (document["title"], block["evidence"]))
    # Where figures rest on several sources, the first is not theirs; the page lists all.
    if len({urlsplit(str(ref["url"])).netloc for ref in document["refs"]}) != 1:
        return voice.say("Source: {network}, {evidence}.", network=network, evidence=evidence)
    url = str(document["refs"][0]["url"])
    url = url if len(url) <= platform_limits.ALT_TEXT // 2 else f"{url[: platform_limits.ALT_TEXT // 2 - 1]}…"
    return voice.say("Source: {network}, {evidence}, {url}.", network=network, evidence=evidence, url=url)


def _measured_value(number: Number, unit: str, voice: Translator) -> str:
    return format_figure_with_noun({"value": number, "unit": unit}, voice.language)


def _as_sentence(voice: Translator, fragment: str) -> str:
    return voice.say("{said}.", said=voice.capitalize_first(fragment)) if fragment else ""
