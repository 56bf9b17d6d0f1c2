"""The cluster: an `Executor` whose tasks run on Dask's workers, which have the same Footfall installed.

Tasks are functions by name and plain values. A worker with other versions is refused, and there is no silent fallback:
if the cluster fails, `ClusterError` says so. Workers import this module too; Dask itself is imported only if a cluster
is configured.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import pickle
import platform
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from uuid import uuid4

from bot.records import FootfallError, SafeName
from bot.redaction import clip_text

if TYPE_CHECKING:
    from distributed import Client

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 30.0
"""Seconds to wait for the scheduler, for a worker, and for the workers' versions."""
LOOK_EVERY = 5.0
"""Seconds between two checks for living workers while waiting for a result."""
SAME = "install the same there, or stop that worker (docs/scale.md)"

Versions = tuple[tuple[str, str], ...]
"""The versions that must be the same on each machine, by name."""


class ClusterError(FootfallError):
    """The cluster failed. One line: which scheduler or worker, what was found, what was wanted, what to do."""


class WorkersDiedError(ClusterError):
    """One task killed several workers; other tasks may still succeed."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of the files with which both ends authenticate."""

    ca: Path
    cert: Path
    key: Path


@cache
def installed_versions() -> Versions:
    """The versions of this process. Of Python the minor version, since tasks are compatible within one."""
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    python = ".".join(platform.python_version_tuple()[:2])
    packages = (("DuckDB", metadata.version("duckdb")), ("Dask", metadata.version("distributed")))
    return (("Footfall", f"code {digest.hexdigest()[:12]}"), ("Python", python), *packages)


def version_mismatch(worker: str, reported: Versions | str, wanted: Versions) -> str:
    """Why a worker is refused; empty if it is not."""
    if isinstance(reported, str):
        reason = f"found no Footfall that can be imported ({SafeName(reported)})"
        return f"cluster: worker {worker}: {reason}, wanted ours; {SAME}"
    there = dict(reported)
    wrong = [(name, there.get(name, "none"), version) for name, version in wanted if there.get(name) != version]
    if not wrong:
        return ""
    both = [", ".join(f"{row[0]} {row[n]}" for row in wrong) for n in (1, 2)]
    return f"cluster: worker {worker}: found {both[0]}, wanted {both[1]}; {SAME}"


# --- on a worker -----------------------------------------------------------------------------------------------------


def portable_task(wanted: Versions, content: bytes) -> Callable[[], Any]:
    """A pickled function with its arguments, as a function that is pickled by value, so that a worker without this
    module can say so. Dask logs name and arguments of a failed task; this one has none, since a URL may hold a key."""

    def call_task() -> Any:
        from distributed import get_worker

        worker = get_worker().address
        try:
            from bot.dask_executor import run_task
        except ImportError as error:
            raise ImportError(str(error), name=worker) from None
        return run_task(worker, wanted, content)

    return call_task


def run_task(worker: str, wanted: Versions, content: bytes) -> Any:
    """On a worker: run a call, if the versions match. Raises `ClusterError`."""
    if why := version_mismatch(worker, installed_versions(), wanted):
        raise ClusterError(why)
    function, args, kwargs = pickle.loads(content)  # noqa: S301  Dask has unpickled this very task already
    return function(*args, **kwargs)


def _version_probe() -> Callable[[], Versions | str]:
    """A function that is pickled by value, so that a worker without this module can answer too."""

    def report_versions() -> Versions | str:
        try:
            from bot.dask_executor import installed_versions as there
        except ImportError as error:
            return str(error)
        return there()

    return report_versions


# --- here ------------------------------------------------------------------------------------------------------------


