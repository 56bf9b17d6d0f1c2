"""What a network is watched for: its catalogues and panels, and how strong their evidence is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Evidence = Literal["reported", "claimed", "backed", "verified"]


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
    """Of a catalogue whose use is told event by event: every evidence it is counted in, each for itself. Empty where
    use is the difference of counters."""
    place: str = ""
    """Where those events are read, as reasons name it: "the settlement chain"."""
    panel: bool = False
    """True: it is no list of models but a panel, with metrics of its own."""
    token: tuple[str, int] = ("", 0)
    """What is paid in, and how many decimals its smallest unit has."""
    caveats: tuple[str, ...] = ()
    """What a reader of any of its figures could misread, in whole sentences."""
