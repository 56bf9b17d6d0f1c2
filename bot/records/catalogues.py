"""Catalogues and panels of a network, and the evidence of their figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Evidence = Literal["reported", "claimed", "backed", "verified"]
COMPARISON = "networks"
"""The name of the comparison of networks in schedules, commands and the archive; no network may have it."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A list of models on offer and the usage that can be counted against that same list."""

    network: str
    key: str
    title: str
    unit: str
    """What one use is called, in the plural: runs, inferences, downloads."""
    evidence: Evidence
    """The evidence that its figures rest on."""
    evidences: tuple[Evidence, ...] = ()
    """If use is read event by event: each evidence that uses are counted in, separately. Empty if use is the difference
    of counters."""
    place: str = ""
    """Where those events are read, as reasons name it: "the settlement chain"."""
    panel: bool = False
    """True: this is a panel with metrics of its own, not a list of models."""
    token: tuple[str, int] = ("", 0)
    """The token of payments, and the number of its decimals."""
    breaks: tuple[date, ...] = ()
    """The first days on which use was counted in another way than before; no figure reaches across them."""
    ranked: bool = False
    """Whether unnamed use belongs to models that were used less than each named one."""
    names_callers: bool = False
    """Whether its digests name the largest callers."""
    caveats: tuple[str, ...] = ()
    """What a reader could misunderstand about any of its figures, in whole sentences."""

    @property
    def is_daily(self) -> bool:
        """Whether the network reports complete totals of closed days."""
        return self.evidence == "reported" and bool(self.evidences)
