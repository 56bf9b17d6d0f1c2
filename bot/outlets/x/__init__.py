"""X, formerly Twitter: one post with one picture, or a thread, from one account, through API v2 with OAuth 1.0a keys.

Needs an app with "Read and write" permission and pay-per-use credits (console.x.com), and the four keys of the
account that posts. X wants such an account labelled "Automated" (in its settings, linked to a person's account) and
its profile to say who runs it.

X has no idempotency key. What may have gone out is looked for in the account's own timeline, never sent again unseen.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.outlets.x.limits import XSettings as Settings
    from bot.outlets.x.limits import cost
    from bot.outlets.x.outlet import SETTLE, XOutlet, make_outlet
    from bot.outlets.x.post_format import FORMAT
else:
    __getattr__ = lazy_attributes(__name__, __file__)


TITLE = "X"
SECRETS = ("X_API_KEY", "X_API_SECRET", "X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET")
