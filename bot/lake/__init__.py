"""The lake: what was told event by event, as Parquet by network, catalogue and day, in a folder or in object storage.

One rule holds here: nothing is changed in place. A day is a manifest that names its files by what they hold; a new
manifest takes the place of an old one in a single step, and a file that is not what its manifest says is refused. The
modules: `place` (where it lies), `days` (a day's files and how it changes), `engine` (DuckDB), `rollup` (one day added
up, a pure function), `callers` (who called on several days).
"""

from bot.lake.callers import Known, about, exact
from bot.lake.days import Day, Manifest, Told, changed, check, compacted, empty, nameless, pruned, read, salvaged
from bot.lake.files import Part
from bot.lake.place import LakeError, Place, opened, reachable
from bot.lake.rollup import Rollup, attempted, rollup
from bot.lake.settings import Lake

__all__ = [
    "Day",
    "Known",
    "Lake",
    "LakeError",
    "Manifest",
    "Part",
    "Place",
    "Rollup",
    "Told",
    "about",
    "attempted",
    "changed",
    "check",
    "compacted",
    "empty",
    "exact",
    "nameless",
    "opened",
    "pruned",
    "reachable",
    "read",
    "rollup",
    "salvaged",
]
