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
  before it signed. Nobody outside an enclave can make one. Known only when every settlement of the day has its verdict.

A day is the UTC day of the block that settled, for all three alike: a leaf waits up to a quarter of an hour for its
batch. The list of LLMs is that of the gateway's own registry, since no public list can be read; newer models are told
in `config.yaml`. Batches do not name models, only single settlements with a readable payload do. Logs of the first
relay (until 20 Feb 2026) carry neither signature nor time: one of a single answer is backed, never verified, and a
model that it names is its sender's word.

**`hub`: what is counted.** The list is what the Model Hub's public pages show. Use is `ModelInferenceEvent` of the
precompile 0xF4 on chain 10744, the only event that names a Hub model; simulations are left out, and the Hub contract's
twin event is never counted. An event names a content id; whose it is, the listing or the model's files say.

**Beside them.** *Enclaves* (`tee`): what both registries show, sampled. *Payments* (`payments`): OPG on Base that came
to the operator through an x402 proxy, exact; and the facilitator's own count of requests, which anyone can inflate.
None of it is ever added to the above.

**What is not known.**

* Private inferences leave no proof, so verified answers are a lower bound of what was served.
* Web searches and images are settled as leaves too and cannot be told from chats.
* The network's own apps and tests cannot be told from other people's use.
* Whoever runs an enclave can ask it questions of their own.
* A drop to zero can be a change of deployment: a gateway can be set to emit no proofs.
* Batches from before about July 2026 can no longer be read: Walrus keeps a blob for at most 140 days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx

from bot.clients import raw_archive
from bot.records import Catalogue, Document, Settlement, Snapshot, SourceError, SourceRef, start_of_day
from bot.sources.opengradient import doctor, doctor_payments, llm_catalogue, panels, settlement_proof
from bot.sources.opengradient.settings import OpenGradientSettings, lowercase_addresses
from bot.sources.opengradient.source import OpenGradient, make_verifier, raw_folder
from bot.sources.opengradient.walrus import Walrus, blob_checksum

Settings = OpenGradientSettings

TITLE = "OpenGradient"
OPG = ("OPG", 18)
CATALOGUES = (
    Catalogue(
        *("opengradient", "llm", "LLMs in enclaves", "inferences", "verified"),
        evidences=("claimed", "backed", "verified", "reported"),
        place="the settlement chain",
        token=OPG,
        caveats=(
            "Private inferences leave no proof, so what was served is more than what is verified.",
            "Web searches and images are proven as leaves too and cannot be told from chats.",
            "Use by the network's own apps and tests cannot be told from other people's.",
            "A drop to zero can be a change of deployment: proofs can be switched off.",
        ),
    ),
    Catalogue(
        *("opengradient", "hub", "Model Hub models", "inferences", "claimed"),
        evidences=("claimed",),
        place="the chain of Hub models",
        caveats=(
            "Models that are private on the Hub are not listed.",
            "Scheduled runs of the network's own workflows count like everybody's.",
        ),
    ),
)
PANELS = (
    Catalogue(
        *("opengradient", "tee", "enclaves", "enclaves", "claimed"),
        place="the enclave registries",
        panel=True,
        caveats=("A restarted enclave has a new key, so registrations count starts and not machines.",),
    ),
    Catalogue(
        *("opengradient", "payments", "payments", "payments", "claimed"),
        place="Base",
        panel=True,
        token=OPG,
        caveats=(
            "One payment is one session of many requests, and the network's chat app pays for everybody who uses it.",
            "The operator's own count of requests is its word: anyone who settles a payment can state any number.",
        ),
    ),
)
SECRETS = ()

EXPLORER = "https://explorer.opengradient.ai"
BLOBS = "https://walruscan.com/mainnet/blob"
PROOF_BUDGET = 8.0
"""Seconds that a person waits for a chain at most."""


