"""The settings of the server and their sources.

In order of precedence: arguments, the environment (`DICOMVEIL_ORIGIN`, `DICOMVEIL_LIMITS__PARTS`), the settings file
(`dicomveil.toml`), defaults. Messages name the setting and how to correct it, and never quote the value: an origin's
URL may contain a password.
"""

from __future__ import annotations

import os
import re
import tomllib
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
    PrivateAttr,
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
from dicomveil_proxy.settings.access import TABLES, TOKENS, AccessSettings, AuditSettings, GuardSettings, TLSSettings
from dicomveil_proxy.settings.filters import FilterSettings
from dicomveil_proxy.settings.key_commands import KeyCommands
from dicomveil_proxy.settings.mistakes import (
    Mistake,
    expected,
    line_of,
    lines_of,
    message_of,
    named_line,
    unknown_names,
)
from dicomveil_proxy.settings.project_table import (
    KEY_SETTINGS,
    KeyCommand,
    KeyList,
    NamesKeys,
    ProjectName,
    ProjectTable,
    key_sources,
)
from dicomveil_proxy.settings.telemetry import TELEMETRY, LogSettings, MetricsSettings, TracesSettings

DEFAULT_FILE = Path("dicomveil.toml")

_PREFIX = "DICOMVEIL_"
_ALL_TABLES: Mapping[str, type[BaseModel]] = {**TABLES, **TELEMETRY}
_TABLES = tuple(f"{_PREFIX}{name}__" for name in ("PROJECTS", "FILTER", *map(str.upper, _ALL_TABLES)))
"""Prefixes of variables that are checked with their tables."""
_DATABASE = re.compile("postgres(?:ql)?://")
_PUBLIC_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_WEB_ORIGIN = re.compile(r"https?://(?:[0-9a-z._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")
"""The form of a request's Origin header (RFC 6454 Section 6.1)."""
_MiB = 1 << 20


class Limits(BaseModel):
    """Limits of requests. The error at each limit names it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    header_bytes: PositiveInt = 64 * _MiB
    """Header of one instance: all but its pixel data and other long values."""
    nesting: PositiveInt = 32
    """Depth of sequences."""
    elements: PositiveInt = 250_000
    """Changed elements per instance."""
    names: PositiveInt = 4_096
    """Different identifying values per instance."""
    parts: PositiveInt = 100_000
    """Parts per multipart body; the largest series have some 10,000 instances."""
    empty_parts: PositiveInt = 1_000
    """Parts without content per multipart body."""
    objects: PositiveInt = 10_000
    """Data sets in the metadata of a store request."""
    request_bytes: PositiveInt = 4096 * _MiB
    """The body of a store request."""
    concurrent_streams: PositiveInt = 64
    """Searches, retrieves and stores at one time, per worker."""
    request_seconds: PositiveFloat = 3600
    """Duration of one request, from its first to its last byte."""
    request_head_bytes: Annotated[int, Field(ge=4096)] = 65_536
    """Request line and header fields together."""
    header_seconds: PositiveFloat = 10
    """Time to receive request line and header fields."""
    body_bytes_per_second: PositiveFloat = 1024
    """Minimum rate of a request's body, after the first half minute."""
    requests_per_second: PositiveFloat | None = None
    """Requests of one user in one project."""
    subject_streams: PositiveInt = 48
    """Concurrent responses to one user in one project, per worker."""
    bytes_per_day: PositiveInt | None = None
    """Bytes sent to one user in one project."""
    origin_connect_seconds: PositiveFloat = 10
    origin_read_seconds: PositiveFloat = 60
    """Time without a byte from the origin server."""
    origin_connections: Annotated[int, Field(ge=1, le=256)] = 16
    """Connections per worker. Orthanc serves 50 in all."""
    origin_document_bytes: PositiveInt = 64 * _MiB
    """A response that is kept in memory: of a search or store, or a picture."""
    origin_instance_bytes: PositiveInt = 2048 * _MiB
    """An instance that is fetched to extract frames, or to be transcoded."""
    decoded_bytes: PositiveInt = 1024 * _MiB
    """An instance's decoded pixels, for transcoding."""
    transcoding_seconds: PositiveFloat = 60
    """Time to transcode one instance or frame."""
    pixel_processes: PositiveInt = 2
    """Processes that look for text in pixels, per project and worker."""
    pixel_seconds: PositiveFloat = 120
    """Time to find or cover the text of one instance."""
    pixel_records: PositiveInt = 1_000_000
    """Instances whose text boxes are stored, per project."""


