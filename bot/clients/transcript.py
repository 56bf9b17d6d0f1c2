"""Transcripts: what networks answered in one run, in one file that can be replayed offline.

A transcript is hostile: it comes from someone else. It is read within limits of bytes and lines, and a damaged one is
one line of error. Request headers, which carry keys, are never written; `Disguise` takes secrets out of the rest.
"""

from __future__ import annotations

import base64
import lzma
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from bot.records import FootfallError
from bot.redaction import make_redactor, redact

FORMAT = 1
MAX_BODIES = 64 * 2**20
"""Bytes of all bodies of a transcript; what is asked beyond them fails."""
MAX_TEXT = 2 * MAX_BODIES
"""Bytes of a transcript that is read, uncompressed."""
MAX_FILE = 64 * 2**20
_KEY_LIKE = re.compile(r"/(?=[^/]*\d)[A-Za-z0-9_-]{16,}(?=/|$)")
"""A part of a path that is as long as a key and holds a digit."""


class TranscriptError(FootfallError):
    """A transcript that cannot be read or written."""


class Exchange(msgspec.Struct, frozen=True):
    """One request and what came back."""

    method: str
    url: str
    question: str
    """The body of the request."""
    status: int
    """0 where there was no answer."""
    headers: dict[str, str]
    body: str
    coding: str
    """How `body` holds the bytes: "utf-8", or "base64"."""
    error: str
    """The kind of failure, before or after the body; empty if it is whole."""

    @property
    def content(self) -> bytes:
        return base64.b64decode(self.body) if self.coding == "base64" else self.body.encode()


class Header(msgspec.Struct, frozen=True):
    """The first line of a transcript."""

    format: int
    network: str
    at: datetime
    settings: dict[str, Any]
    """The network's block of `config.yaml`, without paths of the machine."""
    secrets: list[str]
    """Names of the secrets that were set."""


class _End(msgspec.Struct, frozen=True):
    """The last line, so that a transcript that was cut off is noticed."""

    exchanges: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """A transcript in memory."""

    header: Header
    exchanges: Sequence[Exchange]


@dataclass(frozen=True, slots=True)
class Disguise:
    """Takes secrets out of what is written: their values wherever they stand, and addresses that may hold a key."""

    addresses: Mapping[str, str]
    """Configured address to the one that is written in its place."""
    remove: Callable[[str], str]

    def of_url(self, url: str) -> str:
        for address, written in self.addresses.items():
            if url.startswith(address):
                return redact(self.remove(written + url[len(address) :]))
        return redact(self.remove(url))

    def of_bytes(self, content: bytes) -> tuple[str, str]:
        """The bytes as text without secrets, and its coding."""
        try:
            return self.of_text(content.decode()), "utf-8"
        except UnicodeDecodeError:
            shown = self.of_text(content.decode("latin-1")).encode("latin-1", "replace")
            return base64.b64encode(shown).decode(), "base64"

    def of_text(self, text: str) -> str:
        for address, written in self.addresses.items():
            text = text.replace(address, written)
        return self.remove(text)

    def of_settings(self, value: Any) -> Any:
        """Settings, or a part of them."""
        if isinstance(value, dict):
            return {key: self.of_settings(held) for key, held in value.items()}
        if isinstance(value, list | tuple):
            return [self.of_settings(held) for held in value]
        return self.of_text(value) if isinstance(value, str) else value


def make_disguise(settings: Mapping[str, Any], secrets: Iterable[str]) -> Disguise:
    """The disguise of a network's settings and secrets."""
    keyed = sorted({text for text in _texts(settings) if "://" in text and _may_hold_key(text)}, key=len, reverse=True)
    addresses = {}
    for number, address in enumerate(keyed, 1):
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        addresses[address] = urlunsplit((parts.scheme, host, f"/endpoint-{number}", "", ""))
    return Disguise(addresses, make_redactor([*secrets]) if secrets else lambda text: text)


def _may_hold_key(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.query or "@" in parts.netloc or _KEY_LIKE.search(parts.path))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for held in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(held)


def save_transcript(path: Path, transcript: Transcript) -> None:
    """Write a transcript, compressed. Raises `TranscriptError`."""
    parts = [transcript.header, *transcript.exchanges, _End(len(transcript.exchanges))]
    try:
        with lzma.open(path, "wb", preset=1) as file:
            for part in parts:
                file.write(msgspec.json.encode(part) + b"\n")
    except OSError as error:
        raise TranscriptError(f"{path}: cannot be written: {error.strerror}; name another file with --save") from error


def load_transcript(path: Path) -> Transcript:
    """Read a transcript. Raises `TranscriptError` with one line if it is damaged or none."""
    try:
        first, *rest, last = _lines(path)
        header = msgspec.json.decode(first, type=Header)
        exchanges = [msgspec.json.decode(line, type=Exchange) for line in rest]
        end = msgspec.json.decode(last, type=_End)
        for exchange in exchanges:
            _ = exchange.content
    except OSError as error:
        raise TranscriptError(f"{path}: cannot be read: {error.strerror}; name a transcript's file") from error
    except (lzma.LZMAError, EOFError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        why = type(error).__name__
        raise TranscriptError(f"{path}: damaged, or no transcript ({why}); ask for the file again") from error
    if header.format != FORMAT or end.exchanges != len(exchanges):
        found = f"format {header.format} with {len(exchanges)} of {end.exchanges} answers"
        raise TranscriptError(f"{path}: found {found}, wanted format {FORMAT} and all answers; ask for the file again")
    return Transcript(header, exchanges)


def _lines(path: Path) -> list[bytes]:
    if path.stat().st_size > MAX_FILE:
        raise ValueError("too large")
    with lzma.open(path, "rb") as file:
        content = file.read(MAX_TEXT + 1)
    if len(content) > MAX_TEXT:
        raise ValueError("too large")
    return content.splitlines()
