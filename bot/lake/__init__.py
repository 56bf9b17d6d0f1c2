"""The lake: what was told event by event, as Parquet by network, catalogue and day, in a folder or in object storage.

One rule holds here: nothing is changed in place. A day is a manifest that names its files by what they hold; a new
manifest takes the place of an old one in a single step, and a file that is not what its manifest says is refused. The
modules: `storage` (where it lies), `day_files` (a day's files and how it changes), `duckdb_engine` (DuckDB),
`roll_up_day` (one day added up, a pure function), `caller_counts` (who called on several days).
"""

from bot.lake.caller_counts import CallerCount, estimate_callers, exact_callers
from bot.lake.day_files import (
    DayRef,
    DayUpdate,
    Manifest,
    check_files,
    compact_day,
    empty_manifest,
    prune_day,
    read_manifest,
    salvage_day,
    unnamed_uses,
    update_day,
)
from bot.lake.parquet import ParquetFile
from bot.lake.rollup import DayRollup, roll_up_day, try_roll_up
from bot.lake.settings import LakeSettings
from bot.lake.storage import LakeError, Storage, check_reachable, open_storage
