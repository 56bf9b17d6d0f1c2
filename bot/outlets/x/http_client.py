"""The HTTP client for X: tweepy's sync client on our own session. A call ends in exactly one of four ways: a response,
`NotSentError` (nothing was sent), `ResponseLostError` (sent, no valid response) or `HttpStatusError` (X refused).

tweepy signs and sends; hosts, time-outs, sizes and error bodies are handled here, because tweepy 4.17 has a hard-coded
host, sets no time-out, and fails with AttributeError if an error's body is JSON but not an object.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import requests
import tweepy  # type: ignore[import-untyped]
import urllib3
from pydantic import SecretStr
from urllib3.exceptions import NewConnectionError

from bot.outlets.types import PlatformClock
from bot.outlets.x.responses import HttpStatusError, NotSentError, ResponseLostError, XResponse

TWEEPY_HOST = "https://api.twitter.com"
TIMEOUT = (5.0, 30.0)
"""Seconds to connect, and to wait for the next bytes."""
DEADLINE = 60.0
"""Seconds for a whole response, however slow it is."""
ANSWER_LIMIT = 2_000_000
"""Bytes of a response, decoded. A page of 100 posts is some 100 kB."""

# On DEBUG, these log the API key, the access token or a whole picture.
for _name in ("tweepy", "oauthlib", "requests_oauthlib"):
    logging.getLogger(_name).setLevel(logging.INFO)


class RebasedSession(requests.Session):
    """A session that sends requests for tweepy's host to another. The URL is replaced before the request is prepared,
    so that the OAuth 1.0a signature is for the host that gets it."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host.rstrip("/")
        self.time = PlatformClock()

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **more: Any) -> requests.Response:
        """Raises `HttpStatusError` for anything but a 2xx; a redirect is not followed, since its signature would be for
        another address."""
        here = self._host + str(url).removeprefix(TWEEPY_HOST)
        more |= {"timeout": TIMEOUT, "allow_redirects": False, "stream": True}
        response = super().request(method, here, *args, **more)
        if response.status_code < 500:  # otherwise it may come from a proxy
            self.time.observe(response.headers.get("Date"))
        response._content = _read_body(response)
        if not 200 <= response.status_code < 300:
            raise HttpStatusError(response.status_code, response.headers, _json_object(response) or {})
        return response


class XHttpClient:
    """Signed requests to X, also concurrently."""

    def __init__(self, host: str, secrets: Mapping[str, SecretStr]) -> None:
        plain = {name: secret.get_secret_value() for name, secret in secrets.items()}
        self._client = tweepy.Client(
            consumer_key=plain["X_API_KEY"],
            consumer_secret=plain["X_API_SECRET"],
            access_token=plain["X_ACCESS_TOKEN"],
            access_token_secret=plain["X_ACCESS_TOKEN_SECRET"],
            wait_on_rate_limit=False,
        )
        self._client.session.close()
        self._client.session = self._session = RebasedSession(host)
        self.time = self._session.time
        """X's clock, by the last response."""

    def call_api(
        self,
        method: str,
        route: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> XResponse:
        """Raises `NotSentError`, `ResponseLostError` or `HttpStatusError`."""
        try:
            response = self._client.request(method, route, params=params, json=body, user_auth=True)
        except requests.RequestException as error:
            if _before_sending(error):
                raise NotSentError(f"not reached ({_error_kind(error)})") from error
            raise ResponseLostError(f"no answer ({_error_kind(error)})") from error
        document = _json_object(response)
        if document is None:
            raise ResponseLostError(f"HTTP {response.status_code} with a body that is not a JSON object")
        return XResponse(document, response.headers)

    def ask_time(self) -> None:
        """Read X's time from its response to a request without keys, which is free."""
        with suppress(requests.RequestException, HttpStatusError):
            self._session.request("HEAD", f"{TWEEPY_HOST}/2/openapi.json")

    def close(self) -> None:
        self._client.session.close()


def _read_body(response: requests.Response) -> bytes:
    """The whole body, within `ANSWER_LIMIT` and `DEADLINE`."""
    ends = time.monotonic() + DEADLINE
    body = bytearray()
    try:
        while chunk := response.raw.read1(65_536, decode_content=True):
            body += chunk
            if len(body) > ANSWER_LIMIT:
                raise requests.ConnectionError("answer too large")
            if time.monotonic() > ends:
                raise requests.ReadTimeout("answer too slow")
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error
    finally:
        response.close()
    return bytes(body)


def _json_object(response: requests.Response) -> Mapping[str, object] | None:
    try:
        document = response.json()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


_NEVER_SENT = (
    requests.ConnectTimeout,
    requests.exceptions.ProxyError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
)


def _before_sending(error: requests.RequestException) -> bool:
    """Whether the error shows that no byte of the request left: no name, no connection, no trusted certificate."""
    if isinstance(error, _NEVER_SENT):
        return True
    reason = _root_cause(error)
    return isinstance(reason, NewConnectionError | ssl.SSLCertVerificationError)


def _root_cause(error: requests.RequestException) -> object:
    """The cause that urllib3 reports, unwrapped."""
    cause: object = error.args[0] if error.args else error
    cause = getattr(cause, "reason", None) or cause
    inner = cause.args[0] if isinstance(cause, urllib3.exceptions.SSLError) and cause.args else None
    return inner if isinstance(inner, ssl.SSLError) else cause


def _error_kind(error: requests.RequestException) -> str:
    """The error's kind in our own words; its text may name proxies and addresses."""
    root = _root_cause(error)
    return type(root).__name__ if isinstance(root, Exception) else type(error).__name__
