"""The error of the store."""

from __future__ import annotations

from bot.records import FootfallError


class StoreError(FootfallError):
    """The database cannot be used: which one and why."""

    def __init__(self, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.cure = cure
        """What to do, if the database's error code tells."""
