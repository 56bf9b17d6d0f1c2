"""Autocomplete for the names of models, authors and categories: best match and most used first.

The names of all networks are in memory, in the order of their use. An index of letter pairs finds typing errors among
100,000 names without a look at each.
"""

from __future__ import annotations

import hashlib
import re
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Literal, get_args

from bot import ledger
from bot.i18n import N_
from bot.queries import QueryContext, QueryError
from bot.queries.group_queries import group_names
from bot.records import SafeName

NameKind = Literal["model", "author", "category"]
KINDS: tuple[NameKind, ...] = get_args(NameKind)
SHOWN = 25
"""Most choices that Discord shows (interactions/receiving-and-responding, Autocomplete)."""
LONGEST = 100
"""Most characters of a choice's name and of its value (interactions/application-commands, Option Choice)."""
CANDIDATES = 300
MANY = 2000
_TOKEN = re.compile(r"~[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class IndexedModel:
    """A model, an author or a category, and its network."""

    network: str
    model: SafeName

    @property
    def token(self) -> str:
        """A short token, used if the name is too long or its network must be given as well."""
        text = f"{self.network}\n{self.model}"
        return f"~{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def is_token(text: str) -> bool:
    """Whether a text looks like a token."""
    return _TOKEN.fullmatch(text) is not None


_UNKNOWN: Mapping[NameKind, str] = MappingProxyType(
    {
        "model": N_("this model is not known any more; ask again by its name"),
        "author": N_("this author is not known any more; ask again by the name"),
        "category": N_("this category is not known any more; ask again by its name"),
    }
)


def resolve_tokens(
    options: Mapping[str, str], kinds: Mapping[str, NameKind], names: Callable[[NameKind], ModelNameIndex]
) -> tuple[dict[str, str], str | None]:
    """Options with names in place of tokens, and the network of the name. `kinds`: what each option that may be a token
    names. Raises `QueryError` for a token that no name has any more."""
    resolved, network = dict(options), None
    for key in kinds.keys() & options.keys():
        if not is_token(options[key]):
            continue
        known = names(kinds[key]).by_token(options[key])
        if known is None:
            raise QueryError(_UNKNOWN[kinds[key]])
        resolved[key], network = known.model, known.network
    return resolved, network


class ModelNameIndex:
    """An immutable index over names in the order of their use."""

    def __init__(self, known: Sequence[IndexedModel]) -> None:
        self.known = tuple(known)
        self._folded = [model.model.casefold() for model in self.known]
        self._tokens = {model.token: place for place, model in enumerate(self.known)}
        self._whole = sorted((name, place) for place, name in enumerate(self._folded))
        self._tails = sorted((name.rpartition("/")[2], place) for place, name in enumerate(self._folded))
        self._text = "\n".join(self._folded)
        self._starts = list(accumulate((len(name) + 1 for name in self._folded[:-1]), initial=0))
        self._holding = _pair_positions(self._folded)

    def by_token(self, token: str) -> IndexedModel | None:
        """The model of a token; `None` for any other text."""
        place = self._tokens.get(token)
        return None if place is None else self.known[place]

    def find_matches(
        self, typed: str, wanted: Callable[[IndexedModel], bool], limit: int = SHOWN
    ) -> list[IndexedModel]:
        """Names that complete a text: equal, starting with it, starting with it after the author, containing it, then
        near misses; each group by use."""
        matches: dict[int, IndexedModel] = {}
        for place in self._match_positions(SafeName(typed).casefold()):
            if place not in matches and wanted(self.known[place]):
                matches[place] = self.known[place]
                if len(matches) == limit:
                    break
        return list(matches.values())

    def _match_positions(self, typed: str) -> Iterator[int]:
        if not typed:
            yield from range(len(self.known))
            return
        for ordered in (self._whole, self._tails):
            yield from (place for _, place in _slice_between(ordered, typed, typed))
        yield from self._prefix_positions(self._whole, typed, lambda name: name.startswith(typed))
        yield from self._prefix_positions(self._tails, typed, lambda name: name.rpartition("/")[2].startswith(typed))
        yield from self._substring_positions(typed)
        yield from self._fuzzy_positions(typed)

    def _prefix_positions(
        self, ordered: Sequence[tuple[str, int]], typed: str, fits: Callable[[str], bool]
    ) -> Iterator[int]:
        """Positions of names that start with a text, by use. If there are many, a scan in the order of use finds the
        first soon; otherwise they are found by bisection and sorted."""
        endings = _slice_between(ordered, typed, typed + "\U0010ffff")
        if len(endings) > MANY:
            return (place for place, name in enumerate(self._folded) if fits(name))
        return iter(sorted(place for _, place in endings))

    def _substring_positions(self, typed: str) -> Iterator[int]:
        """Positions of names that contain a text, by use. No name has a line break."""
        at = self._text.find(typed)
        while at >= 0:
            place = bisect_right(self._starts, at) - 1
            yield place
            at = self._text.find(typed, self._starts[place] + len(self._folded[place]))

    def _fuzzy_positions(self, typed: str) -> list[int]:
        """Positions of names that share letter pairs with a text, the nearest first."""
        import numpy as np  # 10 MB, needed only if no name matches
        from rapidfuzz import fuzz

        lists = [np.frombuffer(self._holding[pair], "i") for pair in _letter_pairs(typed) if pair in self._holding]
        if not lists:
            return []
        hits = np.bincount(np.concatenate(lists), minlength=len(self.known))
        most = min(CANDIDATES, len(self.known))
        # Equal scores keep the order of use.
        weighed = hits * len(self.known) - np.arange(len(self.known))
        best = np.argpartition(-weighed, most - 1)[:most]
        scored = [(fuzz.WRatio(typed, self._folded[place]), -int(place)) for place in best if hits[place]]
        return [-place for score, place in sorted(scored, reverse=True) if score >= 50]


def _slice_between(ordered: Sequence[tuple[str, int]], first: str, last: str) -> Sequence[tuple[str, int]]:
    """Entries from one text to another, both included."""
    return ordered[bisect_left(ordered, (first, -1)) : bisect_right(ordered, (last, len(ordered)))]


def _letter_pairs(text: str) -> set[str]:
    return {text[at : at + 2] for at in range(len(text) - 1)}


def _pair_positions(names: Sequence[str]) -> dict[str, array[int]]:
    """Each letter pair and the positions of the names that contain it."""
    places: dict[str, array[int]] = {}
    for place, name in enumerate(names):
        for pair in _letter_pairs(name):
            places.setdefault(pair, array("i")).append(place)
    return places


def load_names(desk: QueryContext, kind: NameKind = "model") -> ModelNameIndex:
    """The names of every network, most used first; the networks alternate, so that none hides another."""
    if kind == "model":
        lists = [
            [
                IndexedModel(watched.network, name)
                for name in ledger.names_by_use(desk.store, catalogue)
                if not desk.is_hidden(name)
            ]
            for watched in desk.watched.values()
            for catalogue in watched.catalogues
        ]
    else:
        lists = [
            [IndexedModel(watched.network, name) for _, name in group_names(desk, kind, watched)]
            for watched in desk.watched.values()
        ]
    longest = max(map(len, lists), default=0)
    return ModelNameIndex([names[at] for at in range(longest) for names in lists if at < len(names)])


class RefreshingNameIndex:
    """The names as last read; read again when the ledger changes."""

    def __init__(self, desk: QueryContext) -> None:
        self._desk = desk
        self._mark: tuple[int, int] | None = None
        self._refresh_lock = threading.Lock()
        self.by_kind: Mapping[NameKind, ModelNameIndex] = dict.fromkeys(KINDS, ModelNameIndex(()))

    @property
    def names(self) -> ModelNameIndex:
        """The models."""
        return self.by_kind["model"]

    def refresh(self) -> None:
        """Read the names again if the ledger changed. Takes seconds with many models; call it off the event loop.
        Raises `StoreError`."""
        with self._refresh_lock:
            mark = ledger.data_version(self._desk.store)
            if mark != self._mark:
                self.by_kind, self._mark = {kind: load_names(self._desk, kind) for kind in KINDS}, mark

    def get_names(self, kind: NameKind = "model") -> ModelNameIndex:
        """The names; read on the first call. Raises `StoreError`."""
        if self._mark is None:
            self.refresh()
        return self.by_kind[kind]


def closest_keys(typed: str, words: Mapping[str, str], limit: int = SHOWN) -> list[str]:
    """Keys whose key or words complete a text; all of them, in their order, for an empty text."""
    from rapidfuzz import fuzz

    folded = typed.strip().casefold()
    if not folded:
        return list(words)[:limit]
    scored = [
        (folded in key.casefold() or folded in word.casefold(), fuzz.WRatio(folded, f"{key} {word}".casefold()), -place)
        for place, (key, word) in enumerate(words.items())
    ]
    keys = list(words)
    return [keys[-place] for held, score, place in sorted(scored, reverse=True) if held or score >= 60][:limit]