class Settings(BaseSettings):
    """The settings. Created by `load_settings`, which raises ConfigurationError for mistakes."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        defer_build=True,  # each reading of the settings builds a class of its own
    )

    origin: Annotated[str | None, Field(min_length=1, repr=False)] = None
    """URL of a DICOMweb origin server, or a folder of instances; None only where each project has its own."""
    key_file: Path | None = None
    """Written by `dicomveil keygen`. Without this, `keys` and `key_command` there is no default project."""
    keys: Annotated[KeyList, NoDecode] = None
    """Several versions of the key: the first makes pseudonyms, all are recognised."""
    key_command: Annotated[KeyCommand, NoDecode] = None
    """A command that prints the key."""
    profile: str = "default"
    """Name of a preset, or path of a configuration."""
    subjects: Path | None = None
    """A list of user-defined pseudonyms for patients."""
    state: Annotated[Path | str, Field(repr=False)] = Path("dicomveil-state")
    """Folder of the identity map, or the URL of a PostgreSQL database, which may contain a password."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0 means any free port."""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Number of worker processes."""
    store: Literal["deidentify", "reidentify", "refuse"] = "deidentify"
    """How store requests are handled."""
    on_error: Literal["abort", "omit"] = "abort"
    """Whether an instance that cannot be de-identified ends the response, or is omitted."""
    public_url: str | None = None
    """The server's URL for user agents, if a reverse proxy does not forward it."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks whose `Forwarded` headers are believed; comma-separated in the environment."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Web origins whose pages may send requests (CORS), or `*` for all; comma-separated in the environment."""
    filter: FilterSettings = FilterSettings()
    """Selects some of the origin server's studies."""
    projects: dict[ProjectName, ProjectTable] = {}
    """Further projects by name; missing settings are taken from the top level."""
    limits: Limits = Limits()
    anonymous: bool = False
    """Whether to allow access without authentication from other machines."""
    access: AccessSettings | None = None
    """How users are authenticated; without it, they are not."""
    tls: TLSSettings | None = None
    """Without it, the server uses plain HTTP."""
    audit: AuditSettings = AuditSettings()
    guard: GuardSettings = GuardSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    traces: TracesSettings = TracesSettings()
    _key_commands: KeyCommands = PrivateAttr(default_factory=KeyCommands)

    @property
    def key_commands(self) -> KeyCommands:
        """The keys printed by key commands; they are passed to workers with the settings."""
        return self._key_commands

    @property
    def has_default_project(self) -> bool:
        """Whether the top level has a key, and therefore describes a project."""
        return bool(key_sources(self))

    @property
    def quarantine(self) -> Path | None:
        """The file of the leak guard's findings; None if it is not configured."""
        if self.guard.quarantine is None and isinstance(self.state, Path):
            return self.state / "quarantine.sqlite"
        return self.guard.quarantine

    @field_validator("state", mode="before")
    @classmethod
    def _place(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) and not _DATABASE.match(value) else value

    @field_validator("trusted_proxies", "cors_origins", mode="before")
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

    @field_validator("cors_origins")
    @classmethod
    def _web_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value == ("*",):
            return value
        if not all(_WEB_ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError(
                "write each as browsers do, https://host or https://host:port in lower case without a path; "
                "or * alone, for all"
            )
        return value

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value is not None and not _PUBLIC_URL.fullmatch(value):
            raise ValueError("write it as https://host or https://host/path, with no query")
        return value.rstrip("/") if value else None


def load_settings(file: Path | None = None, **arguments: object) -> Settings:
    """Read the settings; arguments that are None are ignored.

    `file` is a settings file that must exist; by default `dicomveil.toml` in the working directory is read, if there is
    one. Raises ConfigurationError, which names each wrong setting and a suggested fix.
    """
    place = file or DEFAULT_FILE
    values, lines = _read_file(place, must_exist=file is not None)
    if (broken := next((name for name, value in values.items() if _holds_nul(value)), None)) is not None:
        raise ConfigurationError(f"{broken}: it holds the character NUL, which no path, address or name can have")
    if isinstance(access := values.get("access"), dict):
        access.setdefault("tokens", place.parent / TOKENS)
    given: dict[str, Any] = {name: value for name, value in arguments.items() if value is not None}
    _let_one_place_name_the_key(given, values)
    unknown = _unknown_in_file(values, lines)
    mistakes = [*unknown_names(given, Settings, "the arguments"), *unknown, *_unknown_variables()]

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
            """Without `.env`: a file must be named explicitly."""
            del dotenv_settings, file_secret_settings
            return init_settings, env_settings, InitSettingsSource(settings_cls, values)

    settings = None
    try:
        settings = FromFile(**given)
    except ValidationError as error:
        mistakes += [
            _mistake(detail, {} if _is_overridden(str(detail["loc"][0]), given) else lines)
            for detail in error.errors()
            if detail["type"] != "extra_forbidden" or not unknown  # reported already, with a suggestion
        ]
    except SettingsError as error:
        field = re.search('for field "(limits|filter|projects|access|tls|audit|guard|log|metrics|traces)"', str(error))
        name = field[1] if field else "limits"
        variable = f"{_PREFIX}{name.upper()}"
        mistakes.append(Mistake(name, f"{variable} is not a JSON object; set {variable}__<NAME> for each"))
    if settings is not None and not mistakes:
        mistakes += [Mistake(name, _how_to_set(name)) for name in _missing(settings)]
        mistakes += _key_mistakes(settings, lines)
    if mistakes or settings is None:
        raise ConfigurationError(message_of(mistakes, place.name))
    return settings


def _holds_nul(value: object) -> bool:
    """Whether a text of the file has a NUL, with which functions of the system end in exceptions that quote it."""
    if isinstance(value, dict):
        return any(map(_holds_nul, (*value, *value.values())))
    return any(map(_holds_nul, value)) if isinstance(value, list) else "\0" in str(value)


def _read_file(path: Path, *, must_exist: bool) -> tuple[dict[str, Any], dict[str, int]]:
    """The settings of the file, and the line of each."""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), lines_of(text)
    except FileNotFoundError:
        if not must_exist:
            return {}, {}
        raise ConfigurationError("--config: the settings file does not exist; check the path") from None
    except OSError as error:
        raise ConfigurationError(f"the settings file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the settings file is not UTF-8 (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at [^()]*\)$", str(error))
        where = f" {place[0]}" if place else ""
        raise ConfigurationError(f"the settings file is not valid TOML{where}") from None


