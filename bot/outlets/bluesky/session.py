"""A session on a server of the AT Protocol: opened with an app password, refreshed when its token expires."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bot.outlets.http_calls import Answer, CallLostError, CallRefusedError, HttpCaller


@dataclass(frozen=True, slots=True)
class Session:
    """An open session."""

    did: str
    handle: str
    access: SecretStr
    refresh: SecretStr


class XrpcClient:
    """Calls in the name of one account. All of them raise a `CallError`."""

    def __init__(self, service: str, account: str, password: SecretStr) -> None:
        self._wire = HttpCaller(f"{service}/xrpc/")
        self._account, self._password = account, password
        self._session: Session | None = None
        self._lock = threading.Lock()
        self.time = self._wire.time

    def session(self) -> Session:
        """The session of the account; opened at the first call."""
        with self._lock:
            if self._session is None:
                self._session = self._open_session()
            return self._session

    def call(self, method: str, name: str, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """One call. One that is refused because its token expired was not executed, and is repeated once."""
        session = self.session()
        try:
            return self._call_as(session, method, name, headers, options)
        except CallRefusedError as error:
            if error.kind != "ExpiredToken":
                raise
        return self._call_as(self._renewed(session), method, name, headers, options)

    def known_tokens(self) -> tuple[SecretStr, ...]:
        """The session's tokens, to be kept out of reasons."""
        session = self._session
        return (session.access, session.refresh) if session else ()

    def close(self) -> None:
        self._wire.close()

    def _call_as(
        self, session: Session, method: str, name: str, headers: Mapping[str, str] | None, options: Mapping[str, Any]
    ) -> Answer:
        return self._wire.call(method, name, headers={**_bearer(session.access), **(headers or {})}, **options)

    def _renewed(self, expired: Session) -> Session:
        """A session with a new token, refreshed or, if the refresh token expired as well, opened again."""
        with self._lock:
            if self._session is not None and self._session is not expired:
                return self._session
            try:
                name = "com.atproto.server.refreshSession"
                self._session = _read_session(self._wire.call("POST", name, headers=_bearer(expired.refresh)))
            except CallRefusedError as error:
                if error.status not in (400, 401):
                    raise
                self._session = self._open_session()
            return self._session

    def _open_session(self) -> Session:
        body = {"identifier": self._account, "password": self._password.get_secret_value()}
        return _read_session(self._wire.call("POST", "com.atproto.server.createSession", json=body))


def _bearer(token: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.get_secret_value()}"}


def _read_session(answer: Answer) -> Session:
    held = [answer.mapping().get(key) for key in ("did", "handle", "accessJwt", "refreshJwt")]
    did, handle, access, refresh = (value if isinstance(value, str) else "" for value in held)
    if not (did.startswith("did:") and access and refresh):
        raise CallLostError("a session without its account or tokens")
    return Session(did, handle, SecretStr(access), SecretStr(refresh))
