"""The cluster: an `Executor` whose tasks run on Dask's workers, which have the same Footfall installed.

What travels is a function by its name and plain values. A worker of other versions is refused, never worked around, and
nothing falls back in silence: where the cluster cannot do it, `ClusterError` says so. Imported by workers too; Dask
itself is imported only where a cluster is configured.
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
"""Seconds for the scheduler to answer, for a worker to be there, and for workers to say their versions."""
LOOK_EVERY = 5.0
"""Seconds between two looks at whether anybody is still at work, while a result is waited for."""
SAME = "install the same there, or stop that worker (docs/scale.md)"

Versions = tuple[tuple[str, str], ...]
"""What must be the same on each machine, by name."""


class ClusterError(FootfallError):
    """The cluster cannot do it. One line: which scheduler or worker, what was found, what was wanted, what to do."""


class WorkersDiedError(ClusterError):
    """Workers died of one task, again and again; others may well be done."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of the files with which both ends show who they are."""

    ca: Path
    cert: Path
    key: Path


@cache
def installed_versions() -> Versions:
    """Of this process. Of Python the minor version: what travels is the same within one."""
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    python = ".".join(platform.python_version_tuple()[:2])
    packages = (("DuckDB", metadata.version("duckdb")), ("Dask", metadata.version("distributed")))
    return (("Footfall", f"code {digest.hexdigest()[:12]}"), ("Python", python), *packages)


def version_mismatch(worker: str, reported: Versions | str, wanted: Versions) -> str:
    """Why a worker may do nothing; empty where it may."""
    if isinstance(reported, str):
        found = f"found no Footfall that can be imported ({SafeName(reported)})"
        return f"cluster: worker {worker}: {found}, wanted ours; {SAME}"
    there = dict(reported)
    wrong = [(name, there.get(name, "none"), version) for name, version in wanted if there.get(name) != version]
    if not wrong:
        return ""
    both = [", ".join(f"{one[0]} {one[n]}" for one in wrong) for n in (1, 2)]
    return f"cluster: worker {worker}: found {both[0]}, wanted {both[1]}; {SAME}"


# --- on a worker -----------------------------------------------------------------------------------------------------


def portable_task(wanted: Versions, content: bytes) -> Callable[[], Any]:
    """A pickled function with its arguments as one that travels whole, so that a worker without this module can say so.
    Dask logs the name and the arguments of what failed; this one has none, since an address in them may hold a key."""

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
    """On a worker: a call done, if this is a worker that may. Raises `ClusterError`."""
    if why := version_mismatch(worker, installed_versions(), wanted):
        raise ClusterError(why)
    function, args, kwargs = pickle.loads(content)  # noqa: S301  Dask has unpickled this very task already
    return function(*args, **kwargs)


def _version_probe() -> Callable[[], Versions | str]:
    """A function that travels whole, so that a worker without this module can answer too."""

    def report_versions() -> Versions | str:
        try:
            from bot.dask_executor import installed_versions as there
        except ImportError as error:
            return str(error)
        return there()

    return report_versions


# --- here ------------------------------------------------------------------------------------------------------------


class DaskExecutor(Executor):
    """A Dask cluster. Connects at the first task, and again where the scheduler was lost in between."""

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
        """A task on some worker. Raises `ClusterError` where there is none; so does its result, once there is none."""
        content = pickle.dumps((fn, args, kwargs), pickle.HIGHEST_PROTOCOL)
        client = self._connected_client()
        key = f"{getattr(fn, '__name__', 'call')}-{uuid4().hex}"
        told: _Awaited[T] = _Awaited(self, client)
        # Held until it is done and no longer: what somebody holds Dask computes again when its worker is lost.
        held = [client.get_executor(pure=False).submit(portable_task(installed_versions(), content), key=key)]
        told.add_done_callback(lambda outer: held[0].cancel() if outer.cancelled() and held else None)
        held[0].add_done_callback(lambda done: self._forward_result(done, told, held))
        return told

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._lock:
            self._shut = True
            if self._client is not None:
                self._client.close(timeout=self._patience if wait else 1)
            self._client = None

    def has_no_workers(self, client: Client) -> bool:
        """Whether nobody is there to do anything. Raises `ClusterError` where the scheduler does not answer."""
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
        """A client whose workers are what they should be; what does not answer yet is checked with its first task."""
        try:
            began = self.clock()
            while self.has_no_workers(client):
                if self.clock() - began > self._patience:
                    raise self.no_workers_error()
                client.sync(asyncio.sleep, 0.2)
            for worker, found in client.sync(_worker_versions, client, self._patience).items():
                if why := version_mismatch(worker, found, installed_versions()):
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
        """What a task failed of: its own errors as they are, those of the cluster in our words."""
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
    """A result that does not wait for ever where nobody is left who could bring it."""

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
    """What each worker says of itself, of those that answer."""

    async def ask_worker(worker: str) -> tuple[str, Versions | str | None]:
        try:
            said = await asyncio.wait_for(client._run(_version_probe(), workers=[worker], on_error="return"), patience)
        except (TimeoutError, OSError, ValueError):
            return worker, None
        found = said.get(worker)
        return worker, f"{type(found).__name__}: {found}" if isinstance(found, Exception) else found

    answered = await asyncio.gather(*(ask_worker(worker) for worker in await _worker_addresses(client)))
    return {worker: found for worker, found in answered if found is not None}


def _capture_dask_logs() -> None:
    """Dask logs past everybody when it is imported; from here on its warnings go where all lines go."""
    for name in ("distributed", "distributed.client", "distributed.gc", "bokeh", "tornado", "tornado.application"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    logging.getLogger("distributed").setLevel(logging.WARNING)
