"""A list of what an installation contains (SBOM), as CycloneDX 1.6 in JSON, from the pins alone: the same input gives
the same file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dependencies import ROOT, Pin, lock_of, read_pins


def write_sbom(target: str) -> int:
    """Write the list of `requirements.txt`. Returns how many packages it names."""
    document = make_sbom(list(read_pins(lock_of(ROOT / "requirements.txt"))))
    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return len(document["components"])


def make_sbom(pins: list[Pin]) -> dict[str, Any]:
    """The document. Each file of a package is an external reference with its hash: which one is installed depends on
    the machine."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "footfall", "name": "footfall"}},
        "components": [_component(pin) for pin in sorted(pins, key=lambda pin: pin.key)],
        "dependencies": [{"ref": "footfall", "dependsOn": sorted(_purl(pin) for pin in pins)}],
    }


def _component(pin: Pin) -> dict[str, Any]:
    files = [{"alg": "SHA-256", "content": digest} for digest in pin.hashes]
    return {
        "type": "library",
        "bom-ref": _purl(pin),
        "name": pin.key,
        "version": pin.version,
        "purl": _purl(pin),
        "scope": "optional" if pin.marker else "required",
        "externalReferences": [{"type": "distribution", "url": _purl(pin), "hashes": [file]} for file in files],
    }


def _purl(pin: Pin) -> str:
    return f"pkg:pypi/{pin.key}@{pin.version}"
