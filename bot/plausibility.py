"""Decides which readings of a list may become figures: pure rules between the ledger and the digest.

A reading is compared with the last sound one before it. An implausible one is held: it counts as a missed reading until
later readings confirm or contradict it. docs/plausibility.md explains how the thresholds were chosen, and what they
miss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, Protocol

from bot.records import Message, message, short_date

FEW = 4
"""Models that may leave a list, or whose counters may fall, in one night without suspicion, however short the list."""
SHARE = 0.02
"""Share of a list that may be missing besides those. The most in one night of Replicate's 544 dates: 43 of 2,907
(1.5%), 31 of 1,897 (1.6%)."""
LARGE = 0.1
"""Share of all use by the missing models; less is within the changes of an ordinary day."""
MANY = 30
"""Least number of used models, or moved counters, for which their number is significant. In a list of a dozen models,
one may always have a tenth of the use, and all may be idle on one day."""
FROZEN = 0.25
"""Share of the previously moved counters: at least so many must move again. The least on Replicate's dates: 0.53, the
day after an exceptional one."""
LONGER = 0.5
"""Share by which a list may grow in one night. The most on Replicate's dates: 0.018."""
LONG_GAP = 7
"""Days without any reading after which a list may have changed in any way: the next reading starts again."""
CONFIRMED_BY = 3
"""Further days whose readings must agree with a held one to confirm it: a model missing three nights is not gone."""


@dataclass(frozen=True, slots=True)
class Change:
    """The difference between a reading and an earlier one, in numbers of models."""

    before: int
    """Models listed in the earlier one."""
    now: int
    missing: int
    """How many of those are not listed now."""
    silent: int = 0
    """How many of those are listed without a counter now."""
    fell: int = 0
    moved: int = 0
    """Counters that are lower and counters that are higher now."""
    missing_use: int = 0
    """Use of the missing and silent ones in the days up to the earlier reading."""
    use_before: int = 0
    """Use of all models in those days. A counter restored after a fall is no use, here and above."""
    moved_before: int = 0
    """Counters that moved in those days; 0 if unknown."""
    above_zero: int = 0
    """Models of the earlier reading whose counter was above zero."""
    idle_before: bool = False
    """Whether it is known that no counter moved in those days, as after an operator confirmed it."""


