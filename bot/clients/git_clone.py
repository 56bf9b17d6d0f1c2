"""The history of one file in a clone of a public git repository, read with this machine's own git.

The rule: git runs without hooks, prompts, credentials, settings of the user or the machine, and redirects; it speaks
one protocol, with a limit of time and of bytes per file that it writes. Nothing is ever checked out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bot.records import SourceError

MOST_BYTES = 64 * 2**20
"""Of the file in one commit; a larger one is not read."""
MOST_COMMITS = 20_000
PACK_BYTES = 2**30
"""Of any file that git writes."""
AT_A_TIME = 64
"""Contents that are fetched together."""
_CONFIG = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=false", "credential.helper=", "gc.auto=0", "maintenance.auto=false"),
    *("http.followRedirects=false", "log.showSignature=false", "protocol.ext.allow=never"),
)
_LINE = re.compile(rb":\d{6} (\d{6}) [0-9a-f]{40} ([0-9a-f]{40}) [A-Z]\d*\t")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class FileCommit:
    """A commit that changed the file."""

    commit: str
    at: int
    """When it was committed, in seconds since 1970 UTC."""
    blob: str
    """The object with the content; empty if the commit has no such file, or something else in its place."""


@dataclass(frozen=True, slots=True)
class GitClone:
    """A clone without a working tree, or with one that is not used."""

    folder: Path
    """Git's own folder."""
    shown: str
    """How messages name it."""
    address: str = ""
    """Where it was cloned from and is brought up to date; empty: it is read as it is."""
    timeout: float = 300.0
    """Seconds that each step may take."""

    def update(self) -> None:
        """Clone, or fetch what is new. Raises `SourceError`."""
        if not self.address:
            self._require_folder()
            return
        if (self.folder / "HEAD").is_file():
            fetch = ["fetch", "--quiet", "--no-tags", "--force", "--filter=blob:none", "origin", "HEAD:refs/heads/read"]
            self._run(["config", "remote.origin.url", self.address])
            self._run(fetch)
            return
        made = self.folder.with_name(f".{self.folder.name}")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        fresh = GitClone(made, self.shown, self.address, self.timeout)
        fresh._run(["init", "--quiet", "--bare", "--template=", "."])
        for key, value in (("url", self.address), ("promisor", "true"), ("partialclonefilter", "blob:none")):
            fresh._run(["config", f"remote.origin.{key}", value])
        fresh.update()
        made.replace(self.folder)

    def head(self) -> str:
        """The newest commit. Raises `SourceError`."""
        name = "refs/heads/read" if self.address else "HEAD"
        commit = (
            self._run(["rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]).decode("ascii", "replace").strip()
        )
        if not _COMMIT.fullmatch(commit):
            raise SourceError(f"{self.shown}: has no commit; wanted a clone of the public repository")
        return commit

    def remote_head(self) -> str:
        """The newest commit at the address, or of a clone that is read as it is. Raises `SourceError`."""
        if not self.address:
            self._require_folder()
            return self.head()
        listed = self._run(["ls-remote", "--quiet", self.address, "HEAD"]).decode("ascii", "replace")
        if not _COMMIT.fullmatch(commit := listed.partition("\t")[0]):
            raise SourceError(f"{self.shown}: has no commit; wanted the public repository")
        return commit

    def contains(self, ancestor: str, head: str) -> bool:
        """Whether a commit is `head` or one before it; false also if the clone does not have it."""
        return self._exit_code(["merge-base", "--is-ancestor", ancestor, head]) == 0

    def file_commits(self, head: str, name: str) -> list[FileCommit]:
        """The commits up to `head` that changed a file, oldest first. Raises `SourceError`."""
        flags = ["--reverse", "--topo-order", "--raw", "--no-abbrev", "--no-renames", f"--max-count={MOST_COMMITS}"]
        content = self._run(["log", *flags, "--no-show-signature", "--format=%x00%H %ct", head, "--", name])
        found: list[FileCommit] = []
        for entry in content.split(b"\0")[1:]:
            first, _, rest = entry.partition(b"\n")
            commit, _, at = first.partition(b" ")
            change = _LINE.search(rest)
            is_file = change is not None and change[1] in (b"100644", b"100755")
            blob = change[2].decode() if change is not None and is_file else ""
            found.append(FileCommit(commit.decode(), int(at or 0), blob))
        return found

    def fetch_contents(self, blobs: Sequence[str]) -> None:
        """Fetch contents that a clone without contents lacks, many at a time. Raises `SourceError`."""
        missing = [blob for blob in dict.fromkeys(blobs) if blob and not self._is_here(blob)] if self.address else []
        fetch = ["-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head"]
        for start in range(0, len(missing), AT_A_TIME):
            wanted = "\n".join(missing[start : start + AT_A_TIME]).encode() + b"\n"
            self._run([*fetch, "--filter=blob:none", "--stdin", "origin"], wanted)

    def content(self, blob: str) -> bytes:
        """A content. Raises `SourceError`, also if it is too large."""
        size = int(self._run(["cat-file", "-s", blob]))
        if size > MOST_BYTES:
            raise SourceError(f"has {size:,} bytes, wanted at most {MOST_BYTES:,}")
        return self._run(["cat-file", "blob", blob])

    def _is_here(self, blob: str) -> bool:
        # With no protocol allowed, git cannot fetch what is missing.
        return self._exit_code(["cat-file", "-e", blob], protocols="none") == 0

    def _require_folder(self) -> None:
        if not (self.folder / "HEAD").is_file():
            raise SourceError(
                f"{self.shown}: no git repository; set networks.replicate.history to a clone or an address"
            )

    def _run(self, arguments: Sequence[str], given: bytes = b"") -> bytes:
        done = self._finished(arguments, given)
        if done.returncode:
            # git's own words may hold the address of a proxy with its password.
            step = next(word for word in arguments if word.isalpha() or "-" in word[1:])
            raise SourceError(f"{self.shown}: git {step} failed with exit code {done.returncode}; check the network")
        return done.stdout

    def _exit_code(self, arguments: Sequence[str], protocols: str = "") -> int:
        return self._finished(arguments, protocols=protocols).returncode

    def _finished(
        self, arguments: Sequence[str], given: bytes = b"", protocols: str = ""
    ) -> subprocess.CompletedProcess[bytes]:
        limited = ["sh", "-c", f'ulimit -f {PACK_BYTES // 512} && exec git "$@"', "git"]
        settings = [word for setting in _CONFIG for word in ("-c", setting)]
        try:
            return subprocess.run(  # noqa: S603 - fixed commands; the shell gets arguments, not text
                [*limited, *settings, *arguments],
                cwd=self.folder if self.folder.is_dir() else "/",
                env=self._environment(protocols),
                input=given,
                capture_output=True,
                timeout=self.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SourceError(f"{self.shown}: git took more than {self.timeout:g} s; try again later") from error
        except OSError as error:
            raise SourceError(f"{self.shown}: git cannot be run: {error.strerror}; install git") from error

    def _environment(self, protocols: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "SSH_"))}
        allowed = protocols or (urlsplit(self.address).scheme if self.address else "https")
        return {
            **kept,
            "GIT_DIR": str(self.folder.resolve()),
            "GIT_ALLOW_PROTOCOL": allowed,
            "GIT_ASKPASS": "true",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }


def open_clone(place: str, folder: Path, timeout: float) -> GitClone:
    """A clone at a path of this machine, or one in `folder` of what is at an https address."""
    if place.startswith(("https://", "http://")):
        return GitClone(folder, place, place, timeout)
    path = Path(place)
    return GitClone(path / ".git" if (path / ".git").is_dir() else path, place, timeout=timeout)


def git_is_there() -> bool:
    """Whether this machine has git."""
    return shutil.which("git") is not None
