"""Chutes (subnet 64 of Bittensor) runs open models for whoever pays, on machines that anybody may add. It publishes,
without a key, how many requests each model answered on each day since 30 January 2025.

**What is counted.** A request is a call that the network's validator booked, whether it was paid for one by one or by a
subscription. Chutes states these numbers and nobody outside can check them from there, so the evidence is *reported*.
A day is a UTC day, by the hour in which the call was booked; the running day is left out. A model is a *chute*, known
by its id and not by its name: two chutes of one name are two models, and the second one bears the first characters of
its id.

**Where it comes from.** `/invocations/stats/llm` gives one row per chute and day; despite its name it holds every
chute, also those for images and embeddings. The last seven days are read again each day, because calls are booked late;
a day that comes out differently gets a new edition. The list of models on offer is the public list `/chutes/`, or that
of the gateway where the first cannot be read without a key. Past days have no list: on them "models used" counts the
models that the use names.

**Private chutes** show their numbers and no name. Their requests stand in one figure beside the list (panel *traffic*)
and are never part of "models used", nor of the requests counted against the list. The tokens there are those of all
chutes.

**What is not known.**

* The answer comes from a cache. An empty answer, a day without rows, and a day with fewer than half of the rows of the
  day before are not believed: the day is unknown until it is read again or three further days agree.
* Until 25 August 2025 the numbers came from the metrics of the model servers, since then from the table of booked
  calls. Nothing is compared or added up across that day.
* Nobody outside can tell people from scripts, or customers from Chutes' own tests.
* Whether the other public count, `/invocations/usage`, agrees is said where the two differ; it reaches back for about
  eleven days.
* No licence of these numbers was found. They are shown with Chutes named as their source.
"""

from datetime import date
from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes
from bot.records import Catalogue, message

if TYPE_CHECKING:
    from bot.sources.chutes.settings import ChutesSettings as Settings
    from bot.sources.chutes.source import check_reachable, make_source, ref_checksum, responds
else:
    __getattr__ = lazy_attributes(__name__, __file__)


TITLE = "Chutes"
CATALOGUES = (
    Catalogue(
        *("chutes", "models", "public chutes", "requests", "reported"),
        evidences=("reported",),
        place="the public count of Chutes",
        breaks=(date(2025, 8, 26),),
        caveats=(message("private_chutes"), message("source_reported", name="Chutes (chutes.ai)")),
    ),
)
PANELS = (
    Catalogue(
        *("chutes", "traffic", "all requests", "requests", "reported"),
        place="the public count of Chutes",
        panel=True,
        caveats=(message("source_reported", name="Chutes (chutes.ai)"),),
    ),
)
SECRETS: tuple[str, ...] = ()
