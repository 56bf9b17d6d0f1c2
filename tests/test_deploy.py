"""The image's steps, without Docker, and the Makefile. `test_deploy_shapes.py` has the other ways to deploy.

`make image-check` runs this with a fresh environment from `requirements.lock` alone (IMAGE_PYTHON); otherwise, the
environment of the tests is used.
"""

from __future__ import annotations

import ast
import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points, packages_distributions
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[1]
PYTHON = Path(os.environ.get("IMAGE_PYTHON", sys.executable))
BY_NAME_ONLY = {"dask", "distributed", "mcp", "mcp_types", "starlette", "uvicorn"}
"""Optional packages, imported only if installed."""


def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def health_check() -> list[str]:
    """The command of HEALTHCHECK."""
    (text,) = [what.partition(" CMD ")[2] for step, what in steps() if step == "HEALTHCHECK"]
    words: list[str] = json.loads(text)
    assert words[:3] == ["python", "-m", "bot"]
    return words


def ignored(path: str) -> bool:
    """Whether `.dockerignore` excludes a path: the last pattern for it or a folder above decides."""
    out = False
    above = ["/".join(path.split("/")[: n + 1]) for n in range(path.count("/") + 1)]
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split():
        pattern = line.lstrip("!")
        forms = [pattern, pattern.removeprefix("**/")]
        if any(fnmatch.fnmatchcase(parent, form) for parent in above for form in forms):
            out = not line.startswith("!")
    return out


def tracked() -> list[str]:
    """Every file of the project that may be copied."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for path in listed.stdout.split("\n") if path and (ROOT / path).is_file()]


@dataclass(frozen=True, slots=True)
class Image:
    """A folder with the image's content, and how to run a command in it."""

    folder: Path
    environ: dict[str, str]
    before: list[str]

    def command(self, *arguments: str) -> list[str]:
        (entry,) = [json.loads(what) for step, what in steps() if step == "ENTRYPOINT"]
        assert entry == ["python", "-m", "bot"]
        return [*self.before, str(PYTHON), *entry[1:], *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The Dockerfile's COPY, install, ENV and USER by hand: read-only code, two writable folders."""
    folder = Path(tempfile.mkdtemp(prefix="footfall-image-"))
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    for step, what in steps():
        words = shlex.split(what)
        if step == "COPY":
            for source in words[:-1]:
                copied(source, folder / words[-1])
        elif step == "ENV":
            environ |= dict(word.split("=", 1) for word in words)
    compiling = ("python -m compileall -q bot", "python -m bot.render.compile_templates")
    assert any(step == "RUN" and what.startswith(" && ".join(compiling)) for step, what in steps())
    for command in compiling:
        subprocess.run([PYTHON, *command.split()[1:]], cwd=folder, check=True)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    writable = [words[-1:] for step, what in steps() if (words := shlex.split(what)) and "install -d" in what]
    assert writable
    folder.chmod(0o755)
    for name in ("data", "out"):
        (folder / name).mkdir()
    folder.chmod(0o555)
    with nobody(folder) as before:
        yield Image(folder, environ, before)
    for path in [folder, *(p for p in folder.rglob("*") if p.is_dir())]:
        path.chmod(0o755)
    shutil.rmtree(folder)


def copied(source: str, target: Path) -> None:
    """Like COPY: a folder's content, or a file into a folder, without what `.dockerignore` excludes."""
    wanted = [path for path in tracked() if path == source or path.startswith(f"{source}/")]
    taken = [path for path in wanted if not ignored(path)]
    assert taken, f"COPY {source}: nothing is left of it"
    for path in taken:
        to = target / path.removeprefix(f"{source}/") if (ROOT / source).is_dir() else target / path
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, to)


@contextmanager
def nobody(folder: Path) -> Iterator[list[str]]:
    """A command prefix that drops the rights of root: another user, or, if only root can reach the interpreter, a root
    without capabilities. Empty for a user who is not root."""
    if os.geteuid() != 0:
        yield []
        return
    reach = [PYTHON.resolve(), *PYTHON.resolve().parents, *PYTHON.parents]
    if all(path.stat().st_mode & 0o001 for path in reach):
        for name in ("data", "out"):
            os.chown(folder / name, 10001, 10001)
        yield ["setpriv", "--reuid", "10001", "--regid", "10001", "--clear-groups"]
    else:
        yield ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]


def test_the_image_holds_the_program_and_nothing_private() -> None:
    kept = [path for path in tracked() if not ignored(path)]
    assert {"bot/__main__.py", "templates/post/digest.j2", "config.yaml", "requirements.lock"} <= set(kept)
    assert not [path for path in kept if path.startswith(("tests/", "docs/", "data/", ".git"))]
    assert ignored(".env") and ignored("data/footfall.db") and ignored("bot/__pycache__/cli.cpython-311.pyc")


