"""The lead of a digest: the finding that it opens with, and the form of its first sentence.

The news of the day leads; what is true every day leads when nothing happened. Pure: documents in, a document out. A
digest holds the form and the place of its lead finding as `lead`; `lead_of` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict, get_args

from bot.records import Document

LeadForm = Literal["mover", "total", "record", "top", "breadth", "new", "balance", "ladder", "standing", "unknown"]
FORMS: tuple[LeadForm, ...] = get_args(LeadForm)

LEAST_LEAD_SCORE = 0.3
"""A finding with a lower score leads no digest."""
ALWAYS_NEWS = 0.8
"""A finding with this score or more leads, also if the same happened on the day before."""

_FORM_OF: Mapping[str, LeadForm] = {
    "model_move": "mover",
    "passing_surge": "mover",
    "week_move": "mover",
    "period_move": "mover",
    "awake_again": "mover",
    "gone_quiet": "mover",
    "total_change": "total",
    "uses_step": "total",
    "unusual_day": "total",
    "streak": "total",
    "crossing": "record",
    "highest_since": "record",
    "highest_watched": "record",
    "lowest_since": "record",
    "lowest_watched": "record",
    "most_concentrated": "record",
    "new_leader": "top",
    "top_ten_entry": "top",
    "top_ten_exit": "top",
    "breadth_change": "breadth",
    "new_models_used": "new",
    "new_unused": "new",
    "newly_used": "new",
    "period_arrivals": "new",
    "demand_gap": "balance",
}
"""The form of each kind of finding that can lead. The others are true every day."""
_FORM_OF_METRIC: Mapping[Any, LeadForm] = {"models_used": "breadth", "models_added": "new"}
"""The form of a finding about a series that is not the use."""
_ONLY_LONGER = frozenset({"demand_gap"})
"""Compared over a week, these move little from one day to the next, so they lead no day."""
_IN_TURN: frozenset[LeadForm] = frozenset({"breadth", "new"})
"""Forms that stay true for some days, so they do not lead on two days running."""


class LeadDocument(TypedDict):
    """A lead as JSON, as `docs/digest.md` has it."""

    form: LeadForm
    finding: int | None
    """Place in the findings of the headline's catalogue."""
    again: NotRequired[bool]
    """Whether it opens in the other of two wordings, because the period before opened with the same."""


@dataclass(frozen=True, slots=True)
class Lead:
    """What a digest opens with."""

    form: LeadForm
    finding: Mapping[str, Any] | None
    """The finding that leads; `None` for the standing fact and for an unknown headline."""
    again: bool = False
    """Whether it opens in the other of two wordings, because the period before opened with the same."""

    @property
    def protagonist(self) -> str | None:
        """The model that the lead is about, if it is about one."""
        name = self.finding["values"].get("model") if self.finding else None
        return str(name) if name is not None else None


def choose_lead(document: Document, previous: Document | None = None) -> LeadDocument:
    """The lead of a digest. `previous`: the digest of the period before, whose lead is not repeated unless the same
    thing happened again."""
    block = _headline_catalogue(document)
    if not block or block["figures"].get(document["headline"]["figure"], {}).get("value") is None:
        return {"form": "unknown", "finding": None}
    before = lead_of(previous) if previous is not None else None
    for place, finding in _candidates(document, block):
        lead = Lead(_form_of(finding), finding)
        if before is None or not _is_repetition(lead, before):
            return _lead_document(lead, place, before)
    ladder = next((place for place, finding in enumerate(block["findings"]) if finding["key"] == "use_ladder"), None)
    if before is not None and before.form == "standing" and ladder is not None:
        return {"form": "ladder", "finding": ladder}
    return _lead_document(Lead("standing", None), None, before)


def _lead_document(lead: Lead, place: int | None, before: Lead | None) -> LeadDocument:
    """A lead as JSON. Of two that open with the same one after the other, the second has the other wording."""
    document = LeadDocument(form=lead.form, finding=place)
    if before is not None and lead.form == before.form and not before.again and _subject(lead) == _subject(before):
        document["again"] = True
    return document


