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

    Raises ConfigurationError for what is no file, or no object in JSON.
    """
    if isinstance(config, Mapping):
        document, name = dict(config), ""
    else:
        path = _existing_file(config)
        document, name = _read_file(path), path.stem
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
        "the configuration is no existing file; give a file's path, or name a preset as "
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
