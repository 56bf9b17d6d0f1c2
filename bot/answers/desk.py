"""The desk where questions arrive: what may be asked of which network, and who was meant by a name half remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from bot import ledger
from bot.archive import Archive
from bot.records import Catalogue, Document, FootfallError, Name, Period, PeriodName
from bot.store import Store

T = TypeVar("T", bound=str)

SUGGESTIONS = 3


class AnswerError(FootfallError):
    """A question that cannot be answered as it was put; one line that says what would be."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Watched:
    """A network as the faces know it."""

    network: str
    title: str
    catalogues: tuple[Catalogue, ...]
    about: str
    """Its methodology page: the source's docstring."""
    headline: Mapping[str, str]

    @property
    def first(self) -> Catalogue:
        """The catalogue that leads."""
        return next((c for c in self.catalogues if c.key == self.headline["catalogue"]), self.catalogues[0])


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that an answer is looked up in."""

    store: Store
    archive: Archive
    watched: Mapping[str, Watched]
    hidden: Sequence[str]
    clock: Callable[[], datetime]

    def network(self, name: str | None) -> Watched:
        """The network asked about; the first configured one where none is named."""
        if not self.watched:
            raise AnswerError("config.yaml: networks: none is configured")
        if name is None:
            return next(iter(self.watched.values()))
        if name not in self.watched:
            raise AnswerError(f"{name}: no such network; known: {', '.join(self.watched)}{meant(name, self.watched)}")
        return self.watched[name]

    def document(self, network: str, period: PeriodName = "day", day: date | None = None) -> Document:
        """The digest asked about: of the period that holds `day`, or the newest."""
        if day is None:
            newest = self.archive.newest(network, period)
            if newest is None:
                raise AnswerError(f"{network}: no {period} digest yet; run: python -m bot compose --period {period}")
            return newest
        self.past(day)
        found = self.archive.digest(network, period, Period.holding(day, period).first)
        if found is None:
            raise AnswerError(f"{network}: no {period} digest for {day}{self._kept(network, period)}")
        return found

    def past(self, day: date) -> None:
        """Refuse a day in the future."""
        if day > self.clock().date():
            raise AnswerError(f"{day}: is in the future; today is {self.clock().date()} (UTC)")

    def _kept(self, network: str, period: PeriodName) -> str:
        kept = self.archive.listed(network, period)
        return f"; there are {len(kept)}, from {kept[0].day} to {kept[-1].day}" if kept else "; there is none yet"

    def model(self, watched: Watched, name: str) -> tuple[Catalogue, Name]:
        """The model meant by `name`, in whichever catalogue has it. Near misses are suggested, not taken."""
        for catalogue in watched.catalogues:
            names = ledger.known_names(self.store, catalogue)
            exact = [n for n in names if n.casefold() == name.casefold()]
            ending = [n for n in names if n.casefold().rpartition("/")[2] == name.casefold()]
            if exact or len(ending) == 1:
                return self._unhidden(catalogue, (exact or ending)[0])
        everything = [n for c in watched.catalogues for n in ledger.known_names(self.store, c)]
        raise AnswerError(f"{name}: no such model on {watched.title}{meant(name, self._public(everything))}")

    def _unhidden(self, catalogue: Catalogue, name: Name) -> tuple[Catalogue, Name]:
        if not self._public([name]):
            raise AnswerError("this name is hidden here")
        return catalogue, name

    def _public(self, names: Sequence[Name]) -> list[Name]:
        hidden = set(self.hidden)
        return [n for n in names if n not in hidden and n.partition("/")[0] not in hidden]

    def matches(self, watched: Watched, fragment: str, limit: int = 25) -> list[Name]:
        """Names that complete what was typed, best first."""
        names = [n for c in watched.catalogues for n in ledger.known_names(self.store, c)]
        return closest(fragment, self._public(names), limit)


def meant(name: str, known: Sequence[str] | Mapping[str, object]) -> str:
    """The end of a sentence about an unknown name: what may have been meant."""
    close = closest(name, list(known), SUGGESTIONS, cutoff=60)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def closest(fragment: str, known: Sequence[T], limit: int, cutoff: int = 30) -> list[T]:
    from rapidfuzz import fuzz, process

    if not fragment:
        return list(known[:limit])
    found = process.extract(
        fragment.casefold(), known, scorer=fuzz.WRatio, processor=str.casefold, limit=limit, score_cutoff=cutoff
    )
    return [choice for choice, _score, _place in found]
