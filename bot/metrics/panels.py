"""What panels show: figures about a network that are not models and usage on one list."""

from __future__ import annotations

from decimal import Decimal

from bot.metrics.registry import NO_USE, Value, metric, value_ratio
from bot.records import PeriodData, Unknown, message


@metric(unit="registrations", label="enclaves registered, restarts included", panel="tee")
def enclaves_registered(book: PeriodData) -> Value:
    """Enclave keys that the network's registries have ever listed for serving models. Each restart of a machine makes a
    new key, so this counts starts and not machines."""
    return _shown_gauge(book, "enclaves_registered")


@metric(unit="enclaves", label="enclaves enabled", panel="tee")
def enclaves_enabled(book: PeriodData) -> Value:
    """Enclave keys that the registries list as enabled, the most seen at once between 06:00 UTC of the day and 06:00 of
    the next."""
    return _shown_gauge(book, "enclaves_enabled")


@metric(unit="enclaves", label="enclaves active", panel="tee")
def enclaves_active(book: PeriodData) -> Value:
    """Enclaves that are enabled, run approved code and gave a sign of life in the last half hour, the most seen at once
    between 06:00 UTC of the day and 06:00 of the next."""
    return _shown_gauge(book, "enclaves_active")


@metric(unit="machines", label="machines that are active", panel="tee")
def machines_active(book: PeriodData) -> Value:
    """Active enclaves counted by owner and endpoint, so that a machine which restarted counts once."""
    return _shown_gauge(book, "machines_active")


@metric(unit="owners", label="owners of active enclaves", panel="tee")
def owners_active(book: PeriodData) -> Value:
    """Distinct addresses that own an active enclave."""
    return _shown_gauge(book, "owners_active")


@metric(unit="sessions", label="paid sessions", panel="payments", version=2)
def sessions(book: PeriodData) -> Value:
    """Payments to the network's operator that came through a payment proxy in the period. One session pays for many
    requests, and requests that cost nothing leave no payment. A lower bound where more than one in a hundred transfers
    to the operator came through a contract that is not known."""
    return _shown_gauge(book, "sessions")


@metric(unit="requests", label="requests as the operator reports them", panel="payments", evidence="reported")
def requests_reported(book: PeriodData) -> Value:
    """Requests that the network's facilitator says were paid for in the period, without proof: anyone who settles a
    payment can state any number. The day is that of the payment."""
    return _shown_gauge(book, "requests_reported")


@metric(unit="requests", label="requests to private chutes", panel="traffic")
def requests_private(book: PeriodData) -> Value:
    """Requests in the period to chutes that show no name. They are on no list, so they are part of no figure about
    models."""
    return _shown_gauge(book, "requests_private")


@metric(unit="share", label="share of requests that go to private chutes", panel="traffic")
def share_private(book: PeriodData) -> Value:
    """Requests in the period to chutes that show no name, divided by the requests to all chutes."""
    return value_ratio(_shown_gauge(book, "requests_private"), _shown_gauge(book, "requests_all"), NO_USE)


@metric(unit="tokens", label="tokens read", panel="traffic")
def tokens_in(book: PeriodData) -> Value:
    """Tokens in the period that all chutes together were given, private ones included. Chutes for images and the like
    count none."""
    return _shown_gauge(book, "tokens_in")


@metric(unit="tokens", label="tokens written", panel="traffic")
def tokens_out(book: PeriodData) -> Value:
    """Tokens in the period that all chutes together wrote, private ones included. Chutes for images and the like count
    none."""
    return _shown_gauge(book, "tokens_out")


@metric(unit="requests", label="requests made on chain", panel="demand")
def requests_made(book: PeriodData) -> Value:
    """Requests to mechs in the period that the marketplace booked when they were made. Requests made off chain are not
    part of it: they are booked only with their delivery."""
    return _shown_gauge(book, "requests_made")


def _shown_gauge(book: PeriodData, key: str) -> Value:
    gauge = book.gauges.get(key, Unknown(message("not_shown", day=book.period.last)))
    return float(gauge) if isinstance(gauge, Decimal) else gauge
