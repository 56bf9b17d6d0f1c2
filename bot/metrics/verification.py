"""How well use is proven, who calls, what is paid. Figures of different evidence stand side by side, never added."""

from __future__ import annotations

from decimal import Decimal

from bot.metrics.registry import DAY_ONLY, NO_USE, Value, metric, value_ratio
from bot.metrics.usage import uses
from bot.records import AtLeast, CallerStats, Estimate, Evidence, PeriodData, Unknown, message


def _has_callers(book: PeriodData) -> bool:
    return book.callers is not None


def _has_money(book: PeriodData) -> bool:
    return book.paid is not None


def _is_proven(book: PeriodData) -> bool:
    return "verified" in book.evidence and "backed" in book.evidence


@metric(unit="uses", label="{unit} claimed", evidence="claimed")
def uses_claimed(book: PeriodData) -> Value:
    """Uses that recognised senders claimed on chain in the period, backed or not: of each batch the size it states, and
    where its contents can be read no more than they hold. Unknown where no senders are pinned, since then anyone can
    claim."""
    return _uses_by_evidence(book, "claimed")


@metric(unit="uses", label="{unit} backed by readable batches", evidence="backed")
def uses_backed(book: PeriodData) -> Value:
    """Distinct uses in batches settled in the period that can be read and whose Merkle root, computed again, is the one
    on chain. Whether their signatures are genuine is another figure."""
    return _uses_by_evidence(book, "backed")


@metric(unit="uses", label="{unit} verified", evidence="verified", version=2)
def uses_verified(book: PeriodData) -> Value:
    """Distinct uses settled in the period that bear a genuine signature of an enclave which was registered before it
    signed; or, where a contract books each use, what it booked as paid. A lower bound where a settlement has no verdict
    yet, or more than one in a hundred was not recognised."""
    return _uses_by_evidence(book, "verified")


@metric(unit="uses", label="{unit} as the operator reports them", evidence="reported")
def uses_reported(book: PeriodData) -> Value:
    """All use in the period as the network's operator reports it, without proof."""
    return _uses_by_evidence(book, "reported")


@metric(unit="share", label="share of backed {unit} that are verified", applies=_is_proven, version=2)
def share_verified(book: PeriodData) -> Value:
    """Verified uses divided by backed ones. A lower bound where the verified ones are; unknown where the backed ones
    are one."""
    verified, backed = _uses_by_evidence(book, "verified"), _uses_by_evidence(book, "backed")
    if isinstance(backed, int) and _certain_number(verified) > backed:
        return Unknown(message("verified_from_earlier_period"))
    return value_ratio(verified, backed, NO_USE)


@metric(unit="addresses", label="callers", applies=_has_callers)
def callers(book: PeriodData) -> Value | Estimate:
    """Distinct addresses that used a model or paid for use in the period, where that can be seen. One person may have
    many addresses, and one address may serve many people. Over several days it may be estimated, and then says so."""
    return _caller_count(book.callers)


@metric(unit="addresses", label="callers in 7 days", periods=DAY_ONLY, applies=_has_callers)
def callers_7d(book: PeriodData) -> Value | Estimate:
    """Distinct addresses that used a model or paid for use in the 7 days that end with this day: who came on two of
    them counts once. Of very many it is estimated, and then says so."""
    return _caller_count(book.callers_7d)


@metric(unit="addresses", label="callers in 30 days", periods=DAY_ONLY, applies=_has_callers)
def callers_30d(book: PeriodData) -> Value | Estimate:
    """Distinct addresses that used a model or paid for use in the 30 days that end with this day: who came on two of
    them counts once. Of very many it is estimated, and then says so."""
    return _caller_count(book.callers_30d)


@metric(unit="share", label="share of the largest caller", applies=_has_callers)
def top_caller_share(book: PeriodData) -> Value:
    """Share of all use in the period, or where money is counted of the amount paid, that the largest single address
    has."""
    if isinstance(book.callers, Unknown):
        return book.callers
    if book.callers is None:
        return Unknown(message("callers_not_visible"))
    if book.callers.top is None:
        return Unknown(message("callers_estimated"))
    return value_ratio(book.callers.top, book.callers.whole, NO_USE)


@metric(unit="token", label="paid", applies=_has_money)
def paid(book: PeriodData) -> Decimal | Unknown:
    """Amount paid in the period, exact, in whole tokens. A payment proves a payment: an operator can pay itself."""
    return book.paid if book.paid is not None else Unknown(message("payments_not_visible"))


def _caller_count(stats: CallerStats | Unknown | None) -> Value | Estimate:
    if isinstance(stats, Unknown):
        return stats
    if stats is None:
        return Unknown(message("callers_not_visible"))
    return Estimate(stats.count, stats.error) if stats.error else stats.count


def _certain_number(value: Value) -> int | float:
    if isinstance(value, AtLeast):
        return float(value.value)
    return 0 if isinstance(value, Unknown) else value


def _uses_by_evidence(book: PeriodData, evidence: Evidence) -> Value:
    """Uses of one evidence; those of a catalogue with a single evidence are simply its uses."""
    if evidence in book.evidence:
        return book.evidence[evidence]
    return uses(book) if book.catalogue.evidence == evidence else Unknown(message("no_evidence", word=evidence))
