"""A real Dask cluster: a scheduler and workers as processes, on loopback or each on a machine of its own.

Such a machine is a network namespace with an address. The namespaces are connected by a bridge in another namespace, so
that the real machine does not see it; `Hosts.close` removes all of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from types import TracebackType

import psutil
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bot.dask_executor import TlsFiles
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
QUICK = {
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "2s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",
}
"""Time-outs for tests: seconds instead of minutes."""


class Loopback:
    """All processes on this machine."""

    def address(self, name: str) -> str:
        return "127.0.0.1"

    def on(self, name: str) -> list[str]:
        """The prefix of a command that runs there."""
        return []

    def close(self) -> None:
        pass


class Hosts:
    """Machines by name, each with an address. Raises `OSError` if this machine cannot create them."""

    def __init__(self) -> None:
        self._hub = f"ff{os.getpid()}"
        self._known: list[str] = []
        if shutil.which("ip") is None:
            raise OSError("no `ip` command (package iproute2)")
        try:
            _ip("netns", "add", self._hub)
            _ip("-n", self._hub, "link", "add", "bridge", "type", "bridge")
            _ip("-n", self._hub, "link", "set", "bridge", "up")
        except OSError:
            self.close()
            raise

    def address(self, name: str) -> str:
        if name not in self._known:
            self._added(name)
        return f"10.213.0.{self._known.index(name) + 1}"

    def _added(self, name: str) -> None:
        self._known.append(name)
        there, link = self._there(name), self._link(name)
        _ip("netns", "add", there)
        _ip("-n", self._hub, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", there)
        _ip("-n", self._hub, "link", "set", link, "master", "bridge", "up")
        _ip("-n", there, "address", "add", f"{self.address(name)}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            _ip("-n", there, "link", "set", device, "up")

    def on(self, name: str) -> list[str]:
        self.address(name)
        return ["ip", "netns", "exec", self._there(name)]

    def cut(self, name: str) -> None:
        """Disconnect a machine from the network."""
        _ip("-n", self._hub, "link", "set", self._link(name), "down")

    def close(self) -> None:
        for name in (*map(self._there, self._known), self._hub):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def _there(self, name: str) -> str:
        return f"{self._hub}-{name}"

    def _link(self, name: str) -> str:
        return f"v{self._known.index(name)}"


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class Dask:
    """One scheduler and its workers."""

    def __init__(
        self, folder: Path, hosts: Loopback | Hosts | None = None, tls: TlsFiles | None = None, port: int = 0
    ) -> None:
        self.folder, self.hosts, self.tls = folder, hosts or Loopback(), tls
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.address = self.starts(port)

    def starts(self, port: int = 0) -> str:
        """Start a scheduler; returns its address once it listens."""
        self.scheduler = self._run("scheduler", "scheduler", ("--port", str(port)))
        return self._says("scheduler", self.scheduler, rb"Scheduler at: +(\S+)")

    def add(self, *names: str, memory: str = "1GB", code: Path | None = ROOT) -> None:
        """Start workers, and wait until the scheduler knows them. They import Footfall from `code`."""
        started = {name: self._worker(name, memory, code) for name in names}
        for name, process in started.items():
            self._says(name, process, rb"Registered to:")
        self.workers |= started

    def _worker(self, name: str, memory: str, code: Path | None) -> subprocess.Popen[bytes]:
        more = (self.address, "--nthreads", "1", "--memory-limit", memory, "--name", name)
        return self._run(name, "worker", (*more, "--local-directory", str(self.folder / f"{name}-scratch")), code)

    def inner(self, name: str) -> psutil.Process:
        """A worker's process that does the work; the other one is its nanny."""
        (child,) = (
            child
            for child in psutil.Process(self.workers[name].pid).children()
            if any("spawn_main" in part for part in child.cmdline())
        )
        return child

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def stop(self, *names: str) -> None:
        """Stop workers in any state; without names, also the scheduler."""
        every = [self.workers.pop(name) for name in names or tuple(self.workers)]
        if not names and self.scheduler is not None:
            every.append(self.scheduler)
        for process in every:
            for each in _family(process.pid):
                each.kill()
            process.wait(120)

    def __enter__(self) -> Dask:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, name: str, what: str, arguments: Sequence[str], code: Path | None = ROOT) -> subprocess.Popen[bytes]:
        shown = ()
        if self.tls is not None:
            files = {"--tls-ca-file": self.tls.ca, "--tls-cert": self.tls.cert, "--tls-key": self.tls.key}
            shown = ("--protocol", "tls", *(str(part) for pair in files.items() for part in pair))
        address = self.hosts.address(name)
        begins = [*self.hosts.on(name), sys.executable, "-m", "dask", what, *arguments]
        command = [*begins, "--host", address, "--no-dashboard", *shown]
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(command, env=_environment(code), cwd=self.folder, stdout=log, stderr=log)

    def _says(self, name: str, process: subprocess.Popen[bytes], wanted: bytes) -> str:
        """Wait until its log has a line; returns that line."""
        path = self.folder / f"{name}.log"
        watcher = Thread(target=process.wait, daemon=True)
        watcher.start()
        for _ in range(6000):
            if findall := re.findall(wanted, path.read_bytes()):
                return str(findall[-1], "utf-8")
            watcher.join(0.05)
            if not watcher.is_alive():
                break
        raise RuntimeError(f"{name} of the cluster did not start:\n{self.log(name)}")


def _family(pid: int) -> list[psutil.Process]:
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _environment(code: Path | None) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, **QUICK, **({"PYTHONPATH": str(code)} if code else {})}


def certificates(folder: Path, addresses: Sequence[str] = ("127.0.0.1",)) -> TlsFiles:
    """A certificate authority, and a certificate signed by it for all machines."""
    folder.mkdir(exist_ok=True)
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address)) for address in addresses])
    issuer, subject = _named("footfall test authority"), _named("footfall test machine")
    signed = {
        "ca": _certificate(issuer, issuer, authority, authority, x509.BasicConstraints(True, None)),
        "cert": _certificate(subject, issuer, own, authority, names),
    }
    for name, certificate in signed.items():
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    secret = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return TlsFiles(*(folder / f"{name}.pem" for name in ("ca", "cert", "key")))


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    public_key = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    not_valid = public_key.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
    certificate_builder = not_valid.not_valid_after(now + timedelta(days=1)).add_extension(extension, critical=True)
    return certificate_builder.sign(by, SHA256())
