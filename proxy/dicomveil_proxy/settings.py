"""The settings of the command and the server: what they are, where they come from, what is wrong with them.

In this order: explicit arguments, the environment (`DICOMVEIL_ORIGIN`, `DICOMVEIL_LIMITS__PARTS`), the
settings file (`dicomveil.toml`), defaults. A message names the setting and how to mend it, and never the
value: an origin's URL may hold a password. What the profile's rules mean is the engine's business.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
import tomllib
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from dicomveil_engine.errors import ConfigurationError

DEFAULT_FILE = Path("dicomveil.toml")
MINIMUM_KEY_BYTES = 32
"""What `dicomveil keygen` writes: 256 bits, as 64 hexadecimal digits and a line break."""
_MAXIMUM_KEY_FILE_BYTES = 4096

_PREFIX = "DICOMVEIL_"
_URL = re.compile("https?://", re.IGNORECASE)
_PUBLIC_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_HEX = re.compile(rb"[0-9A-Fa-f]+")
_TEXT = re.compile(rb"[\t\n\r -~]*")
_MiB = 1 << 20


class KeyFileWarning(UserWarning):
    """The key file can be read by others."""


class Limits(BaseModel):
    """What one request may take. Each limit has a clear error when it is reached."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    header_bytes: PositiveInt = 64 * _MiB
    """Of an instance, without its pixel data and other long values."""
    nesting: PositiveInt = 32
    """Depth of sequences."""
    parts: PositiveInt = 100_000
    """Of a multi-part body; the largest series have some 10,000 instances."""
    request_bytes: PositiveInt = 4096 * _MiB
    """Of the body of a store."""
    concurrent_streams: PositiveInt = 64
    """Retrieves and stores at one time, per worker."""
    request_seconds: PositiveFloat = 3600
    """For one request, from its first to its last byte."""
    origin_connect_seconds: PositiveFloat = 10
    origin_read_seconds: PositiveFloat = 60
    """Without a byte from the origin."""
    origin_connections: Annotated[int, Field(ge=1, le=256)] = 16
    """Per worker. Orthanc serves 50 in all."""
    origin_document_bytes: PositiveInt = 64 * _MiB
    """Of an answer that is held whole: a search, a receipt, a picture."""
    origin_instance_bytes: PositiveInt = 2048 * _MiB
    """Of an instance that is fetched to cut frames out of it."""


