"""Olas lets agents sell AI tasks to each other and to people: predictions, research, calls of models. A seller is a
*mech*. Requests, deliveries and payments are booked by one contract on the chain Gnosis, the Mech Marketplace, so that
anybody can count them.

**What is counted.** Use is the number of deliveries that the contract booked, by mech and UTC day of the block: the
field `numDeliveries` of its two events of delivery, `MarketplaceDelivery` and `MarketplaceDeliveryWithSignatures`. The
number of request ids in them is not used, since it includes what another mech had delivered before; the events
`Deliver` repeat the same deliveries and are not read. Requests that were made off chain are settled later with a
signature, many at once: their day is that of the settlement. The evidence is *verified*: that a paid delivery was
booked, anyone can check on the chain. Who was behind the address that asked, and how good the answer was, is not
proven by it.

**The list** is every mech that the marketplace created (`CreateMech`), by its address; its author is the service that
sells through it, its category how it is paid. No event ever takes a mech off, so "on offer" means created: many mechs
have long been idle. The list takes a search of all blocks since the first one, which the first readings do in parts;
until it is complete there is no list, and deliveries name no mech.

**Requests** made on chain stand beside it (panel *demand*) and are never added to deliveries.

**Checks.** The contract counts as well: deliveries of each mech, requests, and requests without a delivery. What these
counters gain between two readings must be exactly what the logs say; otherwise logs are missing, the days are unknown
for that reason, and they are read again. The first reading has no earlier counters unless a node keeps old states: then
only mechs that were created in it, and sums above a counter, can be found wrong. Only final blocks are read. If the
contract gets other code (`ImplementationUpdated`), the operator gets an alarm, and the day's digest says so.

**What is not known.**

* The agents of Olas' own apps ask for most of it: it is paid, but inside one household. The largest requesters are
  named with their share; whose addresses they are is not known from the chain.
* A requester can pay its own mech: such requests cost only fees.
* Which model a mech used is written elsewhere and not read here, nor are the names that mechs give themselves.
* Mechs of Gnosis from before the marketplace, and its marketplaces on Base, Polygon and Optimism, are not read. Gnosis
  had about 99 in 100 requests in 2026.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes
from bot.records import Catalogue, message

if TYPE_CHECKING:
    from bot.sources.olas.settings import OlasSettings as Settings
    from bot.sources.olas.source import check_reachable, make_source, ref_checksum
else:
    __getattr__ = lazy_attributes(__name__, __file__)


TITLE = "Olas"
CATALOGUES = (
    Catalogue(
        *("olas", "mechs", "mechs", "paid deliveries", "verified"),
        evidences=("verified",),
        place="the Mech Marketplace on Gnosis",
        caveats=(message("mechs_never_leave"), message("own_agents")),
        names_callers=True,
    ),
)
PANELS = (
    Catalogue(
        *("olas", "demand", "requests on chain", "requests", "verified"),
        place="the Mech Marketplace on Gnosis",
        panel=True,
        caveats=(message("signed_requests"),),
    ),
)
SECRETS: tuple[str, ...] = ()
