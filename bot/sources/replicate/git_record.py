"""The nights after the record, from the history of the public repository itself.

The rule: only a history that goes on from the record is believed, and only forward in time. A night that cannot be read
is left out with one line; the others stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bot.clients.git_clone import FileCommit, GitClone, git_is_there, open_clone
from bot.records import Listing, Reading, SafeName, Snapshot, SourceError, SourceRef, model_identity
from bot.sources.replicate.live_api import ListedModel
from bot.sources.replicate.record_files import LIST, MODEL_NAME, REFS, Night, list_checksum

SHOWN = 3
"""Nights that are named when several cannot be read."""


def history_snapshots(
    clone: GitClone, after: Night, is_wanted: Callable[[datetime], bool], now: datetime
) -> Iterator[Snapshot]:
    """The snapshots of the history after a night of the record, oldest first. Raises `SourceError`, at the end for
    nights that cannot be read."""
    if not git_is_there():
        raise SourceError(f"{clone.shown}: git is not installed; install it, or leave networks.replicate.history out")
    clone.update()
    head = clone.head()
    _require_same_history(clone, head, after)
    nights, wrong = _nights_after(clone.file_commits(head, LIST), after, now)
    wanted = [night for night in nights if is_wanted(datetime.fromtimestamp(night.at, UTC))]
    clone.fetch_contents([night.blob for night in wanted])
    for night in wanted:
        try:
            yield _night_snapshot(clone, night)
        except SourceError as error:
            wrong.append(f"{night.commit[:12]}: {error}")
    if clone.address:
        _mark_file(clone).write_text(f"{head}\n", encoding="ascii")
    if wrong:
        rest = f"; and {len(wrong) - SHOWN} more" if wrong[SHOWN:] else ""
        raise SourceError(f"{clone.shown}: nights left out: {'; '.join(wrong[:SHOWN])}{rest}")


def history_clone(place: str, data: Path, timeout: float) -> GitClone:
    """The clone at a path, or our own of an address."""
    return open_clone(place, data / "replicate" / "history.git", timeout)


def night_checksum(clone: GitClone, url: str) -> str | None:
    """The checksum of a night as the clone has it; empty if it cannot be read, `None` if the clone lacks it."""
    commit = url.removeprefix(REFS).partition("/")[0]
    if not (clone.folder / "HEAD").is_file() or not clone.contains(commit, clone.head()):
        return None
    try:
        return list_checksum((model.key, model.run_count) for model in _models(clone.content(f"{commit}:{LIST}")))
    except SourceError:
        return ""


def probe(clone: GitClone) -> str:
    """What `doctor` says of the history; reads nothing but its newest commit. Raises `SourceError`."""
    if not git_is_there():
        raise SourceError(f"{clone.shown}: git is not installed; install it, or leave networks.replicate.history out")
    newest = clone.remote_head()
    return f"{clone.shown} answers, newest commit {newest[:12]}"


def _require_same_history(clone: GitClone, head: str, after: Night) -> None:
    if not clone.contains(after.commit, head):
        raise SourceError(
            f"{clone.shown}: its history does not hold {after.commit[:12]}, the last night of the record: it is "
            "another repository, or its history was rewritten; nothing of it was read"
        )
    mark = _mark_file(clone)
    if clone.address and mark.is_file() and not clone.contains(read := mark.read_text("ascii").strip(), head):
        raise SourceError(
            f"{clone.shown}: its history was rewritten: it no longer holds {read[:12]}, which was read before; nothing "
            f"of it was read; remove {mark} to accept it"
        )


def _mark_file(clone: GitClone) -> Path:
    """Names the newest commit that was read."""
    return clone.folder.with_name("history.head")


def _nights_after(commits: list[FileCommit], after: Night, now: datetime) -> tuple[list[FileCommit], list[str]]:
    """The commits after a night, and what is wrong with those that are left out."""
    nights: list[FileCommit] = []
    wrong: list[str] = []
    last = int(after.at.timestamp())
    known = next((place for place, commit in enumerate(commits) if commit.commit == after.commit), -1)
    for commit in commits[known + 1 :]:
        if commit.at <= last or commit.at > now.timestamp():
            wrong.append(f"{commit.commit[:12]}: its time is not after that of the night before, or in the future")
        elif not commit.blob:
            wrong.append(f"{commit.commit[:12]}: has no file {LIST}")
        else:
            nights.append(commit)
            last = commit.at
    return nights, wrong


def _night_snapshot(clone: GitClone, night: FileCommit) -> Snapshot:
    at = datetime.fromtimestamp(night.at, UTC)
    models = _models(clone.content(night.blob))
    by_name: dict[str, ListedModel] = {}
    for model in models:
        held = by_name.get(model.key)
        if held is None or held.run_count <= model.run_count:
            by_name[model.key] = model
    listings = tuple(Listing(model_identity(name), model_identity(name.partition("/")[0])) for name in sorted(by_name))
    counts = (by_name[name].run_count for name in sorted(by_name))
    readings = tuple(Reading(listing.model, count) for listing, count in zip(listings, counts, strict=True))
    checksum = list_checksum((model.key, model.run_count) for model in models)
    ref = SourceRef(Night(at, night.commit, len(listings), 0).url, at, checksum)
    return Snapshot("replicate", "models", at, ref, listings, readings, record=REFS)


def _models(content: bytes) -> list[ListedModel]:
    try:
        models = msgspec.json.decode(content, type=list[ListedModel])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f"is not a list of models: {error}") from error
    for model in models:
        if not MODEL_NAME.fullmatch(model.key) or not model.key.isprintable():
            raise SourceError(f"names the model {SafeName(model.key)!r}, wanted owner/name")
    return models
