"""Rules that X's published descriptions lack, and where tweepy rightly differs from them.

Two versions are used: 2.166 has the names that tweepy uses, 2.167 is the newest. Sources: docs.x.com (Aug 2026), pages
posts/manage-tweets/integrate, counting-characters and pricing.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot import platform_limits, x_text
from tests.peers.openapi import Allowed, Recorded

FILES = ("x_openapi_v2.166.json", "x_openapi_v2.167.json")
ALLOWED = (
    Allowed(
        "GET",
        "/2/users/{id}/tweets",
        r"^unknown query parameter tweet\.fields$",
        "2.167 documents the name post.fields; measured in Sept 2026, X takes both and answers each in its own key"
        " names. `find` trusts no answer without the keys it asked for.",
    ),
    Allowed(
        "HEAD",
        "/2/openapi.json",
        r"^no such operation$",
        "The description names GET alone, as descriptions do; HEAD is GET without the body (RFC 9110, 9.3.2), and all"
        " that is wanted is what time it is there.",
    ),
)
ATTACHED = frozenset({"media", "poll", "quote_tweet_id", "card_uri", "direct_message_deep_link"})


def fits_post(text: str) -> bool:
    """Whether X accepts a text: not too long, not empty, nothing forbidden."""
    return 0 < x_text.weighted_length(text) <= platform_limits.X_TEXT and not x_text.has_forbidden(text)


def unwritten(recorded: Recorded) -> Iterator[str]:
    """The faults of a post by rules that no schema has."""
    body = recorded.document()
    if (recorded.method, recorded.path) != ("POST", "/2/tweets") or not isinstance(body, dict):
        return
    text = str(body.get("text", ""))
    if not fits_post(text or "x"):
        yield "text longer than 280, or of signs that X refuses"
    if not text and "media" not in body:
        yield "an empty post"
    kinds = [entity.kind for entity in x_text.find_entities(text)]
    if kinds.count("cashtag") > 1:
        yield "two cashtags"
    if "mention" in kinds or "list" in kinds:
        yield "somebody is mentioned"
    if len(ATTACHED & set(body)) > 1:
        yield "two attachments at once"
