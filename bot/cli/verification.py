"""Compares a digest with the ledger's current state and with its refs, for `verify`.

A digest from a file is untrusted: its shape is checked before it is used, and its text is cleaned before it is shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

import msgspec

from bot import pipeline, sources
from bot.cli.app_context import AppContext, UsageError, clock
from bot.cli.network_selection import Answers, answer_each
from bot.digest import incomparable_figures
from bot.queries.registry import parse_day
from bot.records import Document, PeriodName, SafeName, catalogues_and_panels

WANTED = "wanted a day as YYYY-MM-DD or a digest.json"


class _Figure(TypedDict):
    value: int | float | None
    unknown: NotRequired[str]
    refs: NotRequired[list[Annotated[int, msgspec.Meta(ge=0)]]]
    version: NotRequired[int]


class _Catalogue(TypedDict):
    catalogue: str
    figures: dict[str, _Figure]
    top: NotRequired[list[dict[str, Any]]]
    curve: NotRequired[list[list[float]]]
    history: NotRequired[list[dict[str, Any]]]


class _Panel(TypedDict):
    catalogue: str
    figures: dict[str, _Figure]


class _Ref(TypedDict):
    url: str
    at: datetime
    sha256: str


class _Digest(TypedDict):
    """The keys of a digest that `verify` reads; `docs/digest.md` describes them."""

    network: str
    period: PeriodName
    day: date
    edition: int
    composed_at: Annotated[datetime, msgspec.Meta(tz=True)]
    catalogues: list[_Catalogue]
    panels: list[_Panel]
    refs: list[_Ref]


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """The result of comparing one digest."""

    digest: Document
    mismatches: list[str]
    not_compared: list[str]
    """Figures that this version of Footfall lacks or defines differently."""
    records: list[dict[str, str]]
    """The digest's refs, each with the state of the record that it points to."""

    @property
    def is_good(self) -> bool:
        return (
            self.compared_count > 0
            and not self.mismatches
            and all(record["state"] != "altered" for record in self.records)
            and all(record.get("public") != sources.OTHERWISE for record in self.records)
        )

    @property
    def figure_count(self) -> int:
        return sum(len(block["figures"]) for block in catalogues_and_panels(self.digest))

    @property
    def compared_count(self) -> int:
        return self.figure_count - len(self.not_compared)

    def to_document(self) -> dict[str, Any]:
        named = {key: self.digest[key] for key in ("network", "period", "day", "edition")}
        return {
            **named,
            "figures": self.figure_count,
            "mismatches": self.mismatches,
            "not_compared": self.not_compared,
            "records": self.records,
        }

    def to_lines(self) -> list[str]:
        head = f"{self.digest['network']} {self.digest['day']} edition {self.digest['edition']}"
        count = len(self.mismatches)
        match = f"match, {self.compared_count} figures" if self.compared_count else "NOTHING TO COMPARE"
        summary = f"{count} {'MISMATCH' if count == 1 else 'MISMATCHES'}" if count else match
        left = [
            f"not compared: {SafeName(key)}: this version lacks it or defines it differently"
            for key in self.not_compared
        ]
        records = [
            f"{r['state']}: {SafeName(r['url'], 200)} at {r['at']} {SafeName(r['sha256'])[:12]}"
            f"{'; ' + SafeName(r['public'], 300) if r.get('public') else ''}"
            for r in self.records
        ]
        return [f"{head}: {summary}", *(f"  {line}" for line in [*self.mismatches, *left, *records])]


def verify_digest(parts: AppContext, digest: Document, deep: bool = False) -> VerificationResult:
    """Compare a digest with the ledger and the records as they are now; `deep`: also with their public places."""
    plan = parts.network_plan(digest["network"])
    chosen = parts.settings.config
    owners = _ref_networks(digest) if plan.members else [plan.network] * len(digest["refs"])
    known = [(name, ref) for name, ref in zip(owners, digest["refs"], strict=True) if name in chosen.networks]
    records = [(name, sources.verify_ref(name, chosen.networks[name], chosen.data, ref)) for name, ref in known]
    if deep:
        records = [
            (name, {**ref, "public": sources.compare_with_public(name, chosen.networks[name], ref)})
            for name, ref in records
        ]
    again = pipeline.recompute_digest(parts.store, plan, digest)
    mismatches = list(pipeline.mismatches_with(again, digest))
    return VerificationResult(digest, mismatches, incomparable_figures(digest, again), [ref for _, ref in records])


def _ref_networks(comparison: Document) -> list[str]:
    """The network that each ref of a comparison belongs to; empty if no figure rests on it."""
    owners = [""] * len(comparison["refs"])
    for block in comparison["catalogues"]:
        for figure in block["figures"].values():
            for place in figure.get("refs", ()):
                if place < len(owners):
                    owners[place] = block["catalogue"]
    return owners


def verify_each(
    parts: AppContext, named: str, network: str | None, period: PeriodName, deep: bool = False
) -> Answers[VerificationResult]:
    """Compare the digest in a file, or the digests of a day; a day that is covered and was never composed is composed
    now. Raises `UsageError`."""
    day = parse_day(named)
    if day is None:
        return Answers([verify_digest(parts, _read_digest(parts, Path(named)), deep)], 0)

    def verdict(plan: pipeline.NetworkPlan) -> VerificationResult:
        wanted = parts.require_covered_period(plan, day, period)
        if parts.archive.find_digest(plan.network, period, wanted.first) is None:
            pipeline.compose_digest(parts.store, parts.archive, plan, wanted, clock())
        return verify_digest(parts, parts.query_context.find_digest(plan.network, period, day), deep)

    return answer_each(parts.selected_networks(network), verdict)


def _read_digest(parts: AppContext, path: Path) -> Document:
    try:
        document: Document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read as a digest: {why}; {WANTED}") from error
    try:
        typed = msgspec.convert(document, _Digest)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: not a digest: {error}; {WANTED}") from error
    period = parts.require_covered_period(parts.network_plan(typed["network"]), typed["day"], typed["period"])
    if period.first != typed["day"]:
        raise UsageError(f"{path}: not a digest: no {typed['period']} begins on {typed['day']}; {WANTED}")
    return document
