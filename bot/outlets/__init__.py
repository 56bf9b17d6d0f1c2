"""A package a platform. The rule: an outlet gets one part for one destination and answers the one question that
matters: did it go out, and may it be tried again? It reads no database, renders no text, chooses no day and never
sleeps.

`types` says what an outlet gets and returns, and `registry` finds the outlets. Adding one is adding a package or module
here. It declares `TITLE`, `Settings` (what `config.yaml` may say), `SECRETS` (the environment variables that it reads),
`SETTLE` (how long until a look-back can be trusted) and `cost` (what a part is estimated to cost), and `make_outlet`
makes it; its docstring is its page in the docs. One that is not posted to part by part, as the site, has only the first
three.
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
    redact_reason,
)
