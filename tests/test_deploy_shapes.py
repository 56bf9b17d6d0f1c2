"""The ways to deploy that `deploy/` and the `Procfile` show: each is valid for its tool, names only what exists, and is
walked with its own commands as far as this machine can."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import httpx
import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose

from bot.cli import cli, main, preview_commands
from bot.cli.app_context import AppContext
from bot.config import WebConfig, WorkerConfig
from tests.patience import PATIENCE, make_client
from tests.peers.ports import reserved
from tests.peers.postgres import Postgres
from tests.test_deploy import ROOT, health_check, steps

DEPLOY = ROOT / "deploy"
WEB, WORKER = WebConfig.model_validate({}), WorkerConfig.model_validate({})
UNITS = {name: DEPLOY / f"footfall-{name}.service" for name in ("worker", "web")}
Commands = Mapping[str, Sequence[str]]
"""By process (`migrate`, `worker`, `web`): the arguments of `python -m bot`."""


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return document


def kubernetes() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))


def objects(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in kubernetes() if each["kind"] == kind}


def pods() -> dict[str, dict[str, Any]]:
    made = {**objects("Job"), **objects("Deployment")}
    return {name.removeprefix("footfall-"): each["spec"]["template"]["spec"] for name, each in made.items()}


def unit_commands(key: str) -> dict[str, list[str]]:
    """The arguments that the units give to `python -m bot`."""
    found = {name: re.search(rf"(?m)^{key}=(\S+) -m bot (.+)$", path.read_text()) for name, path in UNITS.items()}
    return {name: shlex.split(match[2]) for name, match in found.items() if match}


def procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    return {name: command.strip() for name, command in (line.split(":", 1) for line in lines)}


SHAPES: dict[str, Callable[[], Commands]] = {
    "compose": lambda: {name: compose()["services"][name]["command"] for name in ("migrate", "worker", "web")},
    "kubernetes": lambda: {name: pod["containers"][0]["args"] for name, pod in pods().items()},
    "systemd": lambda: {"migrate": unit_commands("ExecStartPre")["web"], **unit_commands("ExecStart")},
}


# --- each shape is walked -------------------------------------------------------------------------------------------


NewPort = Callable[[], int]


@pytest.fixture
def new_port() -> Iterator[NewPort]:
    """Reserves ports until the end of the test."""
    with ExitStack() as held:
        yield lambda: held.enter_context(reserved())


@dataclass(frozen=True)
class Installation:
    """A folder with a configuration and ports of its own."""

    folder: Path
    environment: dict[str, str]
    ports: dict[str, int]
    settings: dict[str, Any] = field(default_factory=dict)

    def command(self, arguments: Sequence[str]) -> list[str]:
        """A shape's command, on loopback."""
        return [sys.executable, "-m", "bot", *("127.0.0.1" if word == "0.0.0.0" else word for word in arguments)]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(arguments), env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def ask(self, *arguments: str) -> tuple[int, str]:
        """The exit code and output of a command in this process."""
        output = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(output):
            for name, value in self.environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as end:
                main(list(arguments))
        assert isinstance(end.value.code, int)
        return end.value.code, output.getvalue()

    @contextmanager
    def started(self, command: Sequence[str], ends_with: int = 0) -> Iterator[subprocess.Popen[bytes]]:
        """A process that must end in this way when it is told to stop."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command, env=self.environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
            try:
                yield process
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE) == ends_with, (self.folder / "log").read_text()
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def healthy(self, process: subprocess.Popen[bytes], *words: str) -> str:
        """What a health command says once it says that all is well."""
        while (asked := self.ask(*words))[0]:
            assert process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.1)  # between two looks
        return asked[1]


def installation(folder: Path, url: str, new_port: NewPort, token: str = "") -> Installation:
    ports = {name: new_port() for name in ("web", "worker", "monitoring")}
    settings: dict[str, Any] = {
        "data": str(folder / "data"),
        "out": str(folder / "out"),
        "outlets": {"site": {}},
        "schedule": [],
        "worker": {"port": ports["worker"], "tick": 1},
        "web": {"monitoring_port": ports["monitoring"]},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    known = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), "MPLCONFIGDIR": "/tmp"}
    more = {"DATABASE_URL": url, "PORT": str(ports["web"]), "FOOTFALL_CONFIG": str(folder / "config.yaml")}
    return Installation(folder, {**known, **more, **({"MONITORING_TOKEN": token} if token else {})}, ports, settings)


@pytest.mark.parametrize(
    ("shape", "token"), [("compose", ""), ("kubernetes", "of-24-letters-and-digits"), ("systemd", "")]
)
def test_each_shape_migrates_runs_answers_its_probes_and_stops(
    tmp_path: Path, postgres: Postgres, new_port: NewPort, shape: str, token: str
) -> None:
    commands = SHAPES[shape]()
    url = f"sqlite:///{tmp_path}/footfall.db" if shape == "systemd" else postgres.bare()
    here = installation(tmp_path, url, new_port, token)
    migrated = here.run(*commands["migrate"])
    assert (migrated.returncode, "up to date" in migrated.stdout) == (0, True), migrated
    assert here.ask("health")[0] == 1, "nothing runs yet"
    with here.started(here.command(commands["worker"])) as worker, here.started(here.command(commands["web"])) as web:
        assert here.healthy(worker, "health", "worker").startswith("worker: healthy")
        assert here.healthy(web, "health", "web").startswith("web: healthy")
        assert here.run("health").stdout.startswith("worker: healthy"), "in a process, as the probes run it"
        with make_client(trust_env=False) as client:
            assert client.get(f"http://127.0.0.1:{here.ports['web']}/api/v1").status_code == 200
            for port in (here.ports["worker"], here.ports["monitoring"]):
                check_monitoring(client, f"http://127.0.0.1:{port}", token)
    assert here.ask("health")[0] == 1, "nothing runs any more"


def check_monitoring(client: httpx.Client, url: str, token: str) -> None:
    """Facts and metrics are for those who show the token."""
    known = {"Authorization": f"Bearer {token}"} if token else {}
    assert client.get(f"{url}/health", headers=known).json()["database"] == "readable"
    assert client.get(f"{url}/metrics", headers=known).text.startswith("# HELP ")
    if token:
        for header in (
            {},
            {"Authorization": "Bearer of-24-letters-and-digitS"},
            {"Authorization": "Bearer é".encode()},
        ):
            probe = client.get(f"{url}/health", headers=header)
            assert (probe.status_code, probe.json()) == (200, {"ok": True})
            assert client.get(f"{url}/metrics", headers=header).status_code == 401


def test_the_procfile_runs_under_a_manager_that_chooses_the_port(
    tmp_path: Path, postgres: Postgres, new_port: NewPort
) -> None:
    here = installation(tmp_path, postgres.bare(), new_port)
    lines = [f"{name}: {command.replace('0.0.0.0', '127.0.0.1')}" for name, command in procfile().items()]
    assert lines != (ROOT / "Procfile").read_text(encoding="utf-8").splitlines(), "a host needs every address"
    (tmp_path / "Procfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
    here.environment["PATH"] = f"{Path(sys.executable).parent}:{here.environment['PATH']}"
    honcho = [sys.executable, "-m", "honcho", "start", "-d", str(tmp_path)]
    released = subprocess.run([*honcho, "release"], env=here.environment, timeout=PATIENCE, check=True)
    assert released.returncode == 0
    # honcho gives its port to the first process, and 100 more to the next.
    command = [*honcho, "-p", str(here.ports["web"] - 100), "worker", "web"]
    with here.started(command, 128 + signal.SIGTERM) as manager:
        assert here.healthy(manager, "health", "worker").startswith("worker: healthy")
        here.healthy(manager, "health", "web")
        with make_client(trust_env=False) as client:
            assert client.get(f"http://127.0.0.1:{here.ports['web']}/api/v1").status_code == 200


# --- what the files name exists -------------------------------------------------------------------------------------


def image_volumes() -> set[str]:
    (found,) = [json.loads(what) for step, what in steps() if step == "VOLUME"]
    return set(found)


def known_variables() -> set[str]:
    return set(re.findall(r"(?m)^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8")))


def stop_seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_the_compose_file_is_valid_and_names_what_exists() -> None:
    document = compose()
    PyCompose.from_yaml(yaml.safe_dump(document))
    with pytest.raises(ValueError, match="prots"):
        PyCompose.from_yaml("services: {web: {image: footfall, prots: []}}")
    services = document["services"]
    assert set(services) == {"database", "migrate", "worker", "web"}
    for name in ("migrate", "worker", "web"):
        service = services[name]
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve().is_file()
        assert service["env_file"] == ["../.env"]
        mounts = dict(mount.split(":")[:2] for mount in service["volumes"])
        assert (DEPLOY / "../config.yaml").is_file() and mounts.pop("../config.yaml") == "/srv/footfall/config.yaml"
        assert set(mounts) <= set(document["volumes"]) and set(mounts.values()) == image_volumes()
        assert "healthcheck" in service
    variables = set(re.findall(r"\$\{(\w+)", json.dumps(document)))
    assert variables == {"POSTGRES_PASSWORD"} <= known_variables()
    assert stop_seconds(services["worker"]["stop_grace_period"]) > WORKER.grace
    ports = [option.default for option in preview_commands.web.params if option.name == "port"]
    assert services["web"]["ports"] == [f"127.0.0.1:{ports[0]}:{ports[0]}"]
    assert [what for step, what in steps() if step == "EXPOSE"] == [str(ports[0])]
    assert services["web"]["ulimits"]["nofile"] > WEB.connections


def test_every_command_of_every_shape_is_one_of_footfalls_with_its_options() -> None:
    services = compose()["services"]
    checks = [services[name]["healthcheck"]["test"][1:] for name in ("worker", "web")] + [health_check()]
    shapes = [list(arguments) for shape in SHAPES.values() for arguments in shape().values()]
    lines = [shlex.split(command) for command in procfile().values()]
    for words in [*(line[3:] for line in (*checks, *lines)), *shapes]:
        command = cli.get_command(click.Context(cli), words[0])
        assert command is not None, words
        command.make_context(words[0], words[1:], obj=Path("config.yaml"))
    assert all(line[:3] == ["python", "-m", "bot"] for line in (*checks, *lines))


def test_the_kubernetes_objects_are_valid_and_name_what_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for document in kubernetes():
        kubernetes_validate.validate(document, "1.32", strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**kubernetes()[-1], "spec": {"prots": []}}, "1.32", strict=True)
    claims = set(objects("PersistentVolumeClaim"))
    for pod in pods().values():
        (container,) = pod["containers"]
        sources = {each["name"]: each for each in pod["volumes"]}
        mounts = {each["mountPath"]: sources[each["name"]] for each in container["volumeMounts"]}
        assert set(mounts) == {"/srv/footfall/config.yaml", "/tmp", *image_volumes()}
        assert mounts["/srv/footfall/config.yaml"]["configMap"]["name"] in objects("ConfigMap")
        assert {mounts[path]["persistentVolumeClaim"]["claimName"] for path in image_volumes()} == claims
        assert container["envFrom"] == [{"secretRef": {"name": "footfall"}}]
        user = [what.split(":") for step, what in steps() if step == "USER"]
        assert [[str(pod["securityContext"][key]) for key in ("runAsUser", "runAsGroup")]] == user
    assert pods()["worker"]["terminationGracePeriodSeconds"] > WORKER.grace
    (service,) = objects("Service").values()
    labels = {key: each["spec"]["template"]["metadata"]["labels"] for key, each in objects("Deployment").items()}
    assert service["spec"]["selector"] == labels[service["metadata"]["name"]]
    assert objects("Deployment")["footfall-worker"]["spec"]["replicas"] > 1, "one works and one stands by"
    monkeypatch.setenv("MONITORING_TOKEN", "of-24-letters-and-digits")
    (tmp_path / "config.yaml").write_text(objects("ConfigMap")["footfall"]["data"]["config.yaml"], encoding="utf-8")
    settings = AppContext(tmp_path / "config.yaml").settings.config
    ports = {"worker": {"monitoring": settings.worker.port}}
    ports["web"] = {"http": 8080, "monitoring": settings.web.monitoring_port}
    for name, named in ports.items():
        (container,) = pods()[name]["containers"]
        assert {each["name"]: each["containerPort"] for each in container["ports"]} == named
        probes = [container[key] for key in container if key.endswith("Probe")]
        assert {probe["httpGet"]["path"] for probe in probes if "httpGet" in probe} == {"/health"}
        assert {probe.get("httpGet", probe.get("tcpSocket"))["port"] for probe in probes} <= set(named)
    assert settings.worker.host == settings.web.monitoring_host == "0.0.0.0", "probes come from outside of the pod"


# --- systemd and Caddy ----------------------------------------------------------------------------------------------


def systemd(*arguments: str) -> subprocess.CompletedProcess[str]:
    analyze = shutil.which("systemd-analyze")
    assert analyze, "systemd-analyze is missing; `make tools` installs it"
    command = [analyze, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_each_unit(tmp_path: Path, name: str) -> None:
    text, unit = UNITS[name].read_text(encoding="utf-8"), tmp_path / UNITS[name].name
    unit.write_text(text.replace("/srv/footfall/.venv/bin/python", sys.executable), encoding="utf-8")
    verified = systemd("verify", "--man=no", str(unit))
    assert [line for line in verified.stderr.splitlines() if unit.name in line] == []
    unit.write_text(f"{unit.read_text(encoding='utf-8')}\n[Service]\nSurprise=yes\n", encoding="utf-8")
    assert "Surprise" in systemd("verify", "--man=no", str(unit)).stderr, "it reads what it is given"


@pytest.mark.parametrize("name", UNITS)
def test_each_unit_is_confined(name: str) -> None:
    judged = systemd("security", "--offline=true", "--threshold=20", "--no-pager", str(UNITS[name]))
    assert judged.returncode == 0, judged.stdout[-300:]


def test_the_units_leave_room_for_connections_and_for_a_step_in_progress() -> None:
    values = {name: dict(re.findall(r"(?m)^(\w+)=(\S+)$", path.read_text())) for name, path in UNITS.items()}
    assert int(values["web"]["LimitNOFILE"]) > WEB.connections
    assert int(values["worker"]["TimeoutStopSec"]) > WORKER.grace
    folders = [re.findall(r"(?m)^ReadWritePaths=(.*)$", path.read_text()) for path in UNITS.values()]
    assert folders == [["/srv/footfall/data /srv/footfall/out"]] * 2


CADDYFILE = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")


def caddy(folder: Path, *arguments: str, **variables: str) -> tuple[list[str], dict[str, str]]:
    """A command of Caddy, and its environment."""
    found = shutil.which("caddy")
    assert found, "Caddy is missing; `make tools` installs it"
    home = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    return [found, *arguments, "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")], {**home, **variables}


def test_caddy_understands_its_file_and_gets_certificates(tmp_path: Path) -> None:
    (tmp_path / "Caddyfile").write_text(CADDYFILE, encoding="utf-8")
    command, environment = caddy(tmp_path, "adapt", "--validate")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    (server,) = json.loads(done.stdout)["apps"]["http"]["servers"].values()
    assert server["listen"] == [":443"] and server["read_header_timeout"] > 0
    assert server["routes"][0]["match"] == [{"host": ["footfall.example.org"]}]
    ports = [option.default for option in preview_commands.web.params if option.name == "port"]
    assert f'"dial":"127.0.0.1:{ports[0]}"' in done.stdout.replace(" ", "")


def test_a_visitor_cannot_hide_from_the_rate_limit_behind_caddy(tmp_path: Path, new_port: NewPort) -> None:
    here = installation(tmp_path, f"sqlite:///{tmp_path}/footfall.db", new_port)
    settings = {**here.settings, "web": {**here.settings["web"], "requests_per_second": 0.001, "burst": 3}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    port = new_port()
    # Plain HTTP on loopback, and no socket for administration that others on this machine may hold.
    (tmp_path / "Caddyfile").write_text(
        CADDYFILE.replace("{\n\tservers", "{\n\tadmin off\n\tservers"), encoding="utf-8"
    )
    address, behind = f"http://127.0.0.1:{port}", f"127.0.0.1:{here.ports['web']}"
    command, environment = caddy(tmp_path, "run", FOOTFALL_DOMAIN=address, FOOTFALL_WEB=behind)
    here.environment.update(environment)
    with here.started(here.command(["web"])) as web, here.started(command) as proxy:
        here.healthy(web, "health", "web")
        with make_client(trust_env=False) as client:
            statuses = [asked(client, proxy, f"{address}/api/v1", f"203.0.113.{number}") for number in range(5)]
    assert statuses == [200, 200, 200, 429, 429]


def asked(client: httpx.Client, proxy: subprocess.Popen[bytes], url: str, pretended: str) -> int:
    """The status of a request whose visitor pretends another address; the proxy may still be starting."""
    while True:
        try:
            answer = client.get(url, headers={"X-Forwarded-For": pretended})
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            return answer.status_code
        except httpx.ConnectError:
            assert proxy.poll() is None


def test_the_guide_explains_each_file() -> None:
    guide = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    assert [path.name for path in sorted(DEPLOY.iterdir()) if f"deploy/{path.name}" not in guide] == []