def _unknown_in_file(values: Mapping[str, Any], lines: Mapping[str, int]) -> list[Mistake]:
    """Unknown names in all tables of the file."""
    mistakes = unknown_names(values, Settings, "the settings file", lines=lines)
    tables: dict[str, type[BaseModel]] = {"limits": Limits, "filter": FilterSettings, **_ALL_TABLES}
    projects = values.get("projects")
    for name in projects if isinstance(projects, dict) else ():
        tables |= {f"projects.{name}": ProjectTable, f"projects.{name}.filter": FilterSettings}
    for name, model in tables.items():
        table: Any = values
        for part in name.split("."):
            table = table.get(part) if isinstance(table, dict) else None
        if isinstance(table, dict):
            mistakes += unknown_names(table, model, f"[{name}] of the settings file", below=name, lines=lines)
    return mistakes


def with_line(message: str, file: Path) -> str:
    """A message that begins with a setting, with the setting's line in the file if it is set there."""
    name, line = named_line(message, _read_file(file, must_exist=False)[1])
    return f"{message} ({file.name}, line {line})" if line and not _is_overridden(name.split(".")[0], {}) else message


def _is_overridden(name: str, given: Mapping[str, object]) -> bool:
    """Whether the value of a top-level setting or table is from an argument or the environment, not from the file."""
    return name in given or any(variable.upper().startswith(f"{_PREFIX}{name.upper()}") for variable in os.environ)


