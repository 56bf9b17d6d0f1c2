"""The types that walk through Footfall: what networks said, and what we make of it.

Records are never amended: every type here is frozen. The nouns: `catalogues` (what is watched), `snapshots` and
`event_batch` (what networks said), `period_data` (what the ledger answers with), `posts` (what comes out); `names`,
`periods` and `unknown` (what all of them are made of), `errors`.
"""

from bot.records.catalogues import Catalogue, Evidence
from bot.records.errors import FootfallError, SourceError
from bot.records.event_batch import Blocks, Gauge, Haul, Judgement, Payment, Settlement, State, Use, Window
from bot.records.names import Name, model_identity
from bot.records.period_data import About, Book, Callers, Flow, Grouping, GroupKind, Model, Point
from bot.records.periods import Period, PeriodName, each_day, short_date, start_of_day
from bot.records.posts import Document, Picture, Poll, Post, Receipt, catalogues_and_panels
from bot.records.snapshots import MAX_COUNT, Listing, Reading, Ref, Snapshot
from bot.records.unknown import AtLeast, Unknown, at_least, few_named, unnamed_use_reason

__all__ = [
    "MAX_COUNT",
    "About",
    "AtLeast",
    "Blocks",
    "Book",
    "Callers",
    "Catalogue",
    "Document",
    "Evidence",
    "Flow",
    "FootfallError",
    "Gauge",
    "GroupKind",
    "Grouping",
    "Haul",
    "Judgement",
    "Listing",
    "Model",
    "Name",
    "Payment",
    "Period",
    "PeriodName",
    "Picture",
    "Point",
    "Poll",
    "Post",
    "Reading",
    "Receipt",
    "Ref",
    "Settlement",
    "Snapshot",
    "SourceError",
    "State",
    "Unknown",
    "Use",
    "Window",
    "at_least",
    "catalogues_and_panels",
    "each_day",
    "few_named",
    "model_identity",
    "short_date",
    "start_of_day",
    "unnamed_use_reason",
]
