"""Answers to the questions that faces ask: the command line, the web and Discord say the same because all ask here.

An answer is looked up, never computed: figures come from the archive, models' days from the ledger. It is a document
(plain JSON values) that a template puts into words. `registry` declares every question with its options, and each face
makes its commands, addresses and pages from that.
"""

from bot.queries.context import COLLECT, NotFoundError, QueryContext, QueryError, WatchedNetwork
from bot.queries.model_queries import compare, idle, model, top, why
from bot.queries.network_queries import (
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
