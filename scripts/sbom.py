"""Write the software bill of materials (CycloneDX 1.6, JSON) and the list of licences into dist/.

    python scripts/sbom.py          of what the proxy needs with all its extras, as installed in this environment

It asks the environment alone: names, versions and licences as the packages' own metadata say, with hashes of uv.lock.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import cast

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PRODUCT = "dicomveil-proxy"


def main() -> None:
    """Write both files, and say where they are."""
    found = {name: distribution(name) for name in needed(PRODUCT)}
    folder = ROOT / "dist"
    folder.mkdir(exist_ok=True)
    (folder / "sbom.cdx.json").write_text(json.dumps(bill(found), indent=2) + "\n", "utf-8")
    rows = [f"{name}\t{each.version}\t{licence(each)}" for name, each in sorted(found.items())]
    (folder / "licences.tsv").write_text("\n".join(["package\tversion\tlicence", *rows]) + "\n", "utf-8")
    unknown = [name for name, each in found.items() if licence(each) == "unknown"]
    print(f"{len(found)} packages in dist/sbom.cdx.json and dist/licences.tsv; without a licence: {unknown or 'none'}")


def needed(product: str) -> Iterator[str]:
    """The product and whatever it needs here, extras of its own too."""
    seen: set[tuple[str, str]] = set()
    waiting = [(product, extra) for extra in ("", *(distribution(product).metadata.get_all("Provides-Extra") or ()))]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        try:
            requirements = distribution(name).requires or ()
        except PackageNotFoundError:
            continue  # for another platform, or an extra that is not installed
        if not any(known == name for known, _ in seen):
            yield name
        seen.add((name, extra))
        for text in requirements:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                below = normal(requirement.name)
                waiting += [(below, each) for each in ("", *requirement.extras)]


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(package: Distribution) -> str:
    """As the package says it: an SPDX expression, a classifier, or a text's first line."""
    metadata = cast("Message", package.metadata)  # whose items are None where they are missing
    if expression := metadata.get("License-Expression"):
        return str(expression)
    prefix = "License :: OSI Approved :: "
    classifiers = [
        each.removeprefix(prefix) for each in metadata.get_all("Classifier") or () if each.startswith(prefix)
    ]
    if classifiers:
        return "; ".join(classifiers)
    text = str(metadata.get("License") or "").strip()
    return text.splitlines()[0][:80] if text else "unknown"


def bill(found: dict[str, Distribution]) -> dict[str, object]:
    """The bill in CycloneDX's JSON."""
    hashes = locked_hashes()
    product = found[PRODUCT]
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{each.version}",
            "name": name,
            "version": each.version,
            "purl": f"pkg:pypi/{name}@{each.version}",
            "licenses": [{"license": {"name": licence(each)}}],
            **({"hashes": [{"alg": "SHA-256", "content": digest}]} if (digest := hashes.get(name)) else {}),
        }
        for name, each in sorted(found.items())
        if name != PRODUCT
    ]
    whole = {"type": "application", "bom-ref": PRODUCT, "name": PRODUCT, "version": product.version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": whole},
        "components": components,
    }


def locked_hashes() -> dict[str, str]:
    """SHA-256 of each package's source distribution, as uv.lock has it."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    digests = {each["name"]: each.get("sdist", {}).get("hash", "") for each in lock["package"]}
    return {name: digest.removeprefix("sha256:") for name, digest in digests.items() if digest.startswith("sha256:")}


if __name__ == "__main__":
    main()
