"""The error of the store; its cause by the database's own code, and how to fix it. Pure."""

from __future__ import annotations

import sqlite3

from bot.records import FootfallError


class StoreError(FootfallError):
    """The database cannot be used: which one and why."""

    def __init__(self, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.cure = cure
        """What to do, if the database's error code tells."""


FULL = "make room on its disk (or raise its quota); what waits is then done by itself"
READ_ONLY = "make the file, its folder and its disk writable for this user (a read-only mount, a file of another user)"
NO_PERMISSION = "give this user read and write permission on the file and its folder, or set DATABASE_URL to another"
MALFORMED = "stop the worker, put the last backup in its place (docs/operate.md, Backing up) and start again"
LOCKED = "find the other process that writes to it without end (another worker, a shell that was left open), and end it"
UNREACHABLE = "start the server, or correct host, port and name in DATABASE_URL"

_SQLITE = {
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_CORRUPT": MALFORMED,
    "SQLITE_NOTADB": MALFORMED,
    "SQLITE_CANTOPEN": NO_PERMISSION,
    "SQLITE_PERM": NO_PERMISSION,
    "SQLITE_AUTH": NO_PERMISSION,
    "SQLITE_BUSY": LOCKED,
    "SQLITE_LOCKED": LOCKED,
    "SQLITE_IOERR": "look at the disk (dmesg, its quota and its health): reading or writing a file failed",
}
"""By the first two words of https://www.sqlite.org/rescode.html."""
_POSTGRESQL = {
    "25006": "connect to the primary: this server, or this user, may only read",
    "53100": FULL,
    "53200": "give the server more memory, or make fewer connections",
    "53300": "make fewer connections, or raise max_connections",
    "42501": "grant this user the rights on the database's tables and its schema",
    "28000": "correct user and password in DATABASE_URL",
    "28P01": "correct user and password in DATABASE_URL",
    "3D000": "make the database (createdb), or correct its name in DATABASE_URL",
    "57P03": "wait until the server has started",
    "XX001": MALFORMED,
    "XX002": MALFORMED,
}
"""By https://www.postgresql.org/docs/current/errcodes-appendix.html."""

_CONNECTING = {
    "authentication failed": "28P01",
    "no password supplied": "28P01",
    "too many clients": "53300",
    "too many connections": "53300",
    "is starting up": "57P03",
    "No space left on device": "53100",
    "does not exist": "3D000",
}


def cure(error: BaseException | None) -> str:
    """What to do about a driver's error; empty if its code is unknown."""
    if isinstance(error, sqlite3.Error):
        name = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
        return _SQLITE.get(name, "")
    code = getattr(error, "sqlstate", None)
    if code is None and type(error).__name__ == "OperationalError":
        words = str(error)  # psycopg has no code for errors while connecting
        return next((_POSTGRESQL[known] for pattern, known in _CONNECTING.items() if pattern in words), UNREACHABLE)
    return _POSTGRESQL.get(code or "", "")
