"""Reasons, gaps and mistakes as codes with parameters, in English words; `bot.render` has those of other languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

from bot.records.periods import short_date

NOUNS = {"models": "model", "settlements": "settlement", "leaves": "leaf", "transfers": "transfer"}
"""Parameters that are shown as a number with its noun, which has the parameter's name."""
DAYS = frozenset({"day", "first", "last", "date", "until"})
"""Parameters that are days."""


class Message(str):
    """An English sentence that keeps its code and parameters, so that it can be shown in another language. Parameters
    are texts, counts, days and messages; those of `joined` a list of texts."""

    code: str
    params: Mapping[str, Any]

    def __new__(cls, text: str, code: str = "", params: Mapping[str, Any] = MappingProxyType({})) -> Message:
        message = super().__new__(cls, text)
        message.code, message.params = code, params
        return message

    def __str__(self) -> Message:
        return self

    def to_json(self) -> dict[str, Any]:
        """The code and the parameters as JSON."""
        return {"code": self.code, "params": {name: _param_to_json(value) for name, value in self.params.items()}}

    def change_texts(self, change: Callable[[str], str]) -> Message:
        """The message with its words and the texts in its parameters changed."""
        params = {name: _change_param(value, change) for name, value in self.params.items()}
        return Message(change(str.__str__(self)), self.code, params)


def message(code: str, /, **params: Any) -> Message:
    """The sentence of a code with its parameters. What is never stored may have its template as its code."""
    template = code if " " in code else MESSAGES[code]
    return Message(template.format_map({k: _in_english(k, v) for k, v in params.items()}), code, params)


def join_messages(parts: Iterable[str], separator: str = "; ") -> str:
    """Several sentences as one; empty ones are left out."""
    held = [part for part in parts if part]
    return Message(separator.join(held), "joined", {"parts": held}) if len(held) > 1 else next(iter(held), "")


def message_parts(text: str) -> Sequence[str]:
    """The sentences of a text that `join_messages` made, or its lines."""
    parts: Sequence[str] = text.params.get("parts", [text]) if isinstance(text, Message) else text.splitlines()
    return parts


def message_from_json(text: str, kept: Any) -> str:
    """The sentence of a text from its JSON. The plain text if that is not the JSON of a message."""
    try:
        return Message(text, kept["code"], {k: _param_from_json(k, v) for k, v in kept["params"].items()})
    except (AttributeError, KeyError, TypeError, ValueError):
        return text


_BARE = frozenset({str, int, float, bool, type(None)})
"""The kinds of values that hold no message."""


def collect_messages(value: Any) -> dict[str, Any]:
    """Every message in a document as JSON, by its English words."""
    found: dict[str, Any] = {}
    _add_messages(value, found)
    return found


def _add_messages(value: Any, found: dict[str, Any]) -> None:
    """Add the messages in a document, which are few among thousands of values."""
    if isinstance(value, Message):
        found[str.__str__(value)] = value.to_json()
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            if type(part) not in _BARE:
                _add_messages(part, found)


def restore_messages(document: dict[str, Any]) -> dict[str, Any]:
    """A document that was read from JSON, with its texts as messages again: changed in place."""
    known = {text: message_from_json(text, kept) for text, kept in document.get("reasons", {}).items()}

    def restore(held: Any) -> None:
        for key, value in held.items() if isinstance(held, dict) else enumerate(held):
            if isinstance(value, str):
                held[key] = known.get(value, value)
            elif isinstance(value, dict | list):
                restore(value)

    if known:
        restore(document)
    return document


def _in_english(name: str, value: Any) -> str:
    if isinstance(value, date):
        return short_date(value)
    noun = f" {NOUNS[name] if value == 1 else name}" if name in NOUNS else "%" if name == "percent" else ""
    return f"{value:,}{noun}" if isinstance(value, int) else str(value)


def _change_param(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_change_param(part, change) for part in value]
    if isinstance(value, Message):
        return value.change_texts(change)
    return change(value) if isinstance(value, str) else value


def _param_to_json(value: Any) -> Any:
    if isinstance(value, Message):
        return {"text": value, **value.to_json()}
    if isinstance(value, list):
        return [_param_to_json(part) for part in value]
    return value.isoformat() if isinstance(value, date) else value


