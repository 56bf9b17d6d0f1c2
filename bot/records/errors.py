"""The base of Footfall's own exceptions, and the error of sources."""

from __future__ import annotations


class FootfallError(Exception):
    """Base of Footfall's own exceptions: one line for the person who must act, and the exit code of a command."""

    exit_code = 1


class SourceError(FootfallError):
    """A network could not be read. One line: what, what was found, what was wanted, what to do."""
