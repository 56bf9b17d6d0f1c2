"""The lake: single uses and payments as Parquet files by network, catalogue and day, in a folder or in object storage.

The rule: nothing is changed in place. A day is a manifest that names its files by their hashes. A new manifest replaces
an old one in a single step, and a file that differs from its manifest is refused. `storage` stores files, `day_files`
has the files of a day and their changes, `duckdb_engine` runs DuckDB, `rollup` computes the totals of one day (a pure
function), and `caller_counts` counts callers over several days.
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

__all__ = [
    "CallerCount",
    "DayRef",
    "DayRollup",
    "DayUpdate",
    "LakeError",
    "LakeSettings",
    "Manifest",
    "ParquetFile",
    "Storage",
    "check_files",
    "check_reachable",
    "compact_day",
    "empty_manifest",
    "estimate_callers",
    "exact_callers",
    "open_storage",
    "prune_day",
    "read_manifest",
    "roll_up_day",
    "salvage_day",
    "try_roll_up",
    "unnamed_uses",
    "update_day",
]
