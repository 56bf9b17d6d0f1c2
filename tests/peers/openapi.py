"""Compares recorded requests with a platform's published OpenAPI description.

The descriptions are not part of this repository: the environment variable SPECS_DIR names their folder.
openapi-core ignores unknown query parameters, unknown keys of a body and missing authorization, so these are checked
here. A known and correct difference is allowed by an `Allowed` with its reason. Each shape of a request is compared
once: see `shape`.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from jsonschema import ValidationError
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as a peer received it."""

    method: str
    target: str
    """Path below the server's base, with its query: `/2/tweets?max_results=5`."""
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        return tuple(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def content_type(self) -> str:
        return next((value for key, value in self.headers.items() if key.lower() == "content-type"), "")

    def document(self) -> object:
        """The JSON that was sent: the body, or the `payload_json` of a multipart form. `None` if there is none."""
        return _sent_document(self.content_type, self.body)


@lru_cache(maxsize=1024)
def _sent_document(content_type: str, body: bytes) -> object:
    if not body:
        return None
    if not content_type.startswith("multipart/"):
        return json.loads(body)
    form = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    for part in form.walk():
        if part.get_param("name", header="content-disposition") == "payload_json":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            return json.loads(payload)
    return None


@dataclass(frozen=True, slots=True)
class Allowed:
    """An allowed fault: its place, the pattern of its text, and the reason."""

    method: str
    path: str
    """As the description writes it: `/2/users/{id}/tweets`."""
    pattern: str
    """A regular expression for the fault's text, which begins with the place in the body."""
    reason: str


@dataclass(slots=True)
class _Request:
    """A request in the form that openapi-core needs."""

    host_url: str
    path: str
    method: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@dataclass(slots=True)
class Description:
    """A platform's published description, ready to judge."""

    document: Mapping[str, object]
    allowed: tuple[Allowed, ...] = ()
    used: set[Allowed] = field(default_factory=set)
    """The entries of `allowed` that were needed; the others must be removed."""
    _judge: OpenAPI = field(init=False, repr=False)
    _known: dict[object, list[str]] = field(default_factory=dict, repr=False)
    """The schema's faults by the shape of a request."""
    _paths: dict[tuple[str, int], list[tuple[str, list[str]]]] = field(default_factory=dict, repr=False)
    """Each path with its steps, by method and number of steps."""
    _bounds: tuple[int, ...] = field(default=(), repr=False)
    """The lengths after which something else may be wrong with a text or a list."""
    _flats: dict[int, list[Mapping[str, object]]] = field(default_factory=dict, repr=False)
    """What `_flat` found, by the schema's place in memory."""

    def __post_init__(self) -> None:
        for pattern, item in self.document["paths"].items():  # type: ignore[attr-defined]
            steps = pattern.split("/")
            for method in item:
                self._paths.setdefault((method, len(steps)), []).append((pattern, steps))
        limits = {limit for limit in _limits(self.document) for limit in (limit - 1, limit)}
        self._bounds = tuple(sorted(limits))
        # X's 2.167 repeats a value in an enum, which makes the description itself invalid.
        self._judge = OpenAPI.from_dict(dict(self.document), config=Config(spec_validator_cls=None))

    def faults(self, recorded: Recorded, extra: Callable[[Recorded], Iterable[str]] = lambda _: ()) -> list[str]:
        """The faults of a request, one line each. `extra` adds rules that no schema has."""
        pattern, operation = self._operation(recorded)
        if operation is None:
            here = (recorded.method, recorded.path)
            passed = [entry for entry in self.allowed if (entry.method, entry.path) == here]
            self.used.update(passed)
            return [] if passed else [f"{recorded.method} {recorded.path}: no such operation"]
        asked, sent = shape(recorded.query, self._bounds), shape(recorded.document(), self._bounds)
        form = recorded.method, pattern, _authorized(recorded), asked, sent
        if form not in self._known:
            self._known[form] = [*self._schema_faults(recorded), *self._overlooked(recorded, operation)]
        texts = [*self._known[form], *extra(recorded)]
        return [
            f"{recorded.method} {pattern}: {text:.200}"
            for text in texts
            if not self._let_pass(recorded.method, pattern, text)
        ]

    def _let_pass(self, method: str, pattern: str, text: str) -> bool:
        for rule in self.allowed:
            if (rule.method, rule.path) == (method, pattern) and re.search(rule.pattern, text):
                self.used.add(rule)
                return True
        return False

    def _schema_faults(self, recorded: Recorded) -> list[str]:
        base = urlsplit(str(self.document["servers"][0]["url"]))  # type: ignore[index]
        document = recorded.document()
        request = _Request(
            f"{base.scheme}://{base.netloc}",
            base.path.rstrip("/") + recorded.path,
            recorded.method.lower(),
            RequestParameters(
                query=ImmutableMultiDict(recorded.query), header=Headers(dict(recorded.headers)), path={}
            ),
            "application/json" if document is not None else recorded.content_type.lower(),
            json.dumps(document).encode() if document is not None else (recorded.body or None),
        )
        with warnings.catch_warnings():
            # openapi-core knows no scheme `OAuth`; that there is an authorization is checked in `_overlooked`.
            warnings.filterwarnings("ignore", "Unsupported scheme type", UserWarning)
            return [line for error in self._judge.iter_request_errors(request) for line in _lines(error)]

    def _overlooked(self, recorded: Recorded, operation: Mapping[str, object]) -> list[str]:
        texts = []
        known = {self._resolved(p)["name"] for p in operation.get("parameters", ())}  # type: ignore[attr-defined]
        texts += [f"unknown query parameter {name}" for name, _ in recorded.query if name not in known]
        accepted = operation.get("security") or [{}]
        if {} not in accepted and not _authorized(recorded):
            texts.append("no authorization")
        document, body = recorded.document(), operation.get("requestBody")
        if document is not None and body is None:
            texts.append("a body where none is described")
        if document is not None and body is not None:
            schema = self._resolved(body)["content"]["application/json"]["schema"]  # type: ignore[index]
            texts += [f"unknown key {key}" for key in self._unknown(document, self._flat(schema), "")]
        return texts

    def _unknown(self, document: object, schemas: list[Mapping[str, object]], at: str) -> Iterator[str]:
        """The places of keys that none of the possible schemas knows."""
        if isinstance(document, list):
            items = [flat for document in schemas if "items" in document for flat in self._flat(document["items"])]
            for entry in document:
                yield from self._unknown(entry, items, at)
        if not isinstance(document, dict) or any(document.get("additionalProperties") for document in schemas):
            return
        known = [document["properties"] for document in schemas if "properties" in document]
        for key, value in document.items() if known else ():
            under = [flat for entry in known if key in entry for flat in self._flat(entry[key])]  # type: ignore[operator,index]
            if under:
                yield from self._unknown(value, under, f"{at}{key}.")
            else:
                yield f"{at}{key}"

    def _flat(self, node: object) -> list[Mapping[str, object]]:
        """A schema and all schemas that it combines."""
        if id(node) not in self._flats:
            schema = self._resolved(node)
            members = [m for combined in ("allOf", "anyOf", "oneOf") for m in schema.get(combined, ())]  # type: ignore[attr-defined]
            self._flats[id(node)] = [schema, *(flat for member in members for flat in self._flat(member))]
        return self._flats[id(node)]

    def _resolved(self, node: object) -> Mapping[str, object]:
        assert isinstance(node, Mapping)
        if "$ref" not in node:
            return node
        document: object = self.document
        for step in str(node["$ref"]).removeprefix("#/").split("/"):
            assert isinstance(document, Mapping)
            document = document[step.replace("~1", "/").replace("~0", "~")]
        return self._resolved(document)

    def _operation(self, recorded: Recorded) -> tuple[str, Mapping[str, object] | None]:
        """The description's path for a request, literal segments before `{id}` ones, and its operation."""
        steps = recorded.path.split("/")
        paths = self._paths.get((recorded.method.lower(), len(steps)), ())
        fitting = [pattern for pattern, wanted in paths if _fits(wanted, steps)]
        if not fitting:
            return recorded.path, None
        pattern = min(fitting, key=lambda p: p.count("{"))
        item = self.document["paths"][pattern]  # type: ignore[index]
        operation = item[recorded.method.lower()]
        return pattern, {**operation, "parameters": [*item.get("parameters", ()), *operation.get("parameters", ())]}


def _authorized(recorded: Recorded) -> bool:
    return any(key.lower() == "authorization" and value for key, value in recorded.headers.items())


def _fits(pattern: list[str], steps: list[str]) -> bool:
    return all(want == step or (want.startswith("{") and step) for want, step in zip(pattern, steps, strict=True))


def _lines(error: BaseException) -> list[str]:
    """A fault of openapi-core as text: its schema errors, or otherwise the error and its cause."""
    cause = error.__cause__
    schema_errors = getattr(error, "schema_errors", None) or getattr(cause, "schema_errors", None)
    if schema_errors:
        leaves = [leaf for schema_error in schema_errors for leaf in _leaves(schema_error)]
        return [f"{'.'.join(map(str, leaf.absolute_path)) or 'body'}: {_clipped(leaf.message)}" for leaf in leaves]
    return [f"{type(error).__name__}: {error}" + (f" ({cause})" if cause else "")]


def _clipped(text: str) -> str:
    """Clip the middle of a long quoted value."""
    return text if len(text) <= 160 else f"{text[:80]} ... {text[-80:]}"


def _leaves(error: ValidationError) -> list[ValidationError]:
    """The innermost faults; of several alternative schemas, those of the best match."""
    if not error.context:
        return [error]
    branches: dict[object, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    closest = min(branches.values(), key=_distance)
    return [leaf for inner in closest for leaf in _leaves(inner)]


def _distance(branch: list[ValidationError]) -> tuple[int, int]:
    """How far a schema is from a match; a schema for another type is far."""
    other = sum(
        tuple(entry.path) in ((), ("type",)) and entry.validator in ("type", "enum", "required") for entry in branch
    )
    return other, len(branch)


def _limits(node: object) -> Iterator[int]:
    """The limits of lengths that a description has anywhere."""
    if isinstance(node, Mapping):
        for word in ("minLength", "maxLength", "minItems", "maxItems"):
            if isinstance(limit := node.get(word), int):
                yield limit
    inner = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    yield from (limit for value in inner for limit in _limits(value))


def shape(value: object, bounds: Sequence[int] = ()) -> object:
    """What a schema can see of a value: keys, the character classes of its texts, whole numbers, the different items of
    a list; of the lengths of sentences and lists, between which of the description's `bounds` they are. Lower-case
    words stay too, since they may be enum values. Two requests of one shape are both right or both wrong.
    """
    if isinstance(value, dict):
        return tuple((key, shape(inner, bounds)) for key, inner in sorted(value.items()))
    if isinstance(value, list | tuple):
        unique = len(set(map(repr, value))) == len(value)
        return _length(value, bounds), unique, tuple(dict.fromkeys(shape(inner, bounds) for inner in value))
    if not isinstance(value, str):
        return type(value), value
    if len(value) > 64 or not _PATTERNED.search(value):
        return _length(value, bounds), value.isascii()
    return value if re.fullmatch("[a-z_@.,]+", value) else _LETTER.sub("a", _DIGIT.sub("0", value))


def _length(value: Sequence[object], bounds: Sequence[int]) -> int:
    return bisect_left(bounds, len(value)) if bounds else len(value)


_PATTERNED = re.compile("^[\\w' ]*$|^[\\w'@#:/.,+=-]*$|://")
"""Texts that a pattern or a format of some description may fit: words, numbers, times, codes and addresses."""
_DIGIT, _LETTER = re.compile("[1-9]"), re.compile("[^\\W\\d_]")


@cache
def described(file: str, allowed: tuple[Allowed, ...] = ()) -> Description | None:
    """A description, read once per run; `None` without SPECS_DIR."""
    folder = os.environ.get("SPECS_DIR")
    if not folder:
        return None
    return Description(json.loads((Path(folder) / file).read_text(encoding="utf-8")), allowed)


def judged(
    files: Iterable[str],
    requests: Iterable[Recorded],
    allowed: tuple[Allowed, ...] = (),
    extra: Callable[[Recorded], Iterable[str]] = lambda _: (),
) -> list[str] | None:
    """The faults of all requests against each description, each once; `None` without SPECS_DIR."""
    different = {
        (request.method, request.target, request.body, _authorized(request)): request for request in requests
    }.values()
    entries: dict[str, None] = {}
    for file in files:
        description = described(file, allowed)
        if description is None:
            return None
        entries |= {f"{file}: {line}": None for request in different for line in description.faults(request, extra)}
    return list(entries)
