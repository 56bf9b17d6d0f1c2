"""Environment variables. A blank one counts as not set; an unusable one is reported by name, never with its value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

FOREIGN_SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Secrets that libraries read by themselves."""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""Variables with addresses of proxies, in upper or lower case; secret if the address has a password."""
PROXY_NAMES = tuple(form for name in PROXIES for form in (name, name.lower()))
_TRANSPORTS = {"ws": "http", "wss": "https"}


def unset_blank(variables: Mapping[str, str | None]) -> dict[str, str]:
    """The variables that are not blank: a compose file sets unknown variables to nothing."""
    return {name: value for name, value in variables.items() if value and value.strip()}


def variable_mistakes(environment: Mapping[str, str], secret_names: Iterable[str]) -> Iterator[str]:
    """One line for each variable that cannot be used."""
    for name in (*secret_names, *FOREIGN_SECRETS):
        if problem := _token_problem(environment.get(name, "")):
            yield f"{name}: holds {problem}, which no key or token does; copy it again, or unset it"
    if not environment.get("DATABASE_URL", "").isprintable():
        yield "DATABASE_URL: holds a line break or another control character; copy it again, or unset it"
    for name in PROXY_NAMES:
        if name in environment and not _usable_proxy(environment[name]):
            yield f"{name}: wanted a proxy as http://host:port; correct it, or unset it"


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address, unless `NO_PROXY` exempts it; for libraries that do not read
    these variables. Lower-case variables win over upper-case ones."""
    parts = urlsplit(url)
    proxies = getproxies()
    scheme = _TRANSPORTS.get(parts.scheme, parts.scheme)
    found = proxies.get(scheme) or proxies.get("all")
    if not found or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return found if "://" in found else f"http://{found}"


def _token_problem(text: str) -> str:
    if any(character in "\r\n" for character in text):
        return "a line break"
    if not text.isascii():
        return "a letter outside of ASCII"
    return "" if text.isprintable() and " " not in text else "a blank or a control character"


def _usable_proxy(text: str) -> bool:
    parts = _split_url(text if "://" in text else f"http://{text}")
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)


def _split_url(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        return parts if parts.port is None or parts.port else None
    except ValueError:
        return None
