"""What a picture says in words, in the language of whoever it is shown to: from the same figures that are drawn.

Alt text holds at most 1,000 characters, says unknown as unknown, and names the source; every number in it stands in
the document. It is never kept with a picture, whose own words are English and the same for everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from bot import limits, numbers
from bot.charts import series
from bot.charts.series import Day, Json, Number, Points
from bot.metrics import METRICS
from bot.records import Document
from bot.words import N_, Speech, speech

_SAID = ("models_listed", "models_used", "models_for_half", "uses", "top_1_share", "top_10_share")
_USED, _LISTED = N_("Used: {said}."), N_("Listed: {said}.")
_NAMED = 5
"""Unknown days that are named one by one."""


def card(document: Document, locale: str = "en") -> str:
    """The card of a digest."""
    voice, block = speech(locale), series.catalogue(document)
    period = series.dated(document, voice.language)
    network, lists = (voice.word("word", one) for one in (document["title"], block["title"]))
    parts = [
        voice.say("{network} {catalogue}, {period}.", network=network, catalogue=lists, period=period),
        *(_figure(voice, key, block) for key in _SAID if key in block["figures"]),
        voice.say("Left: models used each day as bars against models listed as a line."),
        usage(series.days(block), locale),
        voice.say("Right: share of {unit} by the most used models.", unit=voice.word("word", block["unit"])),
        concentration(block, locale),
    ]
    return clipped(parts, _source(voice, document, block))


def trend(points: Points, title: str, unit: str, source: str, locale: str = "en") -> str:
    """A line over time. `title` and `source` are in the language of `locale` already."""
    voice, points = speech(locale), series.filled(points)
    known = [(day, number) for day, number in points if number is not None]
    said = [
        voice.say("{value} on {day}", value=_measured(number, unit, voice), day=numbers.day(day, voice.language))
        for day, number in _turning(known)
    ]
    parts = [
        voice.say("{title}, {days}, one line.", title=title, days=stretch(points, locale)),
        _sentence(voice, voice.text(", ").join(said)),
        _sentence(voice, _unknown(voice, points)),
    ]
    return clipped(parts, voice.say("Source: {source}.", source=source) if source else "")


def usage(days: Sequence[Day], locale: str = "en") -> str:
    """What the bars and the line say: first, lowest, highest and last known day of each, and the unknown days."""
    voice = speech(locale)
    lines: tuple[tuple[str, Points], ...] = (
        (_USED, [(day.day, day.used) for day in days]),
        (_LISTED, [(day.day, day.listed) for day in days]),
    )
    return " ".join(voice.say(message, said=_ends(voice, points)) for message, points in lines)


def concentration(catalogue: Json, locale: str = "en") -> str:
    """What the curve of the most used models says."""
    voice, curve = speech(locale), dict(series.curve(catalogue))
    said = [
        voice.say("top {k}: {share}", k=k, share=numbers.share(curve[k], voice.language))
        for k in (1, 2, 3, 5, 10, 100)
        if k in curve
    ]
    return _sentence(voice, voice.text(", ").join(said) if curve else voice.text(numbers.UNKNOWN))


def stretch(points: Points, locale: str = "en") -> str:
    """The days that points cover."""
    voice = speech(locale)
    if not points:
        return voice.say("no day watched")
    return numbers.days(points[0][0], points[-1][0], voice.language)


def clipped(parts: Sequence[str], source: str) -> str:
    """Sentences up to the limit; the source always fits, whole sentences fall away before it."""
    kept: list[str] = []
    for part in filter(None, parts):
        if len(" ".join([*kept, part, source])) > limits.ALT_TEXT:
            break
        kept.append(part)
    return " ".join(filter(None, [*kept, source]))


def _figure(voice: Speech, key: str, block: Json) -> str:
    """A figure with its label. A digest keeps its labels in English, filled in; the metric has each as it is told."""
    figure = block["figures"][key]
    label = str(figure["label"])
    if voice.language != "en":
        label = voice.text(METRICS[key].label).replace("{unit}", voice.word("word", block["unit"]))
    return voice.say("{label}: {value}.", label=voice.capital(label), value=numbers.value(figure, voice.language))


def _ends(voice: Speech, points: Points) -> str:
    known = [(day, number) for day, number in points if number is not None]
    said = [
        voice.say("{value} on {day}", value=numbers.count(n, voice.language), day=numbers.short(day, voice.language))
        for day, n in _turning(known)
    ]
    unknown = _unknown(voice, points)
    if said and unknown:
        return voice.say("{known}; {unknown}", known=voice.text(", ").join(said), unknown=unknown)
    return voice.text(", ").join(said) or unknown


def _turning(known: Sequence[tuple[date, Number]]) -> list[tuple[date, Number]]:
    """The first, lowest, highest and last point, each once, in order of time."""
    if not known:
        return []
    chosen = {known[0], min(known, key=lambda p: p[1]), max(known, key=lambda p: p[1]), known[-1]}
    return sorted(chosen)


def _unknown(voice: Speech, points: Points) -> str:
    """Which days are not known; empty where all are."""
    missing = [day for day, number in points if number is None]
    if not points:
        return voice.say("no day watched")
    if not missing:
        return ""
    if len(missing) == len(points):
        return voice.say("unknown on every day shown")
    named = voice.text(", ").join(numbers.short(day, voice.language) for day in missing[:_NAMED])
    if len(missing) > _NAMED:
        return voice.say("unknown on {days} and other days", days=named)
    return voice.say("unknown on {days}", days=named)


def _source(voice: Speech, document: Document, block: Json) -> str:
    network, evidence = (voice.word("word", one) for one in (document["title"], block["evidence"]))
    if not document["refs"]:
        return voice.say("Source: {network}, {evidence}.", network=network, evidence=evidence)
    url = str(document["refs"][0]["url"])
    url = url if len(url) <= limits.ALT_TEXT // 2 else f"{url[: limits.ALT_TEXT // 2 - 1]}…"
    return voice.say("Source: {network}, {evidence}, {url}.", network=network, evidence=evidence, url=url)


def _measured(number: Number, unit: str, voice: Speech) -> str:
    return numbers.measured({"value": number, "unit": unit}, voice.language)


def _sentence(voice: Speech, fragment: str) -> str:
    return voice.say("{said}.", said=voice.capital(fragment)) if fragment else ""
