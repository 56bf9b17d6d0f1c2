"""Where the lake is and how much of the machine it may use, as plain values that can be sent to any worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LakeSettings:
    """One lake."""

    url: str
    """A folder, or an address that fsspec knows (`s3://bucket/folder`), without secrets: the environment has them."""
    memory: str = "400MB"
    """Memory that DuckDB may use in one process, all threads together."""
    exact_callers_up_to: int = 20_000_000
    """Up to this many events, the callers of several days are counted exactly; above it, they are estimated."""
    spill: str = ""
    """A folder of this machine for data that does not fit into that memory; if empty or missing, the folder for
    temporary files."""