class Settings(BaseSettings):
    """The settings. Made by `load_settings`, which turns what is wrong with them into ConfigurationError."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    origin: Annotated[str, Field(min_length=1, repr=False)]
    """URL of a DICOMweb origin server, or a folder of instances."""
    key_file: Path
    """Written by `dicomveil keygen`."""
    profile: str = "default"
    """Name of a preset, or path of a configuration."""
    state: Path = Path("dicomveil-state")
    """Folder of the identity map."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0 takes a free one."""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes."""
    store: Literal["deidentify", "refuse"] = "deidentify"
    """What happens to instances that are sent."""
    on_error: Literal["abort", "omit"] = "abort"
    """What happens to an answer with an instance that cannot be de-identified."""
    public_url: str | None = None
    """Where user agents reach the server, when a proxy before it does not say so."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks whose `Forwarded` headers are believed; comma-separated in the environment."""
    limits: Limits = Limits()

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _divided(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for network in value:
                ip_network(network, strict=False)
        except ValueError:
            raise ValueError("write addresses as 10.0.0.1 and networks as 10.0.0.0/8") from None
        return value

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value is not None and not _PUBLIC_URL.fullmatch(value):
            raise ValueError("write it as https://host or https://host/path, with no query")
        return value.rstrip("/") if value else None

    @property
    def origin_folder(self) -> Path | None:
        """The folder, where the origin is one and no URL."""
        return None if _URL.match(self.origin) else Path(self.origin)


def load_settings(file: Path | None = None, **arguments: object) -> Settings:
    """Read the settings; arguments that are None do not count as given.

    `file` is a settings file that must exist; without it `dicomveil.toml` in the working directory is read,
    if there is one. Raises ConfigurationError naming the setting and the mend.
    """
    values = _read_file(file or DEFAULT_FILE, must_exist=file is not None)
    given: dict[str, Any] = {name: value for name, value in arguments.items() if value is not None}
    _check_names(given, "the arguments", Settings)
    _check_environment()

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """No `.env`: a file that nobody named decides nothing."""
            del dotenv_settings, file_secret_settings
            return init_settings, env_settings, InitSettingsSource(settings_cls, values)

    try:
        return FromFile(**given)
    except ValidationError as error:
        raise ConfigurationError("; ".join(_mend(detail) for detail in error.errors())) from None
    except SettingsError:
        raise ConfigurationError(
            "limits: DICOMVEIL_LIMITS is no JSON object; set DICOMVEIL_LIMITS__<NAME> for each limit"
        ) from None


def read_key(path: Path) -> bytes:
    """The project key: 64 or more hexadecimal digits, base64, or raw bytes; 32 bytes at least.

    Raises ConfigurationError, which never holds any of the key; warns when others than the owner may read the
    file.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAXIMUM_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"key_file: it cannot be read ({error.strerror}); `dicomveil keygen FILE` makes one"
        ) from None
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.warn("others can read the key file; give it mode 0600", KeyFileWarning, stacklevel=2)
    key = _decoded_key(content)
    if key is None or len(key) < MINIMUM_KEY_BYTES or len(content) > _MAXIMUM_KEY_FILE_BYTES:
        raise ConfigurationError(
            f"key_file: it holds no key of {MINIMUM_KEY_BYTES} bytes or more, as hexadecimal digits, base64 "
            "or raw; `dicomveil keygen FILE` makes one"
        )
    return key


def _decoded_key(content: bytes) -> bytes | None:
    text = content.strip()
    if _HEX.fullmatch(text):  # before base64, whose digits these are too
        return bytes.fromhex(text.decode()) if len(text) % 2 == 0 else None
    if not _TEXT.fullmatch(content):
        return content
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None  # a pass phrase, of which nobody knows how much it is worth


def _read_file(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except FileNotFoundError:
        if not must_exist:
            return {}
        raise ConfigurationError("the settings file does not exist") from None
    except OSError as error:
        raise ConfigurationError(f"the settings file cannot be read ({error.strerror})") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at [^()]*\)$", str(error))
        where = f" {place[0]}" if place else ""
        raise ConfigurationError(f"the settings file is no TOML{where}") from None
    _check_names(values, "the settings file", Settings)
    if isinstance(limits := values.get("limits"), dict):
        _check_names(limits, "[limits] of the settings file", Limits)
    return values


def _check_names(values: Mapping[str, object], where: str, model: type[BaseModel]) -> None:
    for name in values:
        if name not in model.model_fields:
            near = get_close_matches(name, model.model_fields, 1)
            mend = f"did you mean {near[0]}?" if near else f"there are: {', '.join(model.model_fields)}"
            raise ConfigurationError(f"{where}: there is no setting {name}; {mend}")


def _check_environment() -> None:
    """Refuse a variable that is nearly a setting's. Others are left alone: Kubernetes sets *_SERVICE_HOST."""
    known = [_PREFIX + name.upper() for name in Settings.model_fields]
    known += [f"{_PREFIX}LIMITS__{name.upper()}" for name in Limits.model_fields]
    for name in os.environ:
        upper = name.upper()
        if upper.startswith(_PREFIX) and upper not in known:
            near = get_close_matches(upper, known, 1, cutoff=0.9)
            if near:
                raise ConfigurationError(f"the environment: {name} is no setting; did you mean {near[0]}?")


def _mend(detail: ErrorDetails) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return (
            f"{name}: it is not set; give --{name.replace('_', '-')}, {_PREFIX}{name.upper()}, "
            f"or {name} = ... in {DEFAULT_FILE}"
        )
    # pydantic's messages say what a value should be, and not what it is.
    return f"{name}: {detail['msg'].removeprefix('Value error, ')}"
