"""Every part on its way to one destination, and its outcome: sent once, or a recorded reason why not.

A delivery goes `planned -> sending -> sent | refused | unknown`, or `skipped`. Each change is committed before the next
external step, so that a process may be killed anywhere: its deliveries become `unknown`, and the outlet is asked.

The modules: `delivery` (a delivery as a value, and the effect of an outcome; pure), `periods_due` (which periods are
due; pure), `outbox` (the only writer), `poll_store` (polls and votes), `sender` (claims, sends, records).
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.deliveries._planning import PostShape
    from bot.deliveries.delivery import NOTICES, RESENDS, Delivery, DeliveryError, EditionKey
    from bot.deliveries.due_periods import DuePeriods, expiry_time, periods_due, publish_gate
    from bot.deliveries.outbox import Outbox, PausedOutlet
    from bot.deliveries.poll_store import POLLS, PollRecord
    from bot.deliveries.sender import DeliveryContent, OutboxPass, OutletHandle, flush_outbox, follow_up
else:
    __getattr__ = lazy_attributes(__name__, __file__)
