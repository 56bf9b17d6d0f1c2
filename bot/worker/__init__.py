"""The worker, `python -m bot run`: work cycles on a tick, background services, and a clean stop.

The process may be killed at any step. Nothing is posted twice, because the outbox records each step before it is taken.
A clean stop has a deadline.

`worker` runs the ticks and keeps the background services running, and `cycle` does the work of one tick.
`monitoring_server` serves /health and /metrics, for which `monitoring` reads the facts and `state` holds the rest.
"""

from bot.worker.cycle import WorkCycle, WorkerContext
from bot.worker.monitoring import WorkerHealth
from bot.worker.monitoring_server import monitoring_service
from bot.worker.state import WorkerState
from bot.worker.worker import BackgroundService, Opened, Worker, WorkerError, start_service
