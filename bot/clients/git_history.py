"""One file of one commit of a public git repository, read with git itself into a folder that is then removed."""

from __future__ import annotations

import os
import subprocess
import tempfile

from bot.records import SourceError

MOST_BYTES = 64 * 2**20
"""Of the file; a larger one is not read."""
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_ASKPASS": "true"}


def read_commit_file(repository: str, commit: str, name: str, timeout: float = 120.0) -> bytes:
    """The bytes of a file as a commit has it. `timeout` is for each step, in seconds. Raises `SourceError`."""
    where = f"{repository} {commit[:12]}"
    with tempfile.TemporaryDirectory(prefix="footfall-git-") as folder:
        steps = (
            ["init", "--quiet", "--bare", "."],
            ["fetch", "--quiet", "--depth=1", "--filter=blob:none", repository, commit],
        )
        for step in steps:
            _run_git(step, folder, timeout, where)
        _run_git(["remote", "add", "origin", repository], folder, timeout, where)
        for key, value in (("remote.origin.promisor", "true"), ("remote.origin.partialclonefilter", "blob:none")):
            _run_git(["config", key, value], folder, timeout, where)
        size = int(_run_git(["cat-file", "-s", f"{commit}:{name}"], folder, timeout, where))
        if size > MOST_BYTES:
            raise SourceError(f"{where}: {name} has {size:,} bytes, wanted at most {MOST_BYTES:,}")
        return _run_git(["cat-file", "blob", f"{commit}:{name}"], folder, timeout, where)


def _run_git(arguments: list[str], folder: str, timeout: float, where: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands, no shell
            ["git", *arguments],  # noqa: S607 - the machine's own git
            cwd=folder,
            env={**os.environ, **QUIET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{where}: git {arguments[0]} took more than {timeout:g} s; check the network") from error
    except OSError as error:
        raise SourceError(f"{where}: git cannot be run: {error.strerror}; install git") from error
    if done.returncode:
        # git's own words may hold the address of a proxy with its password.
        raise SourceError(f"{where}: git {arguments[0]} failed with exit code {done.returncode}; check the network")
    return done.stdout
