"""Verifying: compares a digest with the ledger's current state."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import zip_longest

from bot import digest, document_rules
from bot.pipeline.composition import build_digest
from bot.pipeline.network_plan import NetworkPlan
from bot.records import Document, Period, SafeName, catalogues_and_panels
from bot.records.names import HIDDEN, HIDDEN_GROUPS
from bot.store import Store


def mismatches_with(recomputed: Document, document: Document) -> Iterator[str]:
    """One line for each figure, table and list of refs that differs from the document. Only what both have is compared:
    a digest of an earlier version lacks some figures, tables and columns. Names that it hides stay hidden; names that
    were hidden later are no mismatch."""
    for change in digest.figure_differences(document, recomputed):
        where = SafeName(f"{change['catalogue']}.{change['figure']}")
        yield f"{where}: says {_figure_text(change['published'])}, is {_figure_text(change['now'])}"
    published = {block["catalogue"]: block for block in document["catalogues"]}
    for block in recomputed["catalogues"]:
        old = published.get(block["catalogue"], {})
        redefined = digest.redefined_figures(old, block)
        for table in ("history",) if "uses" in redefined else ("top", "curve", "history"):
            if table in old:
                yield from _first_difference(f"{block['catalogue']}.{table}", old[table], block[table], redefined)
        tables = {table["by"]: table["rows"] for table in block["groups"]}
        for table in old.get("groups", []):
            if table["by"] in tables:
                name = f"{block['catalogue']}.groups.{table['by']}"
                yield from _first_difference(name, table["rows"], tables[table["by"]], redefined)
    yield from _first_difference("refs", _shared_refs(document, recomputed), _shared_refs(recomputed, document))


def recompute_digest(store: Store, plan: NetworkPlan, document: Document) -> Document:
    """A digest's period composed from the ledger's current state, with exact counts, by the digest's own rules."""
    period = Period.for_day(date.fromisoformat(document["day"]), document["period"])
    again: Document = json.loads(json.dumps(build_digest(store, replace(plan, hidden=()), period, period.ends_at)))
    return document_rules.restate_document(digest.keep_exact_counts(document, again), document)


def _shared_refs(document: Document, other: Document) -> list[object]:
    """The refs that support what both digests have; `None` for a ref that is missing."""
    refs, blocks = document["refs"], catalogues_and_panels(document)
    names = {block["catalogue"] for block in catalogues_and_panels(other)}
    if names == {block["catalogue"] for block in blocks}:
        return list(refs)
    figures = [figure for block in blocks if block["catalogue"] in names for figure in block["figures"].values()]
    places = sorted({place for figure in figures for place in figure.get("refs", ())})
    return [refs[place] if place < len(refs) else None for place in places]


def _first_difference(
    table: str, published: Sequence[object], now: Sequence[object], redefined: Collection[str] = ()
) -> Iterator[str]:
    """The first row in which two tables differ, over the columns that have the same meaning in both."""
    for place, (old, new) in enumerate(zip_longest(published, now), 1):
        if isinstance(old, dict) and isinstance(new, dict):
            if old.get("model") == HIDDEN:
                new = {**new, "model": old.get("model"), "author": old.get("author")}
            if old.get("name") in HIDDEN_GROUPS:
                new = {**new, "name": old["name"]}
        if _shared_columns(old, new, redefined) != _shared_columns(new, old, redefined):
            yield f"{table}: row {place} says {json.dumps(old)}, is {json.dumps(new)}"
            return


def _shared_columns(row: object, other: object, redefined: Collection[str]) -> object:
    """A row without the columns that the other lacks or defines differently, and without reasons of unknown values."""
    if not isinstance(row, dict) or not isinstance(other, dict):
        return row
    keys = [key for key in row if key in other and key != "unknown" and key not in redefined]
    return {key: _shared_columns(row[key], other[key], redefined) for key in keys}


def _figure_text(figure: Mapping[str, object]) -> str:
    if figure["value"] is None:
        return f"unknown ({SafeName(str(figure.get('unknown')), 300)})"
    return f"{'at least ' if figure.get('at_least') else ''}{figure['value']}"
