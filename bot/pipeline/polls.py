"""Readers' votes as a panel of the next weekly digest. Votes are never added to a measured figure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC
from itertools import groupby
from typing import Any

from bot import outlets
from bot.deliveries import POLLS, PollRecord
from bot.records import Document, message

EVIDENCE = "a poll of readers, not a measurement"


def add_poll_panel(document: Document, records: Sequence[PollRecord]) -> None:
    """Add a panel with readers' votes to a weekly digest; none if no poll closed."""
    if not records:
        return
    rows = sorted(records, key=_group_key)
    polls: list[dict[str, Any]] = []
    figures: dict[str, dict[str, Any]] = {}
    gaps: list[str] = []
    for _, records_of_poll in groupby(rows, key=_group_key):
        group = list(records_of_poll)
        refs, poll, name = _append_refs(document, group), _poll_result(group), group[0].poll.name
        polls.append(poll)
        # Two polls of one name that closed in one week stay separate.
        again = len({row.day for row in rows if row.poll.name == name}) > 1
        figures |= _poll_figures(poll, f"{name}_{group[0].day}" if again else name, refs)
        missing = [record for record in group if record.votes is None]
        if 0 < len(missing) < len(group):
            counts = {"n": len(missing), "m": len(group)}
            gaps.append(message("votes_not_counted", name=poll["title"], **counts, reason=missing[0].reason))
    block = {"catalogue": POLLS, "title": EVIDENCE.removeprefix("a "), "unit": "votes", "evidence": EVIDENCE}
    empty: dict[str, list[object]] = {"top": [], "curve": [], "history": []}
    document["panels"].append({**block, "figures": figures, **empty, "gaps": gaps, "findings": [], "asked": polls})


def _group_key(record: PollRecord) -> tuple[str, str, str, int]:
    return record.poll.name, record.outlet, record.day.isoformat(), len(record.poll.answers)


def _poll_result(group: Sequence[PollRecord]) -> dict[str, Any]:
    """One poll on one outlet: the votes of all channels whose count could be read."""
    first, read = group[0], [record.votes for record in group if record.votes is not None]
    counts = [sum(column) for column in zip(*read, strict=True)]
    # In English, whichever channel comes first: each channel has its own language.
    question, *texts = first.poll.english_texts
    answers = [{"answer": text, "votes": counts[n] if counts else None} for n, text in enumerate(texts)]
    result: dict[str, Any] = {
        "name": first.poll.name,
        "outlet": first.outlet,
        "title": outlets.load_module(first.outlet).TITLE,
        "asked_with": first.day.isoformat(),
        "closed": max(record.closes for record in group).astimezone(UTC).isoformat(),
        "question": question,
        "answers": answers,
        "votes": sum(counts) if counts else None,
        "channels": len(group),
        "read": len(read),
    }
    return result if read else {**result, "unknown": first.reason}


def _poll_figures(poll: dict[str, Any], name: str, refs: list[int]) -> dict[str, dict[str, Any]]:
    rows = [("votes", f"votes on {poll['title']}", poll["votes"])]
    rows += [
        (f"answer_{n}", f"votes on {poll['title']} for “{answer['answer']}”", answer["votes"])
        for n, answer in enumerate(poll["answers"], 1)
    ]
    return {
        f"{poll['outlet']}_{name}_{key}": {
            "value": value,
            **({"unknown": poll["unknown"]} if value is None else {}),
            "unit": "votes",
            "label": label,
            "evidence": EVIDENCE,
            "refs": refs,
        }
        for key, label, value in rows
    }


def _append_refs(document: Document, group: Iterable[PollRecord]) -> list[int]:
    """Append the ref of each count to the document's list."""
    places = []
    for record in group:
        if record.votes is not None and record.read_at is not None:
            read = json.dumps([record.poll.question, record.poll.answers, record.votes], ensure_ascii=False)
            sha256, at = hashlib.sha256(read.encode()).hexdigest(), record.read_at.astimezone(UTC).isoformat()
            document["refs"].append({"url": record.url, "at": at, "sha256": sha256})
            places.append(len(document["refs"]) - 1)
    return places