def find_fault(change: Change) -> str:
    """What is implausible about a change, without its day; empty where nothing."""
    allowed = FEW + SHARE * change.before
    if change.before and not change.now:
        return fault_message("list_empty")
    if change.missing > allowed:
        return fault_message("list_short", percent=100 * change.missing // change.before)
    if change.missing + change.silent > allowed:
        return fault_message("counters_missing", models=change.silent)
    if change.moved_before >= MANY and change.missing_use >= LARGE * change.use_before > 0:
        share = 100 * change.missing_use // change.use_before
        return fault_message("used_models_missing", percent=share)
    if change.fell > allowed:
        return fault_message("counters_had_fallen", n=change.fell)
    if frozen(change):
        return fault_message("counters_frozen", n=change.moved, m=change.moved_before)
    if still(change):
        return fault_message("counters_still", n=change.above_zero)
    if change.before and change.now - change.before > FEW + max(LONGER * change.before, MANY):
        return fault_message("list_longer", percent=100 * (change.now - change.before) // change.before)
    return ""


def fault_message(code: str, **params: int) -> Message:
    """A fault without its day."""
    return Message(message(code, **params, day="").removesuffix(" at the end of "), code, params)


def dated_fault(fault: str, day: date) -> str:
    """A fault with its day; one that an earlier version stored is plain text."""
    dated = message(fault.code, **fault.params, day=day) if isinstance(fault, Message) else ""
    return dated or f"{fault} at the end of {short_date(day)}"


def frozen(change: Change) -> bool:
    """Whether so few counters moved that the list seems frozen."""
    return change.moved_before >= MANY and change.moved < FROZEN * change.moved_before


def still(change: Change) -> bool:
    """Whether not one of many counters moved: the list seems not to have been updated, whatever moved before."""
    return change.above_zero >= MANY and change.moved == 0 and not change.idle_before


def is_ordinary_for(change: Change, missing_use: int, use_before: int, moved_before: int) -> bool:
    """Whether the use of the days before can make nothing of a change implausible, if the missing models had at most
    so much of it, all had at least so much, and at most so many counters moved."""
    enough_moved = change.moved > 0 and change.moved >= FROZEN * moved_before
    return enough_moved and (missing_use == 0 or missing_use < LARGE * use_before)


State = Literal["held", "rejected", "confirmed"]


@dataclass(frozen=True, slots=True)
class Mark:
    """The verdict on a reading that is, or was, implausible."""

    state: State
    fault: str
    agreed: int = 0
    """How many further days agree with it, directly or through each other."""
    by_hand: bool = False
    """Set by an operator: no reading changes it."""


@dataclass(frozen=True, slots=True)
class ClosingSnapshot:
    """A snapshot that would close a day: one reading of the whole list."""

    id: int
    day: date
    decided: Mark | None = None
    """An operator's decision."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for a reading."""

    reading: ClosingSnapshot
    closes: bool
    """Whether it closes its day."""
    mark: Mark | None = None


class Compare(Protocol):
    """Compares a reading with an earlier one; `prior` is the reading before that. The use of the days before may be
    left out where the change is ordinary whatever it is."""

    def __call__(self, prior: ClosingSnapshot | None, before: ClosingSnapshot, now: ClosingSnapshot) -> Change: ...


@dataclass(frozen=True, slots=True)
class Track:
    """The state of judging: the last sound reading, the one before it, and the readings held since."""

    prior: ClosingSnapshot | None = None
    base: ClosingSnapshot | None = None
    held: tuple[tuple[ClosingSnapshot, Mark], ...] = ()

    def after_sound_reading(self, reading: ClosingSnapshot) -> Track:
        return Track(self.base, reading)


def judge_reading(track: Track, reading: ClosingSnapshot, compare: Compare) -> tuple[Track, list[Verdict]]:
    """Judge the next reading. Returns the new track, and the new and changed verdicts, oldest first."""
    decided, base = reading.decided, track.base
    newest = track.held[-1][0] if track.held else base
    if decided is not None and decided.state == "rejected":
        return track, [Verdict(reading, False, decided)]
    if base is None or newest is None:
        return track.after_sound_reading(reading), [Verdict(reading, True, decided)]
    wrong = find_fault(compare(_recent_reading(track.prior, base), base, reading))
    if newest.day == reading.day and (not track.held or (wrong and decided is None)):
        return track, [Verdict(reading, False)]  # of two readings of a day, the first stays
    if not wrong and decided is None:
        return track.after_sound_reading(reading), [*_reject_held(track), Verdict(reading, True)]
    agrees = _agrees_with_held(track, base, reading, compare)
    if decided is not None or (reading.day - newest.day).days > LONG_GAP:
        before = _confirm_held(track.held) if agrees else _reject_held(track)
        return Track(newest if agrees else base, reading), [*before, Verdict(reading, True, decided)]
    mark = Mark("held", wrong, track.held[-1][1].agreed + 1 if agrees else 0)
    held = (*track.held, (reading, mark))
    if mark.agreed < CONFIRMED_BY:
        return replace(track, held=held), [Verdict(reading, False, mark)]
    return Track(newest, reading), [*_confirm_held(held)]


def _recent_reading(prior: ClosingSnapshot | None, base: ClosingSnapshot) -> ClosingSnapshot | None:
    """The reading before another, unless it is so old that the use and movement between say nothing about one day."""
    return prior if prior is not None and (base.day - prior.day).days <= LONG_GAP else None


def _agrees_with_held(track: Track, base: ClosingSnapshot, reading: ClosingSnapshot, compare: Compare) -> bool:
    """Whether a reading agrees with the newest held one: nothing else is wrong, and what was missing did not come back.
    A frozen list always agrees with itself, so that does not count."""
    if not track.held:
        return False
    prior = track.held[-2][0] if len(track.held) > 1 else base
    newest = track.held[-1][0]
    change = compare(_recent_reading(prior, newest), newest, reading)
    ordinary = compare(_recent_reading(track.prior, base), base, newest)
    if frozen(ordinary) and frozen(replace(change, moved_before=ordinary.moved_before)):
        return False
    back = compare(None, base, newest).missing - compare(None, base, reading).missing
    return not find_fault(change) and back <= FEW + SHARE * change.before


def _reject_held(track: Track) -> Iterator[Verdict]:
    """Reject the held readings, which a later one contradicts."""
    return (Verdict(snapshot, False, replace(mark, state="rejected")) for snapshot, mark in track.held)


def _confirm_held(held: Sequence[tuple[ClosingSnapshot, Mark]]) -> Iterator[Verdict]:
    """Confirm held readings that agree up to the newest one; not those before them."""
    agreeing = held[-1][1].agreed + 1
    for place, (snapshot, mark) in enumerate(held):
        sound = len(held) - place <= agreeing
        yield Verdict(snapshot, sound, replace(mark, state="confirmed" if sound else "rejected"))


def judge_all(readings: Iterable[ClosingSnapshot], compare: Compare) -> list[Verdict]:
    """Judge all readings in order. Returns the last verdict on each."""
    track, verdicts = Track(), dict[int, Verdict]()
    for reading in readings:
        track, changes = judge_reading(track, reading, compare)
        verdicts |= {verdict.reading.id: verdict for verdict in changes}
    return list(verdicts.values())
