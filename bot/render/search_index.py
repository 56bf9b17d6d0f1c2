"""The index of names that the search on the site reads: small files by the first letters of each word of a name.

A file holds every name that has a word beginning with its letters, or the most used of them where there are too many;
then there is a file for each next letter too. So a search loads one file of bounded size, however many names there
are. `templates/site/names.js` finds the file in the same way: a change here is a change there.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nsmallest
from itertools import groupby

MOST = 200
"""Names in one file."""
DEEPEST = 12
"""Most letters of a file."""
WHOLE = "all"
"""The file of every name."""
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class SearchEntry:
    """A name that can be found."""

    place: int
    """Which of the lists it is in."""
    name: str
    address: str
    """The last part of the address of its page."""


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """The files of the index."""

    places: Sequence[Mapping[str, str]]
    """The lists: network, title, kind, folder."""
    entries: Sequence[SearchEntry]
    """The most used first."""
    nodes: Mapping[str, Sequence[int]]
    """For the first letters of a word, which entries have such a word; no more than one beyond `MOST`."""

    def index_bytes(self) -> bytes:
        """What a search reads first: the lists, and for which letters there are files; 1 where a file has not all."""
        nodes = {node: int(len(held) > MOST) for node, held in self.nodes.items()}
        return _json_bytes({"places": list(self.places), "nodes": nodes})

    def find(self, text: str) -> tuple[list[SearchEntry], bool]:
        """The entries that have words beginning like those of a text, the most used first, and whether there may be
        more. Reads what a browser would read."""
        sought = words_of(text)
        chosen = [self._node_of(word) for word in sought]
        if not sought or None in chosen:
            return [], False
        node = min((node for node in chosen if node is not None), key=lambda node: (self._is_cut(node), -len(node)))
        entries = [self.entries[number] for number in self.nodes[node][:MOST]]
        return [entry for entry in entries if _matches(sought, words_of(entry.name))], self._is_cut(node)

    def _is_cut(self, node: str) -> bool:
        return len(self.nodes[node]) > MOST

    def _node_of(self, word: str) -> str | None:
        """The deepest file for the first letters of a word; `None` where no name has such a word."""
        letters = word[:DEEPEST]
        node = next(letters[:length] for length in range(len(letters), -1, -1) if letters[:length] in self.nodes)
        return None if self._is_cut(node) and len(node) < len(letters) else node

    def node_bytes(self, node: str) -> bytes:
        """The file of some letters."""
        chosen = (self.entries[number] for number in self.nodes[node][:MOST])
        return _json_bytes([[entry.place, entry.name, entry.address] for entry in chosen])


def _json_bytes(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def search_index(places: Sequence[Mapping[str, str]], entries: Sequence[SearchEntry]) -> SearchIndex:
    """The index of some entries, the most used first."""
    pairs = sorted((word, number) for number, entry in enumerate(entries) for word in words_of(entry.name))
    nodes = {"": range(min(len(entries), MOST + 1)), **dict(_nodes(pairs, 1))} if len(entries) > MOST else {}
    return SearchIndex(places, entries, nodes or {"": range(len(entries))})


def _nodes(pairs: Sequence[tuple[str, int]], depth: int) -> Iterator[tuple[str, Sequence[int]]]:
    """The nodes of the first `depth` letters of some words, in order, and those of the next letter where there are too
    many."""
    for node, held in groupby(pairs, key=lambda pair: pair[0][:depth]):
        if len(node) == depth:
            below = list(held)
            numbers = {number for _, number in below}
            yield node, nsmallest(MOST + 1, numbers)
            if len(numbers) > MOST and depth < DEEPEST:
                yield from _nodes(below, depth + 1)


def _matches(sought: frozenset[str], words: frozenset[str]) -> bool:
    return all(any(word.startswith(start) for word in words) for start in sought)


def words_of(name: str) -> frozenset[str]:
    """The words of a name, without case and accents."""
    return frozenset(_WORDS.findall(_folded(name)))


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    plain = unicodedata.normalize("NFKD", name.lower())
    return "".join(c for c in plain if unicodedata.category(c)[0] != "M")


@lru_cache(maxsize=4096)
def node_file(node: str) -> str:
    """The file of some letters. Other characters than those of ASCII are written as their numbers."""
    safe = "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in node)
    return f"search/{f'in-{safe}' if node else WHOLE}.json"
