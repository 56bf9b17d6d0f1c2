"""A list of your own: models from an address, a file or a database that `config.yaml` names, with how often each was
used. There may be several, each under its own name.

**What is counted.** Either a counter that each model shows, of which the difference of two nights is a day's use, or
uses by day and model, as a second place states them: the request log of a gateway, say. Whoever keeps the list states
these numbers, so the evidence is *reported*.

**Where it comes from.** A block with `kind: catalogue`; [catalogue.md](catalogue.md) has examples. The list is read
once a day, soon after midnight UTC. With a counter, only a list of the first hour closes the day before. With uses by
day, the last closed days are read again each day; a day that comes out differently gets a new edition.

**What is not known.**

* Use before the first list, where there is a counter: the first night has no use.
* A closed day without any row of use is unknown, unless the block says that it is zero; never before a known day.
* A night on which none of 30 or more counters moved, and all others that [plausibility.md](plausibility.md) holds.
* Names that no list has: their uses count as use and as no listed model's.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes
from bot.records import Catalogue

if TYPE_CHECKING:
    from bot.sources.catalogue.settings import CatalogueSettings as Settings
    from bot.sources.catalogue.source import make_network
else:
    __getattr__ = lazy_attributes(__name__, __file__)


TITLE = "A list of your own"
CATALOGUES = (Catalogue("catalogue", "models", "models", "uses", "reported"),)
SECRETS: tuple[str, ...] = ()
