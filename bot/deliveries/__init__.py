"""Every part on its way to one destination, and what became of it: sent once, or a recorded reason why not.

A delivery goes `planned -> sending -> sent | refused | unknown`, or `skipped`. Each change is committed before the next
step touches the world, so that a process may die anywhere: what it held becomes `unknown`, and the outlet is asked.

The modules: `delivery` (a delivery as a value, and what an outcome makes of it; pure), `periods_due`
(which periods; pure), `outbox` (the only one that writes), `poll_store` (what readers were asked with them), `sender`
(claims, hands to the outlet, reports).
"""

from bot.deliveries._planning import PostShape
from bot.deliveries.delivery import NOTICES, RESENDS, Delivery, DeliveryError, EditionKey
from bot.deliveries.due_periods import DuePeriods, expiry_time, periods_due, publish_gate
from bot.deliveries.outbox import Outbox, PausedOutlet
from bot.deliveries.poll_store import POLLS, PollRecord
from bot.deliveries.sender import DeliveryContent, OutboxPass, OutletHandle, flush_outbox, follow_up
