"""The values that every package uses: what networks told us, and what we make of it. No I/O.

Every type here is frozen; records are never amended. The nouns: `catalogues` (what is watched), `snapshots` and
`event_batch` (what networks said), `period_data` (what the ledger answers with), `posts` (what comes out); `names`,
`periods`, `messages` and `unknown` (what all of them are made of), `errors`, `checks` (what `doctor` reports).
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.records.catalogues import COMPARISON, Catalogue, Evidence
    from bot.records.checks import CheckResult, try_check
    from bot.records.errors import FootfallError, SourceError
    from bot.records.event_batch import (
        BlockRange,
        CompleteWindow,
        DayTotals,
        EventBatch,
        Gauge,
        Payment,
        Settlement,
        SettlementVerdict,
        State,
        Use,
    )
    from bot.records.messages import Message, collect_messages, join_messages, message, message_parts, restore_messages
    from bot.records.names import SafeName, model_identity
    from bot.records.period_data import (
        CallerStats,
        Estimate,
        Grouping,
        GroupKind,
        HistoryPoint,
        Model,
        PeriodData,
        Usage,
    )
    from bot.records.periods import Period, PeriodName, each_day, short_date, start_of_day
    from bot.records.posts import Document, Link, Picture, Poll, Post, Receipt, catalogues_and_panels
    from bot.records.snapshots import MAX_COUNT, Listing, Reading, Snapshot, SourceRef
    from bot.records.unknown import AtLeast, Unknown, at_least, few_named, unnamed_use_reason
else:
    __getattr__ = lazy_attributes(__name__, __file__)
