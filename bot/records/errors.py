"""The root of all that Footfall itself raises."""

from __future__ import annotations


class FootfallError(Exception):
    """What Footfall itself raises: one line for whoever must act on it, and the exit code it ends a command with."""

    exit_code = 1


class SourceError(FootfallError):
    """A network could not be read. One line: which thing, what was found, what was wanted, what to do."""
