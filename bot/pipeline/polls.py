"""What readers answered to polls, as a panel of the next weekly digest. Votes are never added to anything that was
measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date
from itertools import groupby
from typing import Any

from bot.deliveries import POLLS, PollRecord
from bot.records import Document

EVIDENCE = "a poll of readers, not a measurement"
_TITLES = {"x": "X", "discord": "Discord"}


def add_poll_panel(document: Document, records: Sequence[PollRecord]) -> None:
    """Put what readers answered into a weekly digest, as one panel more; nothing where nothing was asked."""
    if not records:
        return
    rows = sorted(records, key=_group_key)
    days: dict[str, set[date]] = {}
    for row in rows:
        days.setdefault(row.poll.name, set()).add(row.day)
    polls: list[dict[str, Any]] = []
    figures: dict[str, dict[str, Any]] = {}
    gaps: list[str] = []
    for _, held in groupby(rows, key=_group_key):
        group = list(held)
        refs = _append_refs(document, group)
        one = _poll_result(group)
        polls.append(one)
        name = group[0].poll.name
        # Two polls of one name that closed in one week are two, and neither may take the other's place.
        figures |= _poll_figures(one, f"{name}_{group[0].day}" if len(days[name]) > 1 else name, refs)
        gaps += _poll_gaps(one, group)
    block = {"catalogue": POLLS, "title": EVIDENCE.removeprefix("a "), "unit": "votes", "evidence": EVIDENCE}
    empty: dict[str, list[object]] = {"top": [], "curve": [], "history": []}
    document["panels"].append({**block, "figures": figures, **empty, "gaps": gaps, "findings": [], "asked": polls})


def _group_key(record: PollRecord) -> tuple[str, str, str, int]:
    return record.poll.name, record.outlet, record.day.isoformat(), len(record.poll.answers)


def _poll_result(group: Sequence[PollRecord]) -> dict[str, Any]:
    """One poll as an outlet's readers answered it: the votes of all its channels whose count could be read."""
    first, read = group[0], [one for one in group if one.votes is not None]
    counts = [sum(column) for column in zip(*(one.votes for one in read if one.votes is not None), strict=True)]
    # In English, whichever channel comes first: each was asked in its own language.
    question, *said = first.poll.english_texts
    answers = [{"answer": text, "votes": counts[n] if counts else None} for n, text in enumerate(said)]
    made: dict[str, Any] = {
        "name": first.poll.name,
        "outlet": first.outlet,
        "title": _TITLES.get(first.outlet, first.outlet),
        "asked_with": first.day.isoformat(),
        "closed": max(one.closes for one in group).astimezone(UTC).isoformat(),
        "question": question,
        "answers": answers,
        "votes": sum(counts) if counts else None,
        "channels": len(group),
        "read": len(read),
    }
    return made if read else {**made, "unknown": first.reason}


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
    """Where each count was read, put at the end of the document's list."""
    places = []
    for one in group:
        if one.votes is not None and one.read_at is not None:
            read = json.dumps([one.poll.question, one.poll.answers, one.votes], ensure_ascii=False)
            digest = hashlib.sha256(read.encode()).hexdigest()
            document["refs"].append({"url": one.url, "at": one.read_at.astimezone(UTC).isoformat(), "sha256": digest})
            places.append(len(document["refs"]) - 1)
    return places


def _poll_gaps(poll: dict[str, Any], group: Sequence[PollRecord]) -> list[str]:
    missing = [one for one in group if one.votes is None]
    if not missing or len(missing) == len(group):
        return []
    some = f"{len(missing)} of {len(group)} channels"
    return [f"votes on {poll['title']}: {some} could not be counted: {missing[0].reason}"]