def lead_of(document: Document) -> Lead:
    """The lead of a digest; of one that was composed before there were leads, what it would be."""
    block, lead = _headline_catalogue(document), document.get("lead") or choose_lead(document)
    place, findings = lead["finding"], block["findings"] if block else []
    finding = findings[place] if place is not None and place < len(findings) else None
    return Lead(lead["form"], finding, lead.get("again", False))


def other_news(document: Document, lead: Lead) -> list[Mapping[str, Any]]:
    """Further news beside the lead, the most newsworthy first: of other forms and about other models."""
    block = _headline_catalogue(document)
    covered: set[Any] = {lead.form, "total" if lead.form == "mover" else lead.form, *_named_in(lead.finding)}
    news: list[Mapping[str, Any]] = []
    for _, finding in _candidates(document, block, only_mover=False) if block and lead.form != "unknown" else ():
        about = {_form_of(finding), *_named_in(finding)}
        if not about & covered:
            covered |= about
            news.append(finding)
    return news


def _named_in(finding: Mapping[str, Any] | None) -> set[Any]:
    """The model and the figure that a finding is about."""
    values = finding["values"] if finding else {}
    return {values[name] for name in ("model", "metric") if name in values}


def find_in(document: Document, key: str) -> Mapping[str, Any] | None:
    """The finding of this kind in the headline's catalogue, if there is one."""
    block = _headline_catalogue(document)
    return next((finding for finding in block["findings"] if finding["key"] == key), None) if block else None


def _candidates(
    document: Document, block: Mapping[str, Any], only_mover: bool = True
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The findings that can lead, the most newsworthy first, each with its place. On a day with a large mover only
    what is about that model can lead; a week or month is led by its movers unless something else is always news."""
    daily, findings = document["period"] == "day", list(enumerate(block["findings"]))
    mover = next((finding for _, finding in findings if finding["key"] == "model_move"), None)
    if only_mover and mover is not None and mover["score"] >= ALWAYS_NEWS:
        model = mover["values"]["model"]
        findings = [(place, finding) for place, finding in findings if finding["values"].get("model") == model]
    elif not daily:
        findings.sort(key=lambda placed: placed[1]["key"] != "period_move" and placed[1]["score"] < ALWAYS_NEWS)
    for place, finding in findings:
        key = finding["key"]
        if key in _FORM_OF and finding["score"] >= LEAST_LEAD_SCORE and not (daily and key in _ONLY_LONGER):
            yield place, finding


def _form_of(finding: Mapping[str, Any]) -> LeadForm:
    """The form of a finding that can lead."""
    form = _FORM_OF[finding["key"]]
    metric = finding["values"].get("metric") if form == "total" else None
    return _FORM_OF_METRIC.get(metric, form)


def _is_repetition(lead: Lead, before: Lead) -> bool:
    """Whether a lead would open as that of the period before did."""
    if lead.finding is None or before.finding is None or lead.finding["score"] >= ALWAYS_NEWS:
        return False
    if lead.finding["key"] == "period_move":
        return False  # the counts of a week or month are new ones
    if lead.form in _IN_TURN and lead.form == before.form:
        return True
    return _subject(lead) == _subject(before)


def _subject(lead: Lead) -> tuple[Any, ...]:
    """What a lead is about: the kind, direction, figure and model of its finding. Two models that came into the ten
    most used one day after the other would open with the same words."""
    if lead.finding is None:
        return (lead.form,)
    key, values = lead.finding["key"], lead.finding["values"]
    named = ("direction", "metric", "model") if lead.form != "top" else ()
    return key, *(values.get(name) for name in named)


def _headline_catalogue(document: Document) -> Mapping[str, Any] | None:
    wanted = document["headline"]["catalogue"]
    return next((block for block in document["catalogues"] if block["catalogue"] == wanted), None)