def test_the_image_cannot_write_where_its_code_is(image: Image) -> None:
    """Otherwise the checks here would prove nothing."""
    program = "import pathlib; pathlib.Path('bot/new.py').write_text('x')"
    done = subprocess.run([*image.before, str(PYTHON), "-c", program], cwd=image.folder, capture_output=True, text=True)
    assert done.returncode == 1 and re.search("PermissionError|Read-only", done.stderr), done.stderr


def test_the_images_commands_work(image: Image) -> None:
    for arguments, text in ((["--help"], "Commands"), (["migrate"], "up to date"), (["config"], "networks")):
        done = image.run(*arguments)
        assert done.returncode == 0 and text in done.stdout, (arguments, done.stdout, done.stderr)
    doctor = image.run("doctor", "--json")
    assert doctor.returncode in (0, 1, 3) and "Traceback" not in doctor.stderr
    findings = json.loads(doctor.stdout)
    assert [finding for finding in findings if "database" in str(finding)], findings


def test_the_image_serves_its_pages_and_its_health_check_sees_it(image: Image) -> None:
    with socket.socket() as worker, socket.socket() as web:  # ports that no other Footfall on this machine has
        ports = [each.bind(("127.0.0.1", 0)) or each.getsockname()[1] for each in (worker, web)]
    settings = image.folder / "data" / "config.yaml"
    own = f"worker: {{port: {ports[0]}}}\nweb: {{monitoring_port: {ports[1]}}}\n"
    settings.write_text((ROOT / "config.yaml").read_text(encoding="utf-8") + own, encoding="utf-8")
    here = ("--config", str(settings))
    with subprocess.Popen(
        image.command(*here, "web", "--port", "0"),
        cwd=image.folder,
        env=image.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert match, (line, process.communicate(timeout=PATIENCE))
            assert httpx.get(f"{match[0]}/api/v1", timeout=PATIENCE, trust_env=False).status_code == 200
            checked = image.run(*here, *health_check()[3:])
            assert checked.returncode == 0 and "web: healthy" in checked.stdout, checked
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 0
    assert image.run(*here, *health_check()[3:]).returncode == 1, "nothing runs any more"


def pinned(*files: str) -> set[str]:
    """The packages in requirements files, as the registry writes them."""
    text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in files)
    names = re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[a-z,0-9]+\])?==", text)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


@pytest.mark.skipif("IMAGE_PYTHON" in os.environ, reason="the image holds no workshop")
@pytest.mark.parametrize("folder", ["benchmarks", "docs", "locales", "tests"])
def test_everything_that_the_workshop_imports_is_pinned(folder: str) -> None:
    """Also imports inside functions: a benchmark once failed on every new machine."""
    known, ours = pinned("requirements.txt", "requirements-dev.txt"), packages_distributions()
    own = {"bot", "benchmarks", "dependencies", "docs", "locales", "tests", "peers"}
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts
        for name in imported(ast.parse(path.read_text(encoding="utf-8"))) - sys.stdlib_module_names - own
        if not known & {re.sub(r"[-_.]+", "-", each).lower() for each in ours.get(name, [])}
    }
    assert missing == set()


def test_ci_walks_every_target_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = re.search(r"(?m)^\.PHONY: (.*)$", makefile)
    assert listed
    ran = set(re.findall(r"(?m)\bmake ([a-z-]+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8")))
    assert set(listed[1].split()) == set(re.findall(r"(?m)^([a-z-]+):.*##", makefile)) == ran


@pytest.mark.skipif("IMAGE_PYTHON" in os.environ, reason="the image holds no workshop")
def test_every_program_that_the_makefile_starts_is_there() -> None:
    """In the environment that the target creates, and as a module that can be imported."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    programs = set(re.findall(r"\$\(BIN\)/([a-z0-9-]+)", makefile))
    modules = set(re.findall(r"/python -m ([a-z._]+)", makefile))
    scripts = {entry.name for entry in entry_points(group="console_scripts")} | {"python", "hadolint", "ruff"}
    assert {"ruff", "pytest", "mypy"} <= programs <= scripts
    assert {"bot", "benchmarks", "tests.soak", "docs.pictures"} <= modules
    assert [name for name in sorted(modules) if find_spec(name) is None] == []


def test_everything_that_is_imported_is_installed() -> None:
    """`requirements.txt` alone, without what only tests need."""
    known = pinned("requirements.txt")
    ours = packages_distributions()
    for path in (ROOT / "bot").rglob("*.py"):
        for name in imported(ast.parse(path.read_text(encoding="utf-8"))) - sys.stdlib_module_names - BY_NAME_ONLY:
            places = {re.sub(r"[-_.]+", "-", text).lower() for text in ours.get(name, [])}
            assert name == "bot" or places & known, f"{path}: imports {name}, which requirements.txt does not name"


def imported(tree: ast.AST) -> set[str]:
    texts = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            texts |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            texts.add((node.module or "").partition(".")[0])
    return texts
