"""Replicate hosts machine-learning models that anyone can run and pay for by the second. It publishes, for each public
model, one number: how often it has been run since it was made. Everything here is worked out from that number.

**What is counted.** A model is *on offer* at an instant if Replicate's public list names it at that instant. Its *runs*
over a stretch of time are the difference between its counter at the end and at the beginning. The counter is
Replicate's own statement and nobody outside can check it, so the evidence is *reported*. A run is one request,
whatever it cost and whoever sent it: the counter does not tell people from scripts, or customers from the model's
author. Private models, and runs of private copies, are not in the list at all.

**Where it comes from.** Three ways, one way of counting:

* *The record*, which needs no key and comes with Footfall: the list of 554 nights from 4 October 2023 to 31 March
  2025, from the public history of `models-lite.json` in the GitHub repository
  `replicate/all-the-public-replicate-models`, to which a job committed the list shortly after midnight UTC. A list of
  the first hour closes the day before: 543 days. Each night's ref is its commit, so anyone can compare it, and
  `verify --deep` does.
* *The history after the record*, where `networks.replicate.history` names a clone of that repository or its address:
  the nights that were committed later, read with git (the job's last known commit of the list is of 30 September 2025).
  It must go on from the record's last commit; a history that was rewritten is refused. A night that cannot be read is
  left out and named. The list of 18 September 2025 came a tenth too short: like every implausible list it is held, and
  left out once the next nights contradict it.
* *Live*, with `REPLICATE_API_TOKEN` set: the same list from Replicate's API, page by page. The snapshot bears the
  instant at which the last page arrived, and the pages themselves are kept, so that every figure can be checked against
  them. If any page cannot be read there is no snapshot at all. The API only speaks of now: it can fill in no day past.

**What is not known.**

* No list was committed on 14 January 2025, so runs of 13 and 14 January are known together and not one by one.
* Runs of a model before we first saw its counter belong to no known day and are left out.
* Each snapshot of the record is taken as one instant, though a long list is not read in one.
* The record does not say when a model was made, nor in which category it is.
* Between 7 and 16 November 2024 Replicate restated 21 counters, which fell. The use of these models is unknown on those
  days.
* Live, a model that Replicate moves within its list while we read it may appear twice or hide from us. Where we see
  one twice we keep the later, larger counter and read the list again, until nothing new turns up.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes
from bot.records import Catalogue

if TYPE_CHECKING:
    from bot.sources.replicate.settings import ReplicateSettings as Settings
    from bot.sources.replicate.settings import is_closed
    from bot.sources.replicate.source import check_reachable, make_source, public_checksum, ref_checksum
else:
    __getattr__ = lazy_attributes(__name__, __file__)


TITLE = "Replicate"
CATALOGUES = (Catalogue("replicate", "models", "public models", "runs", "reported"),)
SECRETS = ("REPLICATE_API_TOKEN",)
