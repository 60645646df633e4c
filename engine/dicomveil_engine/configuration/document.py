"""A configuration's document: the object that its file holds, whatever the dialect.

Reading the file is the engine's only I/O, and happens before any data set is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.configuration import jsonc
from dicomveil_engine.configuration.presets import PRESETS
from dicomveil_engine.errors import ConfigurationError


def read_document(config: Mapping[str, object] | str | Path) -> tuple[dict[str, object], str]:
    """The document and its name: the file's without its ending, none for a document given itself.

    Raises ConfigurationError for what is not a file, or no object in JSON.
    """
    if isinstance(config, Mapping):
        document, name = dict(config), ""
    else:
        path = _existing_file(config)
        document, name = _with_paths(_read_file(path), path), path.stem
    document.pop("$schema", None)  # for editors
    return document, name


def _existing_file(config: str | Path) -> Path:
    try:
        path = Path(config)
        if path.is_file():
            return path
    except (OSError, ValueError):
        pass  # no legal path: it may be anything, a configuration's text too
    text = str(config)
    # Only a known name is repeated: the text may be a whole configuration, keys and all.
    known = {name.casefold() for name in PRESETS}
    suggestion = "" if text.casefold() in known else did_you_mean(text, PRESETS)
    raise ConfigurationError(
        "the configuration is not an existing file; give a file's path, or name a preset as "
        f'{{"profile": "{text if text.casefold() in known else PRESETS[0]}"}} '
        f"(presets: {', '.join(PRESETS)}){suggestion}"
    )


def _read_file(path: Path) -> dict[str, object]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path.name} is not UTF-8 (byte {error.start})") from None
    try:
        document = jsonc.parse(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path.name}, {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path.name} must hold an object, {{...}}")
    return document


def _with_paths(document: dict[str, object], path: Path) -> dict[str, object]:
    """The document with the files that it names, relative to its own file, by their whole paths."""
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
    named = [str(folder / each) if isinstance(each, str) and each else each for each in block["recipients"]]
    return {**document, written: {**block, "recipients": named}}


def _with_list(entry: object, folder: Path) -> object:
    """An own infotype with the whole path of its list, in our own notation or in Google's."""
    if not isinstance(entry, dict):
        return entry
    if isinstance(entry.get("list"), str) and entry["list"]:
        return {**entry, "list": str(folder / entry["list"])}
    stored = entry.get("storedType")
    if isinstance(stored, dict) and isinstance(stored.get("name"), str):
        return {**entry, "storedType": {**stored, "name": str(folder / stored["name"])}}
    return entry
