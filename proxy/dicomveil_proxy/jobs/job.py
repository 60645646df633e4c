"""The job: policy, key and validation, which are the same for all files of a run.

It is sent to every worker through a pipe; each compiles the policy itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from dicomveil_engine import ConfigurationError, Policy, load_policy
from dicomveil_engine.pseudonyms.keys import Keys, keyed_digest
from dicomveil_proxy.jobs.guarding import GuardedJob, JobGuard
from dicomveil_proxy.settings.policies import configuration_of

if TYPE_CHECKING:
    from dicomveil_proxy.jobs.encrypted_originals import EncryptedOriginals


@dataclass(frozen=True)
class Job:
    """How to de-identify."""

    profile: str | Path
    """Name of a preset, or path of a configuration."""
    key: bytes = field(repr=False)
    validates_input: bool = False
    validates_output: bool = False
    subjects: Mapping[str, str] | None = field(default=None, repr=False)
    """User-defined pseudonyms, by original PatientIDs."""
    older_keys: tuple[bytes, ...] = field(default=(), repr=False)
    """Older versions of the key, whose pseudonyms are recognised."""
    recipients: tuple[bytes, ...] = ()
    """Certificates, in DER, for which originals are encrypted into the output."""
    guard: JobGuard = field(default_factory=JobGuard)
    """The leak guard, which changes no output."""

    def originals(self) -> EncryptedOriginals | None:
        """Encrypts originals; None without recipients."""
        if not self.recipients:
            return None
        from dicomveil_proxy.jobs.encrypted_originals import EncryptedOriginals  # noqa: PLC0415 - few need it

        return EncryptedOriginals(self.key, self.recipients)

    def guarded(self, policy: Policy) -> GuardedJob:
        """The leak guard of one worker."""
        return self.guard.opened(policy, self.key)

    def policy(self) -> Policy:
        """The policy, compiled. Raises ConfigurationError."""
        return load_policy(configuration_of(self.profile), self.key, subjects=self.subjects, other_keys=self.older_keys)

    def key_for(self, purpose: str) -> bytes:
        """A key derived from the project's, for records and names of the job."""
        return Keys(self.key).derive(f"batch/{purpose}")

    def configuration_digest(self) -> bytes:
        """A keyed digest of the configuration's text. Raises ConfigurationError."""
        configuration = configuration_of(self.profile)
        is_preset = isinstance(configuration, Mapping)
        text = str(self.profile).encode() if is_preset else _read(Path(self.profile))
        parts = (bytes([is_preset]), text, *self._sources_of_texts())
        return keyed_digest(self.key_for("configuration"), joined(parts))

    def _sources_of_texts(self) -> list[bytes]:
        """The contents of the files and plug-ins named in "text". Raises ConfigurationError."""
        cleaning = load_policy(configuration_of(self.profile), self.key, other_keys=self.older_keys).cleaning
        vocabulary = [] if cleaning.vocabulary is None else [cleaning.vocabulary.digest.encode()]
        return [*vocabulary, *(f"{one.name}\0{one.source}".encode() for one in cleaning.added)]

    def fingerprint(self) -> bytes:
        """A keyed digest of everything that an output depends on, except its source.

        It includes the engine's own files, since another version may decide differently. Raises ConfigurationError.
        """
        configuration = configuration_of(self.profile)
        parts = [
            _code(),
            str(self.profile if isinstance(configuration, Mapping) else configuration.stem).encode(),
            b"" if isinstance(configuration, Mapping) else _read(configuration),
            bytes((self.validates_input, self.validates_output)),
            *self.recipients,
            *self._sources_of_texts(),
        ]
        return keyed_digest(self.key_for("fingerprint"), joined(parts))


@cache
def _code() -> bytes:
    """The digest of the engine's code when this process started."""
    from importlib.metadata import version  # noqa: PLC0415 - a twentieth of a second, and not asked by single files

    return joined((version("pydicom").encode(), *_contents(files("dicomveil_engine"))))


def joined(parts: Iterable[bytes]) -> bytes:
    """The parts as one message, unambiguously delimited."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def _contents(folder: Traversable) -> Iterator[bytes]:
    """Names and contents of the code and tables below a package's folder, in a fixed order."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _contents(entry)
        elif entry.name.endswith((".py", ".json")):
            yield entry.name.encode()
            yield entry.read_bytes()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the configuration cannot be read ({error.strerror})") from None
