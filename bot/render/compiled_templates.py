"""Compiled templates: the environments of all languages share them, and those of all outlets but the pages, since
compiling takes longer than rendering. They stay beside the templates, as Python's own compiled files do, for the next
process."""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import threading
from contextlib import suppress
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType

import jinja2
from jinja2.bccache import Bucket, BytecodeCache, bc_magic


class CompiledTemplates(BytecodeCache):
    """Compiled templates by path and content, in memory and on disk. Nothing is written where Python would write no
    compiled files."""

    def __init__(self, kind: str) -> None:
        """`kind`: templates of one kind are compiled alike."""
        self._kind = kind
        self._code: dict[tuple[str, str], CodeType | None] = {}

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The file of a compiled template; for one that is no file, its name."""
        return cache_from_source(f"{filename}.{self._kind}.py") if filename else name

    def get_source_checksum(self, source: str) -> str:
        """Of everything that decides what a template becomes."""
        return hashlib.sha256(f"{_compiler_version()} {source}".encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._code.get((bucket.key, bucket.checksum)):
            bucket.code = code
            return
        bucket.code = _read_code(bucket) if os.path.isabs(bucket.key) else None
        self._code[bucket.key, bucket.checksum] = bucket.code

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.code
        if not sys.dont_write_bytecode and os.path.isabs(bucket.key):
            with suppress(OSError):
                _write_whole(Path(bucket.key), _heading(bucket) + marshal.dumps(bucket.code))

    def clear(self) -> None:
        """Forget what is in memory."""
        self._code.clear()


@cache
def _compiler_version() -> str:
    """Of Jinja and of our own rules and filters: whether a filter takes a context is compiled in."""
    rules = b"".join(Path(__file__).with_name(name).read_bytes() for name in ("environment.py", "template_filters.py"))
    return f"{jinja2.__version__} {hashlib.sha256(rules).hexdigest()}"


def _heading(bucket: Bucket) -> bytes:
    """The first bytes of the file of a compiled template; the magic names the version of Python."""
    return bc_magic + bucket.checksum.encode()


def _read_code(bucket: Bucket) -> CodeType | None:
    """The compiled template in the file of a bucket; `None` if there is none that fits."""
    try:
        content = Path(bucket.key).read_bytes()
    except OSError:
        return None
    if not content.startswith(_heading(bucket)):
        return None
    try:
        code = marshal.loads(content[len(_heading(bucket)) :])  # noqa: S302  as trusted as Python's own compiled files
    except (EOFError, ValueError, TypeError):
        return None
    return code if isinstance(code, CodeType) else None


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that other processes read whole or not at all. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
