"""Rate limits for commands, per member and per server (sliding window of request times)."""

from __future__ import annotations

import math
from collections import OrderedDict

from discord.app_commands import Cooldown

PER_USER = (6, 15.0)
"""Number of requests, and the length of the window in seconds."""
PER_GUILD = (120, 10.0)
KEPT = 10_000
"""Most members and servers in memory; those whose last request is oldest are dropped first."""


class Cooldowns:
    """Recent request times, in memory only."""

    def __init__(self, per_user: tuple[int, float] = PER_USER, per_guild: tuple[int, float] = PER_GUILD) -> None:
        self._rates = {"user": per_user, "guild": per_guild}
        self._known: OrderedDict[tuple[str, int], Cooldown] = OrderedDict()

    def seconds_to_wait(self, user: int, guild: int | None, at: float) -> int:
        """Seconds to wait, rounded up; 0 if the request is allowed, which counts it. `at` is in seconds."""
        askers = [("user", user)] + ([("guild", guild)] if guild is not None else [])
        cooldowns = [self._cooldown_for(*asker) for asker in askers]
        left = max(cooldown.get_retry_after(at) for cooldown in cooldowns)
        if left > 0:
            return math.ceil(left)
        for cooldown in cooldowns:
            cooldown.update_rate_limit(at)
        return 0

    def forget_user(self, user: int) -> None:
        """Forget a member's requests."""
        self._known.pop(("user", user), None)

    def _cooldown_for(self, kind: str, asker: int) -> Cooldown:
        key = (kind, asker)
        if key not in self._known:
            self._known[key] = Cooldown(*self._rates[kind])
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]
