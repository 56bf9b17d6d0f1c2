"""Our own fixed sentences as they stand in documents and errors, in English: reasons, gaps, what was asked wrong.

Braces hold what differs; `bot.render.told` says what each may be. A sentence that is changed where it is made has to be
changed here too, else it stays English: `tests/words` compares both.
"""

from __future__ import annotations

from bot.words import N_

REASONS = (
    N_("not defined: no use"),
    N_("not defined: no model listed"),
    N_("not defined: no model listed 7 days before"),
    N_("not defined: no model listed at the end of the period before"),
    N_("not defined: no model first listed in those days"),
    N_("not defined: uses backed in an earlier period were verified in this one"),
    N_("callers cannot be seen here"),
    N_("payments cannot be seen here"),
    N_("nothing here is {word}"),
    N_("none of the use names its model"),
    N_("part of the use names no model"),
    N_("{n} of {m} uses name no model"),
    N_("less than that share of use names its model"),
    N_("watched for {n} of {m} days"),
    N_("watched for less than 60 days"),
    N_("not shown on {day}"),
    N_("not read on {day}"),
    N_("reported for {n} of {m} days"),
    N_("the watch began at the end of {day}"),
    N_("nothing was collected yet"),
    N_("no reading at the end of {day}"),
    N_("between {n} and {m} models were listed at the end of {day}"),
    N_("the counter of {models} fell, so part of the use is not known"),
    N_("a panel lists no models"),
    N_("{place} was not read to the end of {day}"),
    N_("{place} was read for {n} of {m} days"),
    N_("money is paid by session and not by use: see payments"),
    N_("the operator's own count of {day} was not read"),
    N_("a settlement does not say who asked"),
    N_("the senders of some transactions were not read"),
    N_("the ledger has changed since this edition was composed"),
    N_("not part of that edition"),
    N_("not part of this edition"),
    N_("not listed on this day"),
    N_("it had no reading when the day began"),
    N_("no signers are pinned, and an open batchSettle lets anyone claim any number"),
    N_("a claim of more than {n} inferences in one batch is not plausible"),
    N_("the transaction's sender was not fetched"),
    N_("its payload is not the request that was signed"),
    N_("its payload names no model"),
    N_("its payload gives no plausible token count"),
    N_("the facilitator reports {day}, which has not begun"),
    N_("{day} is not over"),
    N_("the facilitator counts since {day}"),
    N_("the facilitator forgets its days after {n}, and a forgotten one reads 0"),
    N_("the facilitator does not report it"),
    N_("the facilitator reports an implausible number"),
    N_("the facilitator reports an implausible amount"),
    N_("the counter of {name} fell"),
    N_("the registry {name} did not list its enclaves: {rest}"),
    N_("the registry {name} did not give a listed enclave: {rest}"),
    N_("the registry {name} gives another key than the enclave's id says"),
    N_("unrecognised emitter {name}"),
    N_("unrecognised signer {name}"),
    N_("blob {name} has expired, {n} days after its settlement"),
    N_("blob refused: {rest}"),
    N_("the blob's leaves do not hash to the root in the log"),
    N_("claims {n} inferences where its blob holds {m}"),
    N_("claims more than {n} inferences where its blob holds {m}"),
    N_("{date}: {reason}"),
)
GAPS = (
    N_("At the end of {day} between {n} and {m} models were listed."),
    N_("{first} to {last} taken together: {n} {unit}, {m} models used; not known by day."),
    N_("The counter of {models} fell: a reset, so what its use was is not known."),
    N_("The counter of {models} fell: a reset, so what their use was is not known."),
    N_("{models} appeared with {unit} already counted; those are on no known day and left out."),
    N_("{models} came back after missed readings; use since {day} is in no single day."),
    N_(
        "At the end of {day} between {n} and {m} models were listed: the record does not say when it saw {models} with "
        "a single reading."
    ),
    N_("{models} that appeared in one snapshot only, of unknown date, is not counted."),
    N_("{models} that appeared in one snapshot only, of unknown date, are not counted."),
    N_("{settlements} not judged to the end: the blob or a key was not to be had yet."),
    N_("{settlements} without a blob that can be read: claimed, and backed by nothing."),
    N_("{settlements} by a sender that is not pinned: not counted in any figure."),
    N_("{settlements}: {reason}."),
    N_("Unrecognised emitter: {n} settlement events of contracts not pinned ({rest}), not counted."),
    N_("{n} {unit} name a content id that no listed model is known to hold; they count for no model."),
    N_("{n} of {m} {unit} do not name their model: figures by model speak of the others only."),
    N_("{leaves} written in place of an answer that came without proof."),
    N_("{leaves} with a signature that does not check out."),
    N_("{leaves} of an enclave that no registry lists."),
    N_("{leaves} signed before their enclave was registered."),
    N_("{leaves} counted before, in another batch or this one."),
    N_("{leaves} signed too far from their block."),
    N_("{leaves} beyond the size that their log claims."),
    N_("{n} transfers to the operator did not come through a payment proxy and are not counted."),
    N_("{n} entries of the Hub's listing have no usable author and name and are left out"),
    N_("the Hub's listing changed by {n} models between two walks, {m} times running"),
    N_("The Hub's list was read at {time} UTC of {day}."),
    N_(
        "The list of LLMs is the gateway's own registry as of {day}; {n} of its names are retired and lead to newer "
        "models."
    ),
    N_("The use of {name} is not known."),
    N_("Private inferences leave no proof, so what was served is more than what is verified."),
    N_("Web searches and images are proven as leaves too and cannot be told from chats."),
    N_("Use by the network's own apps and tests cannot be told from other people's."),
    N_("Models that are private on the Hub are not listed."),
    N_("Scheduled runs of the network's own workflows count like everybody's."),
    N_("A restarted enclave has a new key, so registrations count starts and not machines."),
    N_("One payment is one session of many requests, and the network's chat app pays for everybody who uses it."),
    N_("The operator's own count of requests is its word: anyone who settles a payment can state any number."),
)
ERRORS = (
    N_("{name}: no such network"),
    N_("{name}: no such metric"),
    N_("{name}: no such model on {rest}"),
    N_("known: {rest}"),
    N_("did you mean {name}?"),
    N_("did you mean {name} or {other}?"),
    N_("did you mean {name} or {other} or {rest}?"),
    N_("there are {n}, from {date} to {until}"),
    N_("there are {n} of that name, such as {name} and {rest}"),
    N_("there is none yet"),
    N_("{name}: no day digest yet"),
    N_("{name}: no week digest yet"),
    N_("{name}: no month digest yet"),
    N_("{name}: no day digest for {date}"),
    N_("{name}: no week digest for {date}"),
    N_("{name}: no month digest for {date}"),
    N_("{name}: no day digest holds {rest}"),
    N_("{name}: is no figure of a day; it stands in week and month digests"),
    N_("{date}: is in the future; today is {until} (UTC)"),
    N_("this name is hidden here"),
    N_("by: found {name}, wanted one of {rest}"),
    N_("period: found {name}, wanted one of {rest}"),
    N_("days: found {name}, wanted {n} to {m}"),
    N_("days: found {name}, wanted a whole number"),
    N_("day: found {name}, wanted a UTC day as YYYY-MM-DD"),
    N_("this button is of an older version; ask again"),
    N_("this model is not known any more; ask again by its name"),
    N_("The archive cannot be read just now."),
    N_("The answer took too long."),
    N_("Something went wrong here."),
    N_("config.yaml: networks: none is configured"),
)
SENTENCES = (*REASONS, *GAPS, *ERRORS)
WORDS = (
    # units
    *("models", "authors", "uses", "runs", "inferences", "tokens", "downloads", "addresses", "registrations"),
    *("enclaves", "machines", "owners", "sessions", "requests", "payments", "token", "ratio", "share", "points"),
    "index",
    # catalogues and panels
    *("public models", "LLMs in enclaves", "LLMs served in enclaves", "Model Hub models"),
    # where settlements are read
    *("the settlement chain", "the chain of Hub models", "the enclave registries"),
    # periods, evidence, states, directions
    *("day", "week", "month", "reported", "claimed", "backed", "verified", "draft", "issued", "rose", "fell"),
    # catalogues by their keys
    *("hub", "llm", "tee"),
    "share of all use",
)
"""Single words of documents, translated in the context "word"."""
COUNTED = (
    *("models", "authors", "uses", "runs", "inferences", "tokens", "downloads", "addresses", "registrations"),
    *("enclaves", "machines", "owners", "sessions", "requests", "payments", "days", "seconds", "settlements"),
    *("leaves", "characters"),
)
"""What is shown with a number; in the context "unit", as "{n} model" and "{n} models"."""
