"""Maps content ids to Hub models by the models' file lists, each requested once and stored.

A use on chain names a content id, the listing an author and a name. If `llmPath` does not connect the two, a model's
files do. The response's shape is that of the SDK's upload call (opengradient 1.1.4, `client/model_hub.py`).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import msgspec

from bot.clients.http import HttpFailure
from bot.records import SafeName, SourceError
from bot.sources.opengradient.content_claims import ContentClaims
from bot.sources.opengradient.model_hub import (
    CONTENT_ID,
    HubModel,
    Key,
    Sleep,
    decode_rows,
    get_with_retries,
    listing_url,
)

STALE = timedelta(days=7)
"""A model may get new files: its list is requested again after this time if ids are still unmapped."""
FAILED_FOR = timedelta(days=1)
"""Time until a model whose files could not be read is requested again."""
DOWN = 3
"""After this many failures in a row the Hub is at fault and not a model."""


class KnownFiles(msgspec.Struct, frozen=True):
    """One model's files on one day."""

    author: str
    name: str
    asked: date
    content: tuple[str, ...]
    failed: bool = False
    """They could not be read; `content` is what they were before."""


_ID_FIELDS = ("ipfsCid", "walrusBlobId", "blobId", "cid")


@dataclass(frozen=True, slots=True)
class HubFileIndex:
    """The Hub's file lists, cached on disk."""

    client: httpx.Client
    base: str
    memory: Path
    """A JSON file; created with its folder on first use."""
    sleep: Sleep = time.sleep

    @property
    def claims(self) -> ContentClaims:
        """Whose a content id was first, as files say."""
        return ContentClaims(self.memory.with_name("hub_file_claims.json"))

    def content_owners(
        self, wanted: Collection[str], entries: Mapping[Key, HubModel], today: date, asks: int = 200
    ) -> dict[str, SafeName]:
        """The models that content ids belong to, with at most `asks` new requests. Empty until every listed model was
        requested, because the first ones may hold copies. A model whose files cannot be read counts as requested and is
        requested again the next day. An id that several models hold belongs to the first that held it alone, otherwise
        to none. Raises `SourceError` if the Hub itself fails; earlier results are kept."""
        known = {(each.author, each.name): each for each in self._load_known()}
        never = sorted(entries.keys() - known.keys())
        try:
            self._ask_models(never[:asks], known, today)
            held = _content_holders(known, entries)
            for key in _stale_models(known, entries, today)[: max(0, asks - len(never))]:
                if held.keys() >= set(wanted):
                    break
                self._ask_models([key], known, today)
                held = _content_holders(known, entries)
        finally:
            self._save_known(known)
        if entries.keys() - known.keys():
            return {}
        return self.claims.owners({content: held[content] for content in wanted if content in held}, entries)

    def _ask_models(self, keys: Sequence[Key], known: dict[Key, KnownFiles], today: date) -> None:
        """Ask for the files of models. Raises `SourceError` after `DOWN` failures in a row."""
        failures: list[Key] = []
        for key in keys:
            try:
                known[key] = KnownFiles(*key, today, self._fetch_files(key))
            except SourceError:
                failures.append(key)
                if len(failures) >= DOWN:
                    raise
                continue
            self._record_failures(failures, known, today)
            failures.clear()
        self._record_failures(failures, known, today)

    def _record_failures(self, keys: Iterable[Key], known: dict[Key, KnownFiles], today: date) -> None:
        for key in keys:
            before = known[key].content if key in known else ()
            known[key] = KnownFiles(*key, today, before, failed=True)

    def _fetch_files(self, key: Key) -> tuple[str, ...]:
        author, name = key
        if name in (".", ".."):  # Quoting does not stop these from naming another folder of the Hub.
            return ()
        url = f"{listing_url(self.base)}{quote(name, safe='')}/files"
        answer = get_with_retries(self.client, url, {"authorUsername": author}, self.sleep)
        if isinstance(answer, HttpFailure):
            if answer.status == 404:
                return ()
            raise SourceError(f"{url}: found {answer.reason}, wanted a list of files; try again later")
        try:
            files = decode_rows(answer.content)
        except ValueError as error:
            raise SourceError(f"{url}: found no list of files ({SafeName(str(error), 100)})") from error
        every = (file.get(field) for file in files if isinstance(file, dict) for field in _ID_FIELDS)
        return tuple(sorted({text for text in every if isinstance(text, str) and CONTENT_ID.fullmatch(text)}))

    def _load_known(self) -> list[KnownFiles]:
        try:
            return msgspec.json.decode(self.memory.read_bytes(), type=list[KnownFiles])
        except (FileNotFoundError, msgspec.MsgspecError):
            return []

    def _save_known(self, known: Mapping[Key, KnownFiles]) -> None:
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.memory.parent, prefix=".", delete=False) as file:
            file.write(msgspec.json.encode(list(known.values())))
        os.replace(file.name, self.memory)


def _content_holders(known: Mapping[Key, KnownFiles], entries: Mapping[Key, HubModel]) -> dict[str, set[Key]]:
    """Content ids to the listed models that have them."""
    held: dict[str, set[Key]] = {}
    for key in known.keys() & entries.keys():
        for content in known[key].content:
            held.setdefault(content, set()).add(key)
    return held


def _stale_models(known: Mapping[Key, KnownFiles], entries: Mapping[Key, HubModel], today: date) -> list[Key]:
    """Listed models whose file lists are too old, the oldest first."""
    stale = [
        key
        for key in known.keys() & entries.keys()
        if today - known[key].asked > STALE or (known[key].failed and today - known[key].asked >= FAILED_FOR)
    ]
    return sorted(stale, key=lambda key: (known[key].asked, key))