def _param_from_json(name: str, kept: Any) -> Any:
    if isinstance(kept, dict):
        return message_from_json(kept["text"], kept)
    if isinstance(kept, list):
        return [_param_from_json(name, part) for part in kept]
    return date.fromisoformat(kept) if name in DAYS else kept


MESSAGES: Mapping[str, str] = {
    "no_use": "not defined: no use",
    "no_use_week_before": "not defined: no use in the 7 days before",
    "no_use_period_before": "not defined: no use in the period before",
    "no_model_listed": "not defined: no model listed",
    "no_model_listed_week_before": "not defined: no model listed 7 days before",
    "no_model_listed_period_before": "not defined: no model listed at the end of the period before",
    "no_model_newly_listed": "not defined: no model first listed in those days",
    "verified_from_earlier_period": "not defined: uses backed in an earlier period were verified in this one",
    "callers_not_visible": "callers cannot be seen here",
    "payments_not_visible": "payments cannot be seen here",
    "no_evidence": "nothing here is {word}",
    "no_use_named": "none of the use names its model",
    "no_author_named": "none of the models names an author",
    "uses_unnamed": "{n} of {m} uses name no model",
    "share_unnamed": "less than that share of use names its model",
    "watched_days": "watched for {n} of {m} days",
    "few_days_known": "{n} days of this week are known; comparing takes {m}",
    "watched_under_60_days": "watched for less than 60 days",
    "method_changed": "use is counted in another way since {day}, so days before and after are not added or compared",
    "list_read_at": "On offer now: the list was read at {time} UTC of {day}.",
    "count_empty": "the network's count came empty, which it does when its cache is",
    "count_no_rows": "the network's count has no row of this day",
    "count_row_unreadable": "the network's count has a row of this day that cannot be read",
    "count_rows_differ": "the network's count has two rows of a model on this day that differ",
    "count_short": "the network's count has {n} rows of this day and {m} of the last day before; not confirmed yet",
    "second_count_differs": (
        "Another count of the same network differs for {models}: {n} {unit} here, {m} there, private ones included."
    ),
    "list_not_known": "No list of {day} is known: models used are those that the use names, listed or not.",
    "private_chutes": "Private chutes are not on the list: their requests stand in a figure beside it.",
    "source_reported": "Source: {name}, as the network reports it.",
    "pulls_are_downloads": "A pull is a download, by people, scripts and mirrors alike; it is not a run.",
    "downloads_are_fetches": "A download is a fetch of a model's file from the Hub; it is not a use at a provider.",
    "gateway_list": "The list of all public chutes could not be read: this is the list of the gateway.",
    "rest_as_models": "between {n} and {m}, depending on how many models the rest of the use belongs to",
    "rest_has_models": "models beyond the most used ones are not named",
    "rankings_no_day": "the rankings do not have this day",
    "rankings_no_rest": "the rankings of this day do not have the line for all other models",
    "rankings_short": "the rankings of this day name {n} of {m} models",
    "rankings_contradict": "the ranks, tokens and shares of this day contradict each other",
    "source_licensed": "Source: {name}, licensed under {rest}.",
    "tokenizers_differ": "Each model counts tokens in its own way, so tokens of two models are not exactly alike.",
    "not_shown": "not shown on {day}",
    "not_read": "not read on {day}",
    "reported_days": "reported for {n} of {m} days",
    "watch_began": "the watch began at the end of {day}",
    "nothing_collected": "nothing was collected yet",
    "no_reading": "no reading at the end of {day}",
    "listed_between": "between {n} and {m} models were listed at the end of {day}",
    "counter_fell": "the counter of {models} fell, so its use is not known",
    "counters_fell": "the counter of {models} fell, so their use is not known",
    "listed_only_today": "listed since this day, so no use could be counted yet",
    "no_counter": "it shows no counter",
    "model_counter_fell": "its counter fell, so its use is not known",
    "panel_without_models": "a panel lists no models",
    "place_not_read": "{place} was not read to the end of {day}",
    "place_read_days": "{place} was read for {n} of {m} days",
    "counter_differs": "the logs show {n} {unit} where the contract's own counter gained {m}, so logs are missing",
    "paid_by_session": "money is paid by session and not by use: see payments",
    "operator_count_not_read": "the operator's own count of {day} was not read",
    "caller_not_stated": "a settlement does not say who asked",
    "senders_not_read": "the senders of some transactions were not read",
    "callers_estimated": "callers were estimated and not counted one by one",
    "no_closing_list": "no list was read yet that closes a day",
    "day_not_added_up": "what was read of {day} is not added up yet",
    "events_unreadable": "the events of some of these days cannot be read",
    "payload_not_read": "its payload could not be read yet, so its model is not known",
    "poll_not_closed": "not closed yet",
    "poll_answers_differ": "found votes for {n} answers, wanted {m}",
    "poll_being_counted": "closed, and still being counted",
    "poll_never_final": "closed, but its count was never final",
    "ledger_changed": "the ledger has changed since this edition was composed",
    "not_listed": "not listed on this day",
    "no_first_reading": "it had no reading when the day began",
    "no_signers_pinned": "no signers are pinned, and an open batchSettle lets anyone claim any number",
    "claim_implausible": "a claim of more than {n} inferences in one batch is not plausible",
    "sender_not_fetched": "the transaction's sender was not fetched",
    "payload_not_signed": "its payload is not the request that was signed",
    "payload_names_no_model": "its payload names no model",
    "facilitator_future_day": "the facilitator reports {day}, which has not begun",
    "day_not_over": "{day} is not over",
    "facilitator_counts_since": "the facilitator counts since {day}",
    "facilitator_forgets": "the facilitator forgets its days after {n}, and a forgotten one reads 0",
    "facilitator_reports_none": "the facilitator does not report it",
    "facilitator_number_implausible": "the facilitator reports an implausible number",
    "facilitator_amount_implausible": "the facilitator reports an implausible amount",
    "registry_list_failed": "the registry {name} did not list its enclaves: {rest}",
    "registry_enclave_failed": "the registry {name} did not give a listed enclave: {rest}",
    "registry_key_differs": "the registry {name} gives another key than the enclave's id says",
    "unrecognised_emitter": "unrecognised emitter {name}",
    "unrecognised_signer": "unrecognised signer {name}",
    "blob_expired": "its answers have expired, {n} days after their settlement",
    "blob_not_read": "its answers could not be read yet",
    "blob_denied": "its answers cannot be read",
    "blob_refused": "blob refused: {rest}",
    "blob_root_differs": "the blob's leaves do not hash to the root in the log",
    "claim_differs": "claims {n} inferences where its blob holds {m}",
    "claim_over_limit_differs": "claims more than {n} inferences where its blob holds {m}",
    "not_judged_yet": "it is new",
    "verdict_missing": "{n} of {settlements} has no verdict yet, for one because {reason}",
    "verdicts_missing": "{n} of {settlements} have no verdict yet, for one because {reason}",
    "nobody_looked": "no settlement was read, and nobody looked for those of other contracts",
    "logs_of_other_contracts": "{n} of {settlements} came from contracts that we do not know",
    "logs_of_other_senders": "{n} of {settlements} came from senders that we do not know",
    "logs_not_read": "{n} of {settlements} were of a kind that we do not know",
    "events_not_read": "{n} of {m} events were of a kind that we do not know",
    "transfers_unsettled": "{n} of {m} transfers to the operator were settled by no contract that we know",
    "settlements_not_read": "{n} of {settlements} could not be read",
    "leaves_of_other_enclaves": "{n} of {leaves} came from enclaves that no registry lists",
    "leaves_not_genuine": "{n} of {leaves} did not pass the signature check",
    "leaves_unsigned": "{n} of {leaves} came without a signature that can be checked",
    "leaves_misfit": "{n} of {leaves} did not fit in time, claimed size or registration",
    "reason_of_day": "{date}: {reason}",
    "list_short": "the list came {percent} short at the end of {day}",
    "list_longer": "the list came {percent} longer at the end of {day}",
    "list_empty": "the list came empty at the end of {day}",
    "counters_missing": "{models} showed no counter at the end of {day}",
    "used_models_missing": "models that carried {percent} of the use were missing at the end of {day}",
    "counters_had_fallen": "{n} counters had fallen at the end of {day}",
    "counters_frozen": "only {n} of the counters had moved, {m} the time before at the end of {day}",
    "counters_still": "none of {n} counters had moved at the end of {day}",
    "list_not_believed": "the list was not believed at the end of {day}",
    "not_confirmed": "not confirmed yet",
    "readings_confirmed": "later readings confirmed it",
    "readings_did_not_confirm": "later readings did not confirm it",
    "operator_confirmed": "the operator confirmed it",
    "operator_rejected": "the operator rejected it",
    "reading_left_out": "A reading is left out: {reason}.",
    "gap_listed_between": "At the end of {day} between {n} and {m} models were listed.",
    "days_together": "{first} to {last} taken together: {n} {unit}, {m} models used; not known by day.",
    "gap_counter_fell": "The counter of {models} fell: a reset, so what its use was is not known.",
    "gap_counters_fell": "The counter of {models} fell: a reset, so what their use was is not known.",
    "counters_came_back": "The counter of {models} fell and came back; use since {day} is in no single day.",
    "appeared_with_use": "{models} appeared with {unit} already counted; those are on no known day and left out.",
    "models_came_back": "{models} came back after missed readings; use since {day} is in no single day.",
    "listing_time_unknown": (
        "At the end of {day} between {n} and {m} models were listed: the record does not say when it saw {models} "
        "with a single reading."
    ),
    "single_snapshot_model": "{models} that appeared in one snapshot only, of unknown date, is not counted.",
    "single_snapshot_models": "{models} that appeared in one snapshot only, of unknown date, are not counted.",
    "settlements_pending": "{settlements} not judged to the end: the blob or a key was not to be had yet.",
    "settlements_expired": "{settlements} without a blob that can be read: claimed, and backed by nothing.",
    "settlements_stranger": "{settlements} by a sender that is not pinned: not counted in any figure.",
    "settlements_refused": "{settlements}: {reason}.",
    "named_by_sender": "{n} {unit} are named by their sender alone ({rest}); unproven, they count for no model.",
    "strangers_found": "Unrecognised emitter: {settlements} of contracts not pinned ({rest}), not counted.",
    "unread_log": "{n} log of pinned contracts could not be read and may be settlements.",
    "unread_logs": "{n} logs of pinned contracts could not be read and may be settlements.",
    "not_sought_day": "Nobody looked for settlements of contracts that are not pinned on {day}.",
    "not_sought_days": "Nobody looked for settlements of contracts that are not pinned on {n} of {m} days.",
    "content_id_unknown": (
        "{n} {unit} name a content id that no listed model is known to hold; they count for no model, category or "
        "author."
    ),
    "uses_without_model": "{n} of {m} {unit} do not name their model: figures by model speak of the others only.",
    "leaves_placeholder": "{leaves} written in place of an answer that came without proof.",
    "leaves_bad_signature": "{leaves} with a signature that does not check out.",
    "leaves_unknown_key": "{leaves} of an enclave that no registry lists.",
    "leaves_not_registered_before_its_timestamp": "{leaves} signed before their enclave was registered.",
    "leaves_duplicate": "{leaves} counted before, in another batch or this one.",
    "leaves_implausible_time": "{leaves} signed too far from their block.",
    "leaves_beyond_the_claimed_size": "{leaves} beyond the size that their log claims.",
    "transfers_not_counted": "Not counted: {transfers} to the operator that are dust or lack a proxy's word.",
    "transfers_named": "Not counted: {transfers} to the operator that are dust or lack a proxy's word ({rest}).",
    "hub_entries_unusable": "{n} entries of the Hub's listing have no usable author and name and are left out",
    "hub_listing_changed": "the Hub's listing changed by {n} models between two walks, {m} times running",
    "hub_read_at": "The Hub's list was read at {time} UTC of {day}.",
    "llm_registry": (
        "The list of LLMs is the gateway's own registry as of {day}; {n} of its names are retired and lead to newer "
        "models."
    ),
    "contract_upgraded": "{place} got other code on {day}: what its events mean may have changed.",
    "largest_callers": "The largest requesters have {n} of {m} {unit}: {rest}.",
    "mechs_never_leave": "No mech ever leaves the list: on offer means created, and many have long been idle.",
    "own_agents": "Agents of Olas' own apps ask for most of it: it is paid, but inside one household.",
    "signed_requests": "Requests made off chain are booked only when they are delivered, so they are not among these.",
    "private_inferences": "Private inferences leave no proof, so what was served is more than what is verified.",
    "web_searches": "Web searches and images are proven as leaves too and cannot be told from chats.",
    "own_use": "Use by the network's own apps and tests cannot be told from other people's.",
    "drop_to_zero": "A drop to zero can be a change of deployment: proofs can be switched off.",
    "private_models": "Models that are private on the Hub are not listed.",
    "scheduled_runs": "Scheduled runs of the network's own workflows count like everybody's.",
    "restarted_enclaves": "A restarted enclave has a new key, so registrations count starts and not machines.",
    "payment_sessions": (
        "One payment is one session of many requests, and the network's chat app pays for everybody who uses it."
    ),
    "operator_count_unproven": (
        "The operator's own count of requests is its word: anyone who settles a payment can state any number."
    ),
    "votes_not_counted": "votes on {name}: {n} of {m} channels could not be counted: {reason}",
    "did_you_mean": "did you mean {name}?",
    "did_you_mean_2": "did you mean {name} or {other}?",
    "did_you_mean_3": "did you mean {name} or {other} or {rest}?",
    "no_digest_yet_day": "{name}: no day digest yet",
    "no_digest_yet_week": "{name}: no week digest yet",
    "no_digest_yet_month": "{name}: no month digest yet",
    "no_digest_day": "{name}: no day digest for {date}",
    "no_digest_week": "{name}: no week digest for {date}",
    "no_digest_month": "{name}: no month digest for {date}",
    "bad_period": "period: found {name}, wanted one of {rest}",
    "bad_days": "days: found {name}, wanted a whole number",
    "bad_day": "day: found {name}, wanted a UTC day as YYYY-MM-DD",
    "digests_there": "there are {n}, from {date} to {until}",
    "several_of_name": "there are {n} of that name, such as {name} and {rest}",
    "no_digest_holds": "{name}: no day digest holds {rest}",
    "no_day_figure": "{name}: is no figure of a day; it stands in week and month digests",
    "future_day": "{date}: is in the future; today is {until} (UTC)",
    "no_such_author": "{name}: no such author on {rest}",
    "no_such_category": "{name}: no such category on {rest}",
    "no_categories": "{rest} sorts its models into no categories",
    "no_days_known": "no day is known yet",
    "bad_by": "by: found {name}, wanted one of {rest}",
    "bad_days_range": "days: found {name}, wanted {n} to {m}",
    "no_edition": "{name} {date}: no edition {n}; the newest is {m}",
    "cannot_post": "The bot cannot post there; it lacks: {rest}. Grant that to its role in the channel.",
    "server_full": "this server has {n} subscriptions, the most it may have; end one with /unsubscribe",
    "bad_time": "{name}: found {other}, wanted a time of day such as 09:00",
    "bad_quiet": "quiet: found {name}, wanted two times of day such as 22:00-07:00",
    "bad_zone": "zone: found {name}, wanted a time zone such as UTC or Europe/Zurich",
    "record_ended": "the record of {name} has ended, so nothing will happen there",
    "not_watching": "{name}: you do not watch this model; /watches lists those that you do",
    "member_full": "you watch {n} models, the most that one member may; end one with /unwatch",
    "bad_sent": "sent: found {name}, wanted the link to the post, https://...",
    "no_such_delivery": "delivery {name}: there is none; python -m bot deliveries list shows those there are",
    "delivery_state": "delivery {name}: is {word}; wanted one that is planned, refused or skipped",
    "delivery_not_unknown": "delivery {name}: is {word}; wanted one that is unknown",
    "delivery_superseded": "delivery {name}: is of edition {n}; edition {m} takes its place there",
}
"""The English sentence of each code. Braces hold the parameters."""
