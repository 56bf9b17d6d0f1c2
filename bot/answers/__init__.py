"""Answers to the questions that faces ask: the command line, the web and Discord say the same because all ask here.

An answer is looked up, never computed: figures come from the archive, models' days from the ledger. It is a document
(plain JSON values) that a template puts into words.
"""

from bot.answers.desk import COLLECT, AnswerError, Desk, NotFoundError, Watched
from bot.answers.models import compare, idle, model, top, why
from bot.answers.networks import (
    about,
    digest,
    inventory,
    kept_digests,
    known_networks,
    method,
    metric_definitions,
    status,
    trend,
    usage,
)

__all__ = [
    "COLLECT",
    "AnswerError",
    "Desk",
    "NotFoundError",
    "Watched",
    "about",
    "compare",
    "digest",
    "idle",
    "inventory",
    "kept_digests",
    "known_networks",
    "method",
    "metric_definitions",
    "model",
    "status",
    "top",
    "trend",
    "usage",
    "why",
]
