"""Queries of the command line, the web and Discord. All interfaces answer the same, because all of them call this.

An answer is read, never computed: figures come from the archive, models' days from the ledger. It is a document (plain
JSON values) that a template renders. `registry` declares every query with its options; each interface derives its
commands, paths and pages from that.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.queries.compare_queries import compare
    from bot.queries.context import COLLECT, NotFoundError, QueryContext, QueryError, WatchedNetwork
    from bot.queries.group_queries import author, category
    from bot.queries.health_queries import health
    from bot.queries.list_queries import new, new_models, records
    from bot.queries.metric_queries import method, metric_definitions, metrics, trend, trend_between
    from bot.queries.model_lists import models
    from bot.queries.model_queries import idle, idle_models, model, top, why
    from bot.queries.network_queries import (
        about,
        digest,
        inventory,
        kept_digests,
        networks,
        status,
        usage,
    )
else:
    __getattr__ = lazy_attributes(__name__, __file__)
