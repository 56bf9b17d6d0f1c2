"""The worker: `python -m bot run`. Rounds of work on a tick, sides beside them, and a clean end.

The modules: `cycle` (one look at what there is to do), `supervisor` (what runs beside, kept running), `monitoring`
(/health and /metrics), `state` (what is known of how it goes). The rule: everything may be cut off anywhere, since
what must not happen twice rests on the outbox; stopping cleanly is a courtesy with a deadline.
"""

from bot.worker.cycle import WorkCycle, WorkerContext
from bot.worker.monitoring import WorkerHealth, monitoring_service
from bot.worker.state import WorkerState
from bot.worker.supervisor import BackgroundService, start_service
from bot.worker.worker import Opened, Worker, WorkerError
