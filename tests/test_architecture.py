"""The check of the architecture finds each fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import architecture

FILES = {
    "__init__.py": "",
    "first.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sample import second\nclass Name: ...\n",
    "second.py": "from sample import first\nfrom sample.inner import _private\nclass Name: ...\nclass _Own: ...\n",
    "inner/__init__.py": "",
    "inner/_private.py": "class _Own: ...\n",
    "inner/face.py": "from sample.inner import _private\n",
}


def test_circles_private_imports_and_repeated_names_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        path = tmp_path / "sample" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    circle, private, repeated = architecture.find_faults("sample")
    assert "sample.first -> sample.second" in circle
    assert private == "sample.second imports sample.inner._private, which is private to sample.inner"
    assert repeated.endswith("both define the class Name")
