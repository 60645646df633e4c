"""The policy of a command: `--profile PRESET|FILE` with `--key-file FILE`, or with a random key."""

from __future__ import annotations

import secrets
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dicomveil_engine import ConfigurationError, Policy, load_policy
from dicomveil_proxy.command.keygen import KEY_BYTES
from dicomveil_proxy.settings.key_files import KeyFileWarning, read_key
from dicomveil_proxy.settings.policies import configuration_of

if TYPE_CHECKING:
    from dicomveil_proxy.settings.projects import ProjectSettings

DEFAULT = "default"
EPHEMERAL = "no --key-file: the pseudonyms and shifted dates shown are not those of your project"


def policy_of(profile: str | None, key_file: Path | None) -> Policy:
    """The policy, with the project's key or, without one, a random key.

    Warnings go to stderr. Raises ConfigurationError, which names the option and a suggested fix.
    """
    key = secrets.token_bytes(KEY_BYTES) if key_file is None else key_of(key_file)
    try:
        policy = load_policy(configuration_of(profile or DEFAULT), key)
    except ConfigurationError as error:
        raise ConfigurationError(f"profile: {error}") from None
    for warning in policy.warnings:
        print(f"warning: profile: {warning}", file=sys.stderr)
    return policy


def recipients_of(policy: Policy, named: Sequence[Path] = ()) -> tuple[bytes, ...]:
    """Certificates (DER) of recipients of encrypted originals, from the command line and the configuration.

    Raises ConfigurationError.
    """
    if not named and not policy.recipients:
        return ()
    from dicomveil_proxy.jobs.cms import read_certificates  # noqa: PLC0415 - few need it
    from dicomveil_proxy.jobs.encrypted_originals import der_of  # noqa: PLC0415

    found = der_of(read_certificates(named, "--encrypt-originals"))
    found += der_of(read_certificates([Path(each) for each in policy.recipients], "encryptOriginals"))
    return tuple(dict.fromkeys(found))


def key_of(file: Path) -> bytes:
    """The project key; warnings, for example that others may read the file, go to stderr."""
    with _printing_warnings():
        return read_key(file)


def secrets_of(project: ProjectSettings) -> tuple[bytes, ...]:
    """The project's keys, the current version first; warnings go to stderr."""
    with _printing_warnings():
        return project.secrets()


@contextmanager
def _printing_warnings() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", KeyFileWarning)
        yield
    for each in caught:
        print(f"warning: key_file: {each.message}", file=sys.stderr)
