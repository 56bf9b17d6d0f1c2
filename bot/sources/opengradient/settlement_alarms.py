"""The alarm for settlements that were judged and not recognised: what it was, and which config value to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from bot.records import SettlementVerdict, short_date


def unrecognised_alarm(verdicts: Sequence[SettlementVerdict], day: date) -> str:
    """What of these settlements was not recognised, with the config value to look at; empty where it is a small
    share."""
    states, standings = Counter(verdict.state for verdict in verdicts), Counter[str]()
    for verdict in verdicts:
        standings.update(verdict.standings)
    leaves = standings.total() + sum(verdict.verified for verdict in verdicts if isinstance(verdict.verified, int))
    parts = [
        (states["stranger"], len(verdicts), "settlements came from senders that are not pinned", "signers"),
        (states["refused"], len(verdicts), "batches are in no form that is known", "a newer version of Footfall"),
        (standings["unknown key"], leaves, "leaves came from enclaves that no registry lists", "registries"),
        (standings["bad signature"], leaves, "leaves did not pass the signature check", "registries"),
        (standings["implausible time"], leaves, "leaves are signed too far from their block", "relays"),
    ]
    lines = [
        f"{part:,} of {whole:,} {words}: check {'' if ' ' in value else 'networks.opengradient.'}{value}"
        for part, whole, words, value in parts
        if 100 * part > whole
    ]
    return f"{short_date(day)}: {'; '.join(lines)}; see: python -m bot doctor" if lines else ""
