"""The chart of an answer over time: a metric, a model, two that are compared, an author or a category.

Built from the answer and from digests; a day on which a model's use is not known is a gap, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from bot import charts, i18n, number_format, render
from bot.charts import LineChart, NamedLine
from bot.charts.chart_data import Points
from bot.i18n import N_, Translator
from bot.queries import QueryContext
from bot.records import Document
from bot.render.document_translation import translate_to_text


def answer_chart(desk: QueryContext, question: str, answer: Document, locale: str) -> LineChart | None:
    """The lines of an answer; `None` if it has none or too little is known."""
    chart = None
    if question == "trend":
        chart = _trend_chart(desk, answer, locale)
    elif question == "model":
        chart = _model_chart(desk, answer, locale)
    elif question in ("author", "category"):
        chart = _group_chart(desk, answer, locale)
    elif question == "compare" and answer["comparable"]:
        chart = _compared_chart(desk, answer["sides"], locale)
    if chart is None or not all(charts.is_drawable(line.points) for line in chart.lines):
        return None
    return chart


def _trend_chart(desk: QueryContext, answer: Document, locale: str) -> LineChart:
    speech = i18n.translator_for(locale)
    points = [(date.fromisoformat(row["day"]), charts.drawable_value(row["figure"])) for row in answer["days"]]
    form = number_format.display_unit(answer["unit"], answer["label"])
    label, network = translate_to_text(answer["label"], locale), speech.translate_word("word", answer["title"])
    title = speech.say("{network}: {label}", network=network, label=label)
    foot = _foot(desk.find_digest(answer["network"], "day", points[-1][0]), locale)
    lines = (NamedLine(label, points),)
    return LineChart("trend.png", title, "", foot, _source(answer, speech), form, lines, speech.language)


def _model_chart(desk: QueryContext, answer: Document, locale: str) -> LineChart:
    speech = i18n.translator_for(locale)
    document = desk.find_digest(answer["network"], "day", date.fromisoformat(answer["day"]))
    title, uses = answer["model"], answer["uses"]
    if uses["value"] is not None:
        value = number_format.format_figure_with_noun(uses, speech.language)
        day = number_format.format_day(date.fromisoformat(answer["day"]), speech.language)
        title = speech.say("{label}: {value}", label=title, value=speech.say("{value} on {day}", value=value, day=day))
    lines = (NamedLine(answer["model"], _daily_uses(document, answer)),)
    heading, foot, source = _heading(answer, speech), _foot(document, locale), _source(answer, speech)
    return LineChart("model.png", title, heading, foot, source, answer["unit"], lines, speech.language)


def _group_chart(desk: QueryContext, answer: Document, locale: str) -> LineChart:
    """The use of an author's or a category's models by day, week or month."""
    speech = i18n.translator_for(locale)
    points = [(date.fromisoformat(row["day"]), charts.drawable_value(row["uses"])) for row in answer["periods"]]
    title, uses = answer["name"], answer["figures"]["uses"]
    if uses["value"] is not None:
        value = number_format.format_figure_with_noun(uses, speech.language)
        title = speech.say("{label}: {value}", label=title, value=value)
    document = desk.find_digest(answer["network"], answer["period"], date.fromisoformat(answer["day"]))
    heading, foot = _heading(answer, speech, answer["period"]), _foot(document, locale)
    lines = (NamedLine(answer["name"], points),)
    unit, source = answer["unit"], _source(answer, speech)
    return LineChart(
        f"{answer['question']}.png", title, heading, foot, source, unit, lines, speech.language, answer["period"]
    )


def _compared_chart(desk: QueryContext, sides: list[Document], locale: str) -> LineChart:
    """Two models by their uses, or two networks by the models that were used."""
    speech = i18n.translator_for(locale)
    lines, feet, sources = [], [], []
    for side in sides:
        document = desk.find_digest(side["network"], side["period"], date.fromisoformat(side["day"]))
        if "models_used" in side["figures"]:
            used = charts.history_days(document["catalogues"][0])
            points: Points = [(point.day, point.used) for point in used]
            unit, heading = "models", speech.say("Models used by day")
        else:
            points, unit, heading = _daily_uses(document, side), side["unit"], _heading(side, speech)
        lines.append(NamedLine(side["name"], points))
        feet.append(_foot(document, locale))
        sources.append(_source(side, speech))
    title = speech.say("{first} and {second}", first=lines[0].name, second=lines[1].name)
    foot, source = " ".join(dict.fromkeys(feet)), "; ".join(dict.fromkeys(sources))
    return LineChart("compare.png", title, heading, foot, source, unit, tuple(lines), speech.language)


def _daily_uses(document: Document, answer: Document) -> Points:
    """A model's uses on the days of a digest's history since it was first listed. A day without a row had no use if all
    use of the day is known."""
    block = next(block for block in document["catalogues"] if block["catalogue"] == answer["catalogue"])
    uses = {row["day"]: row["uses"] for row in answer["days"]}
    return [
        (
            date.fromisoformat(row["day"]),
            uses.get(row["day"], None if row["uses"] is None or row.get("at_least") else 0),
        )
        for row in block.get("history", ())
        if row["day"] >= (answer["first_listed"] or "")
    ]


_BY_PERIOD: Mapping[str, str] = MappingProxyType(
    {"day": N_("{unit} by day"), "week": N_("{unit} by week"), "month": N_("{unit} by month")}
)


def _heading(answer: Document, speech: Translator, period: str = "day") -> str:
    unit = speech.translate_word("word", answer["unit"])
    heading = speech.capitalize_first(speech.say(_BY_PERIOD[period], unit=unit))
    return speech.say("{network}: {label}", network=speech.translate_word("word", answer["title"]), label=heading)


_LONG_TABLES = ("history", "top", "groups", "curve", "findings")


def _foot(document: Document, locale: str) -> str:
    """The source and the day of the reading, as the picture of a digest has them."""
    # Without the long tables, which the foot does not need and the lint would walk through.
    blocks = [{**block, **dict.fromkeys(_LONG_TABLES, ())} for block in document["catalogues"]]
    return render.picture_words({**document, "catalogues": blocks}, locale)[1]


def _source(answer: Document, speech: Translator) -> str:
    network, evidence = (speech.translate_word("word", word) for word in (answer["title"], answer["evidence"]))
    return speech.say("{network}, {evidence}", network=network, evidence=evidence)