class DaskExecutor(Executor):
    """A Dask cluster. Connects at the first task, and again if the scheduler was lost."""

    def __init__(
        self,
        address: str,
        tls: TlsFiles | None = None,
        patience: float = PATIENCE,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.address, self._tls, self._patience, self.clock = address, tls, patience, clock
        self._client: Client | None = None
        self._lock, self._shut = Lock(), False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a task on some worker. Raises `ClusterError` if there is none; its result does so too."""
        content = pickle.dumps((fn, args, kwargs), pickle.HIGHEST_PROTOCOL)
        client = self._connected_client()
        key = f"{getattr(fn, '__name__', 'call')}-{uuid4().hex}"
        future: _Awaited[T] = _Awaited(self, client)
        # Kept only until it is done: Dask recomputes a result with a reference when its worker is lost.
        held = [client.get_executor(pure=False).submit(portable_task(installed_versions(), content), key=key)]
        future.add_done_callback(lambda outer: held[0].cancel() if outer.cancelled() and held else None)
        held[0].add_done_callback(lambda done: self._forward_result(done, future, held))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._lock:
            self._shut = True
            if self._client is not None:
                self._client.close(timeout=self._patience if wait else 1)
            self._client = None

    def has_no_workers(self, client: Client) -> bool:
        """Whether there is no worker. Raises `ClusterError` if the scheduler does not answer."""
        try:
            workers = client.sync(_worker_addresses, client, callback_timeout=self._patience)
        except (OSError, RuntimeError) as error:
            raise ClusterError(self._connection_lost(type(error).__name__)) from error
        return not workers

    def no_workers_error(self) -> ClusterError:
        cure = f"start some with `dask worker {self.address}` (docs/scale.md)"
        return ClusterError(f"cluster: {self.address}: found no worker for {self._patience:g} s, wanted one; {cure}")

    @property
    def patience(self) -> float:
        return self._patience

    def _connected_client(self) -> Client:
        with self._lock:
            if self._shut:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if self._client is not None and self._client.status != "running":
                self._client.close(timeout=1)
                self._client = None
            if self._client is None:
                self._client = self._verified_client(self._open_client())
            return self._client

    def _open_client(self) -> Client:
        try:
            from distributed import Client
            from distributed.security import Security
        except ImportError as error:
            cure = "install it with `pip install -r requirements-cluster.txt`, or take `cluster` out of config.yaml"
            raise ClusterError(f"cluster: {error}; {cure}") from error
        _capture_dask_logs()
        security = Security(require_encryption=True, **self._tls_paths()) if self._tls else None
        try:
            return Client(
                self.address, timeout=self._patience, security=security, set_as_default=False, name="footfall"
            )
        except (OSError, ValueError, RuntimeError) as error:
            line = (str(error.__cause__ or error).splitlines() or [""])[0]
            why = clip_text(re.sub(r"in <[^>]*>: ", "", line), 200)
            cure = "start it (docs/scale.md), or take `cluster` out of config.yaml"
            raise ClusterError(f"cluster: {self.address}: the scheduler cannot be reached: {why}; {cure}") from error

    def _tls_paths(self) -> Mapping[str, str]:
        assert self._tls is not None
        files = {"tls_ca_file": self._tls.ca, "tls_client_cert": self._tls.cert, "tls_client_key": self._tls.key}
        for path in files.values():
            if not path.is_file():
                raise ClusterError(f"cluster: {path}: is not there, wanted a PEM file; make it as docs/scale.md says")
        return {name: str(path) for name, path in files.items()}

    def _verified_client(self, client: Client) -> Client:
        """A client whose workers have the right versions; one that has not answered is checked with its first task."""
        try:
            began = self.clock()
            while self.has_no_workers(client):
                if self.clock() - began > self._patience:
                    raise self.no_workers_error()
                client.sync(asyncio.sleep, 0.2)
            for worker, versions in client.sync(_worker_versions, client, self._patience).items():
                if why := version_mismatch(worker, versions, installed_versions()):
                    raise ClusterError(why)
        except BaseException:
            client.close(timeout=1)
            raise
        return client

    def _forward_result(self, done: Future[Any], outer_future: Future[Any], held: list[Future[Any]]) -> None:
        held.clear()
        if not outer_future.set_running_or_notify_cancel():
            return
        if done.cancelled():
            outer_future.set_exception(ClusterError(self._connection_lost("the connection ended")))
        elif error := done.exception():
            outer_future.set_exception(self._translate_error(error))
        else:
            outer_future.set_result(done.result())

    def _connection_lost(self, why: str) -> str:
        cure = "see that it runs; what was not done is done the next time"
        return f"cluster: {self.address}: the scheduler was lost in the middle ({why}); {cure}"

    def _translate_error(self, error: BaseException) -> BaseException:
        """The error of a task: its own unchanged, the cluster's as `ClusterError`."""
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            task = str(error.task).partition("-")[0]
            last = error.last_worker.address
            cure = "give workers more memory, or look into that worker's log"
            return WorkersDiedError(
                f"cluster: {task}: {error.allowed_failures + 1} workers died of it, {last} the last; {cure}"
            )
        if isinstance(error, ImportError):
            return ClusterError(version_mismatch(error.name or "that took the task", str(error), installed_versions()))
        return error


class _Awaited(Future[T]):
    """A result that does not wait for ever when no worker is left."""

    def __init__(self, cluster: DaskExecutor, client: Client) -> None:
        super().__init__()
        self._of, self._asks = cluster, client

    def result(self, timeout: float | None = None) -> T:
        alone: float | None = None
        while timeout is None and not self.done():
            try:
                return super().result(LOOK_EVERY)
            except TimeoutError:
                if self.done():
                    break
            alone = (alone or self._of.clock()) if self._of.has_no_workers(self._asks) else None
            if alone is not None and self._of.clock() - alone > self._of.patience:
                raise self._of.no_workers_error()
        return super().result(timeout)


async def _worker_addresses(client: Client) -> list[str]:
    if client.scheduler is None:
        raise OSError("not connected")
    return list((await client.scheduler.identity(n_workers=-1))["workers"])


async def _worker_versions(client: Client, patience: float) -> dict[str, Versions | str]:
    """The versions of each worker that answers."""

    async def ask_worker(worker: str) -> tuple[str, Versions | str | None]:
        try:
            answers = await asyncio.wait_for(
                client._run(_version_probe(), workers=[worker], on_error="return"), patience
            )
        except (TimeoutError, OSError, ValueError):
            return worker, None
        answer = answers.get(worker)
        return worker, f"{type(answer).__name__}: {answer}" if isinstance(answer, Exception) else answer

    answered = await asyncio.gather(*(ask_worker(worker) for worker in await _worker_addresses(client)))
    return {worker: versions for worker, versions in answered if versions is not None}


def _capture_dask_logs() -> None:
    """Dask sets up its own logging on import; from here on its warnings go to our log."""
    for name in ("distributed", "distributed.client", "distributed.gc", "bokeh", "tornado", "tornado.application"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    logging.getLogger("distributed").setLevel(logging.WARNING)
