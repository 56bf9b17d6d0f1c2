"""OpenGradient runs AI models so that a stranger can check what was run. It keeps two populations of models that never
meet, and Footfall keeps them apart: *LLMs served in enclaves* (`llm`) and models of the *Model Hub* (`hub`). Dividing
the use of one by the list of the other is a mistake this product exists to avoid.

**`llm`: what is counted.** An enclave signs each answer. A relay settles answers in batches: a log on chain 10740 with
a Merkle root, a size and the id of a Walrus blob that holds the signed leaves. Three figures of different evidence
stand side by side and are never added:

* *claimed*: the sizes that recognised senders put into their logs. Any number can be put there, so it is known only
  where senders are pinned in `config.yaml`, and never more than the batch turns out to hold.
* *backed*: distinct leaves of blobs that can be read and whose Merkle root, computed again, is that of the log.
* *verified*: leaves whose RSA-PSS signature is that of an enclave which the registries list and which was registered
  before it signed. Nobody outside an enclave can make one.

What is not recognised did not "not happen". Beyond one in a hundred of a day's logs, batches or leaves, a figure that
they may belong to is "at least" what is known, and unknown where nothing is: settlements of contracts or senders that
are not pinned, logs of a relay that cannot be read, batches that cannot be read, leaves of enclaves that no registry
lists or with a signature that does not check out. A settlement without a verdict makes a figure "at least" as well.

A day is the UTC day of the block that settled, for all three alike: a leaf waits up to a quarter of an hour for its
batch. The list of LLMs is that of the gateway's own registry, since no public list can be read; newer models are told
in `config.yaml`. Batches do not name models, only single settlements with a readable payload do. Logs of the first
relay (until 20 Feb 2026) carry neither signature nor time: one of a single answer is backed, never verified, and a
model that it names is its sender's word.

**`hub`: what is counted.** The list is what the Model Hub's public pages show. Use is `ModelInferenceEvent` of the
precompile 0xF4 on chain 10744, the only event that names a Hub model; simulations are left out, and the Hub contract's
twin event is never counted. An event names a content id; whose it is, the listing or the model's files say.

**Beside them.** *Enclaves* (`tee`): what both registries show, sampled. *Payments* (`payments`): OPG on Base that came
to the operator through an x402 proxy, exact, without dust (less than a millionth of an OPG); and the facilitator's own
count of requests, which anyone can inflate.
None of it is ever added to the above.

**What is not known.**

* Private inferences leave no proof, so verified answers are a lower bound of what was served.
* Web searches and images are settled as leaves too and cannot be told from chats.
* The network's own apps and tests cannot be told from other people's use.
* Whoever runs an enclave can ask it questions of their own.
* A drop to zero can be a change of deployment: a gateway can be set to emit no proofs.
* Batches from before about July 2026 can no longer be read: Walrus keeps a blob for at most 140 days.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes
from bot.records import Catalogue, message

if TYPE_CHECKING:
    from bot.sources.opengradient.blob_archive import prune_raw
    from bot.sources.opengradient.doctor import check_reachable, live_checks, responds
    from bot.sources.opengradient.llm_catalogue import static_listings
    from bot.sources.opengradient.settings import OpenGradientSettings as Settings
    from bot.sources.opengradient.settlement_proof import explain_settlements
    from bot.sources.opengradient.source import make_source, ref_checksum
else:
    __getattr__ = lazy_attributes(__name__, __file__)


TITLE = "OpenGradient"
OPG = ("OPG", 18)
CATALOGUES = (
    Catalogue(
        *("opengradient", "llm", "LLMs in enclaves", "inferences", "verified"),
        evidences=("claimed", "backed", "verified", "reported"),
        place="the settlement chain",
        token=OPG,
        caveats=(
            message("private_inferences"),
            message("web_searches"),
            message("own_use"),
            message("drop_to_zero"),
        ),
    ),
    Catalogue(
        *("opengradient", "hub", "Model Hub models", "inferences", "claimed"),
        evidences=("claimed",),
        place="the chain of Hub models",
        caveats=(
            message("private_models"),
            message("scheduled_runs"),
        ),
    ),
)
PANELS = (
    Catalogue(
        *("opengradient", "tee", "enclaves", "enclaves", "claimed"),
        place="the enclave registries",
        panel=True,
        caveats=(message("restarted_enclaves"),),
    ),
    Catalogue(
        *("opengradient", "payments", "payments", "payments", "claimed"),
        place="Base",
        panel=True,
        token=OPG,
        caveats=(
            message("payment_sessions"),
            message("operator_count_unproven"),
        ),
    ),
)
SECRETS = ()
