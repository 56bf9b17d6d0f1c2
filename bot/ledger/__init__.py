"""What networks told us: records as they were read, and queries on them.

The rule: other packages import from here and `maintenance` alone. `add_snapshots` stores snapshots, `add_event_batch`
a batch of events (`keep_event_batch` and `add_up` are its two halves). `load_period_data` and `load_panel_data` return
everything that the figures of one period are computed from. The rest answers the questions of the interfaces.

`snapshots` and `events` each hold one kind of record from writing to period data, `queries` holds questions over both,
and `maintenance` checks and compacts stored days.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.ledger.catalogue_query import HISTORY
    from bot.ledger.events.lake_days import add_up
    from bot.ledger.events.period_data import load_panel_data
    from bot.ledger.events.source_state import SourceState
    from bot.ledger.events.write import IngestResult, add_event_batch, keep_event_batch
    from bot.ledger.queries.daily_use import DayUse, daily_use, daily_use_of_groups
    from bot.ledger.queries.day_checksums import day_checksums
    from bot.ledger.queries.known_models import KnownModel, NamedModel, known_models, most_used
    from bot.ledger.queries.models import (
        DayListing,
        ModelStanding,
        Offered,
        UsageComparison,
        UsedModel,
        day_listing,
        model_standing,
        usage_comparison,
    )
    from bot.ledger.queries.new_models import NewModel, NewModels, new_models
    from bot.ledger.queries.period_data import day_history, load_period_data
    from bot.ledger.queries.rankings import (
        DateRange,
        RankingRow,
        closed_span,
        data_version,
        history_of,
        known_names,
        listed_span,
        model_rankings,
        most_used_on,
        names_by_use,
        read_span,
        snapshot_days,
    )
    from bot.ledger.queries.reading_state import ListState, ReadingState, reading_state
    from bot.ledger.queries.use_over_time import PeriodUse, SelectedBy, UseOverTime, group_names, use_over_time
    from bot.ledger.snapshots.held_days import (
        Decision,
        Hold,
        held_days,
        hold_reason,
        mark_recomposed,
        outdated_since,
        record_decision,
    )
    from bot.ledger.snapshots.write import CLOSES_WITHIN, SnapshotResult, add_snapshot, add_snapshots, closed_day
else:
    __getattr__ = lazy_attributes(__name__, __file__)
