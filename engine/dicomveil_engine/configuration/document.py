"""Reading the document of a configuration, in any dialect.

Reading configuration files is the engine's only I/O; it happens before any data set is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.configuration import jsonc
from dicomveil_engine.configuration.findings import Findings, shortened
from dicomveil_engine.configuration.presets import PRESETS
from dicomveil_engine.errors import ConfigurationError


def read_document(
    config: Mapping[str, object] | str | Path, findings: Findings | None = None
) -> tuple[dict[str, object], str]:
    """The document, and the file's name without its suffix, which is empty for a mapping.

    Keys that occur twice are among the findings.

    Raises ConfigurationError if there is no such file, or it is not an object in JSON.
    """
    if isinstance(config, Mapping):
        document, name = dict(config), ""
    else:
        path = _existing_file(config)
        document, name = _with_paths(_read_file(path, findings or Findings()), path), path.stem
    document.pop("$schema", None)  # for editors
    return document, name


def _existing_file(config: str | Path) -> Path:
    try:
        path = Path(config)
        if path.is_file():
            return path
    except (OSError, ValueError):
        pass  # not a legal path; it may be the text of a configuration
    text = str(config)
    # Only a known name is repeated, since the text may be a whole configuration with keys.
    known = {name.casefold() for name in PRESETS}
    suggestion = "" if text.casefold() in known else did_you_mean(text, PRESETS)
    raise ConfigurationError(
        "the configuration is not an existing file; give a file's path, or name a preset as "
        f'{{"profile": "{text if text.casefold() in known else PRESETS[0]}"}} '
        f"(presets: {', '.join(PRESETS)}){suggestion}"
    )


def _read_file(path: Path, findings: Findings) -> dict[str, object]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path.name} is not UTF-8 (byte {error.start})") from None

    def repeated(place: str, key: str) -> None:
        findings.warn(place, f'the key "{shortened(key)}" is given a second time, and only the last one counts')

    try:
        document = jsonc.parse(text, repeated)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path.name}, {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path.name} must hold an object, {{...}}")
    return document


def _with_paths(document: dict[str, object], path: Path) -> dict[str, object]:
    """The document with absolute paths of the files that it names, relative to its own file."""
    document = _with_certificates(document, path.absolute().parent)
    written = next((name for name in document if name.casefold() == "text"), None)
    text = document.get(written) if written is not None else None
    if written is None or not isinstance(text, dict):
        return document
    folder = path.absolute().parent
    changed: dict[str, object] = {}
    for name, value in text.items():
        if name.casefold() == "vocabulary" and isinstance(value, str) and value:
            changed[name] = str(folder / value)
        elif name.casefold() == "custominfotypes" and isinstance(value, list):
            changed[name] = [_with_list(entry, folder) for entry in value]
        else:
            changed[name] = value
    return {**document, written: changed}


def _with_certificates(document: dict[str, object], folder: Path) -> dict[str, object]:
    written = next((name for name in document if name.casefold() == "encryptoriginals"), None)
    block = document.get(written) if written is not None else None
    if written is None or not isinstance(block, dict) or not isinstance(block.get("recipients"), list):
        return document
    named = [str(folder / path) if isinstance(path, str) and path else path for path in block["recipients"]]
    return {**document, written: {**block, "recipients": named}}


def _with_list(entry: object, folder: Path) -> object:
    """A custom infotype with the absolute path of its list, in dicomveil's or Google's notation."""
    if not isinstance(entry, dict):
        return entry
    if isinstance(entry.get("list"), str) and entry["list"]:
        return {**entry, "list": str(folder / entry["list"])}
    stored = entry.get("storedType")
    if isinstance(stored, dict) and isinstance(stored.get("name"), str):
        return {**entry, "storedType": {**stored, "name": str(folder / stored["name"])}}
    return entry
