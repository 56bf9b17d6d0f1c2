"""The lake: single events as Parquet files by network, catalogue and day, in a folder or in object storage.

The rule: nothing is changed in place. A manifest names a day's files by their hashes; a new manifest replaces the old
one in a single step, and a file that differs from its manifest is refused.

`layout` says what a day consists of, `storage` where it is, `day_files` how it changes, `parquet` how rows are written
and queried through `duckdb_engine`, `rollup` how one day is added up and who called on several days (pure), and
`table_files` makes tables for readers.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.lake.day_files import (
        DayUpdate,
        check_files,
        compact_day,
        empty_manifest,
        prune_day,
        read_manifest,
        salvage_day,
        unnamed_uses,
        update_day,
    )
    from bot.lake.layout import DayRef, LakeSettings, Manifest, ParquetFile
    from bot.lake.rollup import (
        CallerCount,
        DayRollup,
        estimate_callers,
        exact_callers,
        largest_callers,
        roll_up_day,
        try_roll_up,
    )
    from bot.lake.storage import LakeError, Storage, check_reachable, open_storage
    from bot.lake.table_files import parquet_bytes
else:
    __getattr__ = lazy_attributes(__name__, __file__)
