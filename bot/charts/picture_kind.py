"""Which picture a digest has, and its data: the picture follows the lead. See `bot.findings.lead`.

A picture is drawn only from exact figures of the document; where they lack, the digest has the overview.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from bot import findings
from bot.charts import chart_data
from bot.charts.chart_data import DailyPoint, Json, Points
from bot.findings import Lead
from bot.i18n import N_
from bot.number_format import format_month, format_short_day
from bot.records import Document, each_day

PictureKind = Literal["line", "dots", "ladder", "ranks", "top", "periods", "overview"]

LADDER: Mapping[str, str] = {
    "idle": N_("none"),
    "to_10": N_("1 to 10"),
    "to_999": N_("11 to 999"),
    "to_9999": N_("1,000 to 9,999"),
    "more": N_("10,000 or more"),
}
"""The steps of the ladder of use, least first, by their key in a `use_ladder` finding."""
MOST_DOTS = 20_000
"""More dots could not be told apart."""
LEAST_POINTS = 3
LIT_BY_STEP, LIT = N_("{used} used, brighter with more {unit}"), N_("{used} used")
BY_PERIOD: Mapping[str, str] = {"week": N_("Models by week"), "month": N_("Models by month")}
"""Headings, in words of `Translator.say`."""
MOST_BARS = 7
BELOW = 26
"""Stands for every rank below the 25 models that a digest has."""


@dataclass(frozen=True, slots=True)
class RankLine:
    """The ranks of one model over some days."""

    name: str
    leads: bool
    """Whether it is the model that leads."""
    points: Points
    """Days, oldest first, with the rank of each; `None` if the ranking of the day is unknown."""

    @property
    def ranks(self) -> list[int]:
        """The known ranks, the last day's last."""
        return [int(rank) for _, rank in self.points if rank is not None]


def picture_kind(document: Document) -> PictureKind:
    """The kind of a digest's picture."""
    lead = findings.lead_of(document)
    if lead.form == "unknown":
        return "overview"
    if document["period"] != "day" and len(period_points(document)) > 1:
        return "periods"
    if _about_runs(lead):
        return (
            "line" if len([1 for _, uses in line_points(document) if uses is not None]) >= LEAST_POINTS else "overview"
        )
    if lead.form == "top" and document["catalogues"][0]["top"]:
        return "ranks" if rank_lines(document) else "top"
    if lead.form in ("standing", "ladder", "balance") and ladder_counts(document):
        return "ladder"
    return "dots" if dot_counts(document) else "overview"


def is_about_new_models(document: Document) -> bool:
    """Whether the lead is about how many of the new models were used."""
    lead = findings.lead_of(document)
    return lead.finding is not None and lead.finding["key"] == "new_models_used"


def _about_runs(lead: Lead) -> bool:
    """Whether the lead is about how much one model or the network was used."""
    if lead.form in ("mover", "total"):
        return lead.finding is None or lead.finding["key"] not in ("awake_again", "gone_quiet")
    return lead.form == "record" and lead.finding is not None and lead.finding["values"].get("metric") == "uses"


def line_points(document: Document) -> Points:
    """The uses by day of the model that leads, or else of the whole network; empty if they are not known."""
    lead = findings.lead_of(document)
    if lead.form == "mover":
        rows = (document.get("lead") or {}).get("series") or []
        return [(date.fromisoformat(row["day"]), row["uses"]) for row in rows]
    history = chart_data.leading_catalogue(document).get("history", ())
    return chart_data.fill_missing_days(
        [(date.fromisoformat(row["day"]), None if row.get("at_least") else row["uses"]) for row in history]
    )


def rank_lines(document: Document) -> list[RankLine]:
    """The ranks of the most used models by day, the most used first; empty if they are not known. A line ends on the
    digest's day."""
    lead, top = findings.lead_of(document), chart_data.leading_catalogue(document)["top"]
    rows, last = (document.get("lead") or {}).get("ranks") or [], date.fromisoformat(document["day"])
    if not rows:
        return []
    known = [any(row["ranks"][place] is not None for row in rows) for place in range(len(rows[0]["ranks"]))]
    days = each_day(last - timedelta(days=len(known) - 1), last)
    exact = lead.finding["values"] if lead.finding else {}
    lines = []
    for row in rows:
        name = lead.protagonist if row["top"] is None else top[row["top"]]["model"]
        leads, ranks = name == lead.protagonist, [rank or BELOW for rank in row["ranks"]]
        if leads:  # The finding knows these two, also below the ranks of the digest.
            ranks[-2:] = [exact.get("rank_before", ranks[-2]), exact.get("rank", ranks[-1])]
        points = [(day, rank if at else None) for day, rank, at in zip(days, ranks, known, strict=True)]
        lines.append(RankLine(str(name), leads, points))
    return lines


def ladder_counts(document: Document) -> dict[str, int]:
    """Models by how much they were used, least first; empty if that is not known."""
    finding = findings.find_in(document, "use_ladder")
    return {step: int(finding["values"][step]) for step in LADDER} if finding else {}


def dot_counts(document: Document) -> dict[str, int]:
    """How many dots have each brightness: by the steps of the ladder, or else used ("lit") and not ("idle"). A lead
    about what became of new models has a dot for each of these."""
    block, lead = chart_data.leading_catalogue(document), findings.lead_of(document)
    counts = ladder_counts(document)
    if is_about_new_models(document) and lead.finding:
        new = lead.finding["values"]
        counts = {"idle": new["added"] - new["used"], "lit": new["used"]}
    elif not counts:
        used, listed = (_exact_figure(block, key) for key in ("models_used", "models_listed"))
        if used is None or listed is None or used > listed:
            return {}
        counts = {"idle": listed - used, "lit": used}
    return counts if 0 < sum(counts.values()) <= MOST_DOTS else {}


def _exact_figure(block: Json, key: str) -> int | None:
    number = chart_data.drawable_value(block["figures"].get(key, {}))
    return number if isinstance(number, int) else None


def period_points(document: Document) -> Sequence[DailyPoint]:
    """The last weeks or months, oldest first, each by its first day."""
    rows = document.get("periods", ())
    return [DailyPoint(date.fromisoformat(row["day"]), row["models_used"], row["models_listed"]) for row in rows]


def period_label(document: Document) -> Callable[[date, str], str]:
    """How a period is named: a month by its name, a week by its first day."""
    return format_month if document["period"] == "month" else format_short_day
