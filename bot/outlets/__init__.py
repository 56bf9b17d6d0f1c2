"""A package or module a platform. The rule: an outlet gets one part for one destination and answers the one question
that matters: did it go out, and may it be tried again? It reads no database, renders no text, decides no day and never
sleeps.

`types` says what an outlet gets and answers, `registry` finds them. Adding an outlet is adding a module here: its
docstring is its page in the docs, `TITLE` its name, `Settings` what `config.yaml` may tell it, `SECRETS` which
environment variables it reads, `SETTLE` how long a look-back needs to be trusted, `cost` what a part is estimated to
cost, and `make_outlet` makes it. One that is not posted to part by part, as the site, has only the first three.
"""

from bot.outlets.registry import load_module, make_outlet, outlet_names, secret_names, settings_types
from bot.outlets.types import (
    REASON_LIMIT,
    AccountRefused,
    BulkOutlet,
    CrosspostOutlet,
    Found,
    Job,
    LookupInconclusive,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Outlet,
    OutletError,
    Part,
    PollOutlet,
    Refused,
    RetryLater,
    Sent,
    Timed,
    Votes,
    part_marker,
    post_parts,
    redact_reason,
)

__all__ = [
    "REASON_LIMIT",
    "AccountRefused",
    "BulkOutlet",
    "CrosspostOutlet",
    "Found",
    "Job",
    "LookupInconclusive",
    "NotFound",
    "Outcome",
    "OutcomeUnknown",
    "Outlet",
    "OutletError",
    "Part",
    "PollOutlet",
    "Refused",
    "RetryLater",
    "Sent",
    "Timed",
    "Votes",
    "load_module",
    "make_outlet",
    "outlet_names",
    "part_marker",
    "post_parts",
    "redact_reason",
    "secret_names",
    "settings_types",
]
