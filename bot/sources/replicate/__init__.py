"""Replicate hosts machine-learning models that anyone can run and pay for by the second. It publishes, for each public
model, one number: how often it has been run since it was made. Everything here is worked out from that number.

**What is counted.** A model is *on offer* at an instant if Replicate's public list names it at that instant. Its *runs*
over a stretch of time are the difference between its counter at the end and at the beginning. The counter is
Replicate's own statement and nobody outside can check it, so the evidence is *reported*. A run is one request,
whatever it cost and whoever sent it: the counter does not tell people from scripts, or customers from the model's
author. Private models, and runs of private copies, are not in the list at all.

**Where it comes from.** Two ways, one way of counting:

* *The record*, which needs no key: the npm package `all-the-public-replicate-models`, version 1.352.0, whose
  author kept the public list every night. It holds snapshots dated 18 December 2024 to 15 January 2025,
  and the whole list as of 16 January. A nightly job began each at 00:00 UTC, so a snapshot dated 18 December closes
  17 December.
* *Live*, with `REPLICATE_API_TOKEN` set: the same list from Replicate's API, page by page. The snapshot bears the
  instant at which the last page arrived, and the pages themselves are kept, so that every figure can be checked against
  them. If any page cannot be read there is no snapshot at all. The API only speaks of now: it can fill in no day past.

**What is not known.**

* No snapshot is dated 14 January 2025, so runs of 13 and 14 January are known together and not one by one.
* The record left out each model's first counter but kept the first difference, so we put it back: it stood one snapshot
  before the first one shown. (Had the model been missing from the list in between, it would have stood earlier; six
  models of 3,856 ever were.) For models shown in the very first snapshot there is nothing to put it back to.
* 37 models were seen only once before 16 January, and the record does not say when. 25 of them were on offer on
  16 January; 21 of those were made early enough to have been on offer on 15 January at 00:00 UTC. How many models were
  on offer at that instant is therefore known only as a range. The other 12 are not counted anywhere.
* Runs of a model before we first saw its counter belong to no known day and are left out.
* Each snapshot of the record is taken as one instant, though a long list is not read in one.
* When each model was made is known only for those still on offer on 16 January 2025.
* Live, a model that Replicate moves within its list while we read it may appear twice or hide from us. Where we see
  one twice we keep the later, larger counter and read the list again, until nothing new turns up.
"""

from bot.records import Catalogue
from bot.sources.replicate.live_api import TOKEN
from bot.sources.replicate.settings import ReplicateSettings as Settings
from bot.sources.replicate.source import check_reachable, is_closed, make_source, ref_checksum

__all__ = ["CATALOGUES", "SECRETS", "TITLE", "Settings", "check_reachable", "is_closed", "make_source", "ref_checksum"]

TITLE = "Replicate"
CATALOGUES = (Catalogue("replicate", "models", "public models", "runs", "reported"),)
SECRETS = (TOKEN,)