def make_source(
    settings: OpenGradientSettings,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> OpenGradient:
    """The network, ready to be asked."""
    return OpenGradient(settings, data, clock, executor)


def chain_responds(settings: OpenGradientSettings, seconds: float) -> bool:
    """Whether the chain of settlements answers at all, within so many seconds."""
    asked = dict.fromkeys(settings.settlements.endpoints, "")
    return settings.settlements.has_quorum(panels.unreachable_endpoints(asked, seconds, settings.rpc_endpoints))


def static_listings(settings: OpenGradientSettings, until: date, days: int = 1) -> tuple[Snapshot, ...]:
    """The list of LLMs, which stands in the source, as of the end of each of the `days` up to one."""
    since = date.fromisoformat(llm_catalogue.AS_OF)
    listed = llm_catalogue.llm_listings(settings.added_llms, settings.removed_llms)
    gone = sum(one.model in llm_catalogue.RETIRED for one in listed)
    note = (
        f"The list of LLMs is the gateway's own registry as of {since.day} {since:%b %Y}; {gone} of its names are "
        "retired and lead to newer models."
    )
    ref = SourceRef(llm_catalogue.SOURCE, start_of_day(since))
    wanted = (until - timedelta(days=n) for n in range(days, -1, -1))
    return tuple(
        Snapshot("opengradient", "llm", start_of_day(day + timedelta(days=1)), ref, listed, note=note, closes=day)
        for day in wanted
        if day >= since
    )


def ref_checksum(settings: OpenGradientSettings, data: Path, url: str, sha256: str) -> str | None:
    """The sha256 of the bytes that a ref points at, as this machine holds them."""
    if url.startswith("walrus:"):
        return blob_checksum(raw_folder(data) / "blobs", url.removeprefix("walrus:"), sha256)
    return raw_archive.archived_checksum(raw_folder(data), sha256)


def is_closed(settings: OpenGradientSettings, secrets: Mapping[str, str]) -> bool:
    """Never: the network goes on."""
    return False


def check_reachable(settings: OpenGradientSettings, data: Path, secrets: Mapping[str, str]) -> str:
    """What `doctor` finds when it looks at the addresses. Raises `SourceError`, one line an address."""
    if out := panels.unreachable_of(settings):
        raise SourceError("\n".join(out.values()))
    return f"all {len(settings.endpoint_figures)} addresses answer"


def explain_settlements(
    settings: OpenGradientSettings,
    data: Path,
    now: datetime,
    known: Sequence[Settlement],
    tx: str,
    seen: settlement_proof.Seen,
) -> list[Document]:
    """Settlements explained: those `known`, else those that the chain has in a transaction. Raises `SourceError`."""
    links = settlement_proof.ExplorerLinks(EXPLORER, BLOBS)
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(headers={"User-Agent": "footfall"}, follow_redirects=False))
        chain = stack.enter_context(settings.settlements.open_chain(None, min(settings.budget, PROOF_BUDGET)))
        judges = make_verifier(settings, data, chain, client)
        relays = lowercase_addresses(settings.relays)
        found = known or (settlement_proof.settlements_on_chain(chain, relays, tx) if tx else ())
        return [settlement_proof.explain_settlement(judges, one, seen, now, links) for one in found]


def live_checks(settings: OpenGradientSettings, data: Path, now: datetime) -> Iterator[doctor.CheckResult]:
    """The first live checks, of what answers at all."""
    out = panels.unreachable_of(settings)
    relays, signers = lowercase_addresses(settings.relays), lowercase_addresses(settings.signers)
    registries = {address.lower(): layout for address, layout in settings.registries.items()}
    paid: set[str] = set()
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(headers={"User-Agent": "footfall"}, follow_redirects=False))
        if settings.settlements.has_quorum(out):
            chain = stack.enter_context(settings.settlements.open_chain(None, min(settings.budget, PROOF_BUDGET), out))
            walrus = Walrus(settings.aggregators, raw_folder(data) / "blobs", client)
            fix = "correct networks.opengradient.settlements.endpoints"
            yield from doctor.run_check("relays", fix, lambda: doctor.check_relays(chain, relays, signers))
            yield from doctor.run_check("registries", fix, lambda: doctor.check_registries(chain, registries))
            paid |= doctor.active_payees(chain, registries, now)
            yield from doctor.run_check("newest blob", fix, lambda: doctor.check_newest_blob(chain, relays, walrus))
        if settings.base.has_quorum(out):
            base = stack.enter_context(settings.base.open_chain(None, min(settings.budget, PROOF_BUDGET), out))
            fix = "correct networks.opengradient.base.endpoints"
            payees, proxies = lowercase_addresses(settings.payees), lowercase_addresses(settings.proxies)
            pinned = doctor_payments.PaymentContracts(settings.token.lower(), payees, proxies, settings.channel.lower())
            yield from doctor.run_check("payments", fix, lambda: doctor_payments.check_payments(base, pinned, paid))
        if settings.hub not in out:
            yield from doctor.check_hub(client, settings.hub)
        if settings.facilitator not in out:
            fix = "correct networks.opengradient.facilitator"
            look = partial(doctor.check_facilitator, client, settings.facilitator, now)
            yield from doctor.run_check("facilitator", fix, look)
