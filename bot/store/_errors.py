"""What the store says where the database cannot be used."""

from __future__ import annotations

from bot.records import FootfallError


class StoreError(FootfallError):
    """The database cannot be used: which one, why, and the cure."""