def _unknown_variables() -> list[Mistake]:
    """Variables that resemble a setting's name. Others are ignored: Kubernetes sets DICOMVEIL_SERVICE_HOST."""
    known = [_PREFIX + name.upper() for name in Settings.model_fields]
    known += [f"{_PREFIX}LIMITS__{name.upper()}" for name in Limits.model_fields]
    mistakes = []
    for name in os.environ:
        upper = name.upper()
        if upper.startswith(_PREFIX) and upper not in known and not upper.startswith(_TABLES):
            near = get_close_matches(upper, known, 1, cutoff=0.9)
            if near:
                mistakes.append(Mistake("", f"the environment: {name} is not a setting; did you mean {near[0]}?"))
    return mistakes


def _missing(settings: Settings) -> list[str]:
    """Required settings that are missing: a key for some project, and an origin for each."""
    projects = settings.projects.values()
    has_default = settings.has_default_project or not projects
    needs_origin = has_default or any(project.origin is None for project in projects)
    missing = ["origin"] if needs_origin and settings.origin is None else []
    return missing if settings.has_default_project or not has_default else [*missing, "key_file"]


def _let_one_place_name_the_key(given: dict[str, Any], values: dict[str, Any]) -> None:
    """Let a key setting replace all key settings of sources with lower precedence, whichever of the three they are."""
    by_argument = any(name in given for name in KEY_SETTINGS)
    by_variable = any(f"{_PREFIX}{name.upper()}" in map(str.upper, os.environ) for name in KEY_SETTINGS)
    if by_argument:
        for name in KEY_SETTINGS:
            given.setdefault(name, None)
    elif by_variable:
        for name in KEY_SETTINGS:
            values.pop(name, None)


def _key_mistakes(settings: Settings, lines: Mapping[str, int]) -> list[Mistake]:
    """Mistakes of projects without a key, or with several key settings."""
    tables: dict[str, NamesKeys] = {"": settings}
    tables |= {f"projects.{name}.": each for name, each in settings.projects.items()}
    mistakes = []
    for name, table in tables.items():
        named = [each for each in KEY_SETTINGS if getattr(table, each) is not None]
        if len(named) > 1:
            what = f"it cannot be combined with {named[0]}; give one of {', '.join(KEY_SETTINGS)}"
            mistakes.append(Mistake(name + named[1], what, line_of(name + named[1], lines)))
        elif not named and name:
            what = "it is not set; each project has a key of its own, which `dicomveil keygen FILE` makes"
            mistakes.append(Mistake(f"{name}key_file", what, line_of(f"{name}key_file", lines)))
    return mistakes


def _how_to_set(name: str) -> str:
    option, variable = f"--{name.replace('_', '-')}", f"{_PREFIX}{name.upper()}"
    return f"it is not set; give {option}, {variable}, or {name} = ... in {DEFAULT_FILE} or another file with --config"


def _mistake(detail: ErrorDetails, lines: Mapping[str, int]) -> Mistake:
    name = ".".join(str(part) for part in detail["loc"])
    what = expected(detail)
    if name.split(".")[-1] in {"keys", "key_command"} or re.search(r"\.keys\.\d", f".{name}"):
        name = re.sub(r"(^|\.)keys\..*", r"\1keys", name)
        what = (
            "write files, or commands as lists of words, in square brackets"
            if name.endswith("keys")
            else ("write the program and its arguments, each in quotes, in square brackets")
        )
    elif name.startswith("projects.") and detail["loc"][-1] == "[key]":
        name, what = name.removesuffix(".[key]"), "a project's name consists of a to z, 0 to 9 and hyphens, 63 at most"
    return Mistake(name, what, line_of(name, lines))
