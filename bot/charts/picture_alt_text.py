"""The alt text of a digest's picture: its title, and what it draws, from the same values."""

from __future__ import annotations

from bot.charts import alt_text, chart_data
from bot.charts.chart_data import Number
from bot.charts.picture_kind import (
    BELOW,
    BY_PERIOD,
    LADDER,
    LIT,
    LIT_BY_STEP,
    MOST_BARS,
    dot_counts,
    is_about_new_models,
    ladder_counts,
    line_points,
    period_points,
    picture_kind,
    rank_lines,
)
from bot.i18n import N_, translator_for
from bot.number_format import UNKNOWN, format_count
from bot.records import Document

_EACH, _EACH_NEW = N_("One dot for each model."), N_("One dot for each new model.")


def describe_picture(document: Document, locale: str = "en", title: str = "") -> str:
    """The alt text of a digest's picture. `title` is the picture's, in the language of `locale`."""
    voice, block = translator_for(locale), chart_data.leading_catalogue(document)
    kind = picture_kind(document)
    if kind == "overview":
        return alt_text.describe_overview(document, locale, title)
    unit = voice.translate_word("word", block["unit"])
    parts = [alt_text.describe_place(document, locale), voice.say("{said}.", said=title) if title else ""]
    if kind == "line":
        heading = voice.capitalize_first(voice.say("{unit} by day", unit=unit))
        parts.append(alt_text.describe_trend(line_points(document), heading, block["unit"], "", locale))
    elif kind == "dots":
        parts += _describe_dots(document, locale, unit)
    elif kind == "ladder":
        parts += [voice.say("{said}.", said=voice.say("Models by {unit} on this day", unit=unit))]
        parts += [
            voice.say("{label}: {value}.", label=voice.translate_text(LADDER[step]), value=format_count(count, locale))
            for step, count in ladder_counts(document).items()
        ]
    elif kind == "ranks":
        parts += _describe_ranks(document, locale, unit)
    elif kind == "top":
        parts += _describe_top(document, locale, unit)
    else:
        heading = voice.translate_text(BY_PERIOD[document["period"]])
        parts.append(voice.say("{said}.", said=heading))
        parts.append(alt_text.describe_usage(period_points(document), locale, monthly=document["period"] == "month"))
    return alt_text.join_within_limit(parts, alt_text.source_sentence(document, locale))


def _describe_dots(document: Document, locale: str, unit: str) -> list[str]:
    voice, counts = translator_for(locale), dot_counts(document)
    used, idle = (format_count(n, locale) for n in (sum(counts.values()) - counts["idle"], counts["idle"]))
    message = LIT_BY_STEP if "more" in counts else LIT
    parts = [
        voice.say(_EACH_NEW if is_about_new_models(document) else _EACH),
        voice.say("{said}.", said=voice.say(message, used=used, unit=unit)),
        voice.say("{said}.", said=voice.say("{idle} not used", idle=idle)),
    ]
    steps = [step for step in LADDER if step in counts and step != "idle"]
    parts += [
        voice.say(
            "{label}: {value}.", label=voice.translate_text(LADDER[step]), value=format_count(counts[step], locale)
        )
        for step in steps
    ]
    return parts


def _describe_ranks(document: Document, locale: str, unit: str) -> list[str]:
    """The ranks of the model that leads by day, then who ends where."""
    voice, lines = translator_for(locale), rank_lines(document)
    days = alt_text.describe_day_range(lines[0].points, locale)
    parts = [voice.say("Ranks by {unit} of each day, {days}.", unit=unit, days=days)]
    for line in lines:
        if not line.leads:
            parts.append(voice.say("{label}: {value}.", label=line.name, value=format_count(line.ranks[-1], locale)))
            continue
        ranks = [_rank_text(rank, locale) for _, rank in line.points]
        value = voice.translate_text(", ").join(ranks)
        parts.insert(1, voice.say("{label}: {value}.", label=line.name, value=value))
    return parts


def _rank_text(rank: Number | None, locale: str) -> str:
    voice = translator_for(locale)
    if rank is None:
        return voice.translate_text(UNKNOWN)
    return voice.say("below {rank}", rank=BELOW - 1) if rank == BELOW else format_count(int(rank), locale)


def _describe_top(document: Document, locale: str, unit: str) -> list[str]:
    voice, block = translator_for(locale), chart_data.leading_catalogue(document)
    rows = [
        voice.say("{label}: {value}.", label=row["model"], value=format_count(row["uses"], locale))
        for row in block["top"][:MOST_BARS]
    ]
    return [voice.say("{said}.", said=voice.say("The most used models, by {unit}", unit=unit)), *rows]
