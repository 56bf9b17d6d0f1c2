"""Queries of the command line, the web and Discord. All interfaces answer the same, because all of them call this.

An answer is read, never computed: figures come from the archive, models' days from the ledger. It is a document (plain
JSON values) that a template renders. `registry` declares every query with its options; each interface derives its
commands, paths and pages from that.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.queries.context import COLLECT, NotFoundError, QueryContext, QueryError, WatchedNetwork
    from bot.queries.model_queries import compare, idle, model, top, why
    from bot.queries.network_queries import (
        about,
        digest,
        inventory,
        kept_digests,
        method,
        metric_definitions,
        networks,
        status,
        trend,
        usage,
    )
else:
    __getattr__ = lazy_attributes(__name__, __file__)
