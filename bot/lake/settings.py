"""Where the lake is and how much of the machine its work may take: plain values that travel to any worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LakeSettings:
    """One lake."""

    url: str
    """A folder, or an address that fsspec knows (`s3://bucket/folder`), without secrets: the environment has them."""
    memory: str = "400MB"
    """What DuckDB may take in one process, all its threads together."""
    exact_callers_up_to: int = 20_000_000
    """Events of several days among which callers are counted one by one; of more, they are estimated."""
    spill: str = ""
    """A folder of this machine for what does not fit into that memory; empty, or not there: that for temporary
    files."""
