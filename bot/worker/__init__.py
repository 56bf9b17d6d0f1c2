"""The worker: `python -m bot run`. Rounds of work on a tick, sides beside them, and a clean end.

The modules: `cycle` (one look at what there is to do), `supervisor` (what runs beside, kept running), `monitoring`
(/health and /metrics), `state` (what is known of how it goes). The rule: everything may be cut off anywhere, since
what must not happen twice rests on the outbox; stopping cleanly is a courtesy with a deadline.
"""

from bot.worker.cycle import Bench, Round
from bot.worker.monitoring import Worked, serving
from bot.worker.state import State
from bot.worker.supervisor import Side, start_service
from bot.worker.worker import Opened, Worker, WorkerError

__all__ = ["Bench", "Opened", "Round", "Side", "State", "Worked", "Worker", "WorkerError", "serving", "start_service"]
