"""Every part on its way to one destination, and what became of it: sent once, or a recorded reason why not.

A delivery goes `planned -> sending -> sent | refused | unknown`, or `skipped`. Each change is committed before the next
step touches the world, so that a process may die anywhere: what it held becomes `unknown`, and the outlet is asked.

The modules: `rows` (a delivery as a value), `rules` (what an outcome means; pure), `periods_due` (which periods; pure),
`outbox` (the only one that writes), `polls` (what readers were asked with them), `sender` (claims, hands to the outlet,
reports).
"""

from bot.deliveries._planning import Shape
from bot.deliveries.due import Due, expiry_time, periods_due, publish_gate
from bot.deliveries.outbox import Outbox, Paused
from bot.deliveries.polls import POLLS, Asked
from bot.deliveries.rows import NOTICES, Delivery, DeliveryError, Edition
from bot.deliveries.rules import RESENDS
from bot.deliveries.sender import Content, Ready, Run, flush_outbox, follow_up

__all__ = [
    "NOTICES",
    "POLLS",
    "RESENDS",
    "Asked",
    "Content",
    "Delivery",
    "DeliveryError",
    "Due",
    "Edition",
    "Outbox",
    "Paused",
    "Ready",
    "Run",
    "Shape",
    "expiry_time",
    "flush_outbox",
    "follow_up",
    "periods_due",
    "publish_gate",
]
