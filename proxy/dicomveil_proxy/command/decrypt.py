"""`dicomveil decrypt`: undo the method `encrypt` with the key, for an instance or for one text.

Nothing is written unless everything could be decrypted.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from dicomveil_engine import ConfigurationError, EngineError, InvalidDataSetError, Policy
from dicomveil_engine.attributes import dictionary
from dicomveil_engine.methods.base import Element, Reversal
from dicomveil_engine.reports.decryption import decrypt_instance
from dicomveil_engine.text.changes import Undone
from dicomveil_proxy.command.originals import Kind, about_to_show, audit_of
from dicomveil_proxy.command.profile import policy_of
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.command.table import shown
from dicomveil_proxy.settings.access import AuditSettings

_WRONG_KEY = "give the --profile and the --key-file with which it was encrypted; nothing was written"
_TEXT_VR = "UT"


def run(
    instance: Path | None,
    output: Path | None,
    value: str | None,
    profile: str | None,
    key_file: Path | None,
    private_key: Path | None = None,
    config: Path | None = None,
) -> None:
    """Decrypt an instance into a file, or a text onto standard output; or refuse."""
    audit = audit_of(config)
    if private_key is not None:
        if instance is None or value is not None:
            refuse("decrypt: with --key, give an instance")
        _originals(instance, output, private_key, audit)
        return
    if profile is None:
        refuse(
            "profile: name the configuration that encrypted it with --profile, or for encrypted originals, give --key"
        )
    try:
        policy = policy_of(profile, key_file)
    except ConfigurationError as error:
        refuse(str(error))
    methods = [rule.method.reversal for rule in policy.rules if rule.method.reversal is not None]
    within = policy.cleaning.changes.undone
    ways_back: list[Reversal | Undone] = [*methods, *within]
    if not ways_back:
        refuse("profile: it has no rule with the method encrypt; give the configuration that has")
    if key_file is None and any(method.needs_project_key for method in ways_back):
        refuse(
            'key_file: the configuration has an encrypt rule without "encryptKey", whose key comes from the project '
            "key; give it with --key-file"
        )
    if instance is not None and value is None:
        _instance(instance, output, policy, audit)
    elif value is not None and instance is None:
        text = _text(value, methods, within)
        if text is None:
            refuse(f"value: the text is not encrypted with a key of this configuration; {_WRONG_KEY}")
        about_to_show(audit, Kind.TEXT, 1)
        print(shown(text, sys.stdout))
    else:
        refuse("decrypt: give either an instance or --value TEXT")


def _originals(instance: Path, output: Path | None, private_key: Path, audit: AuditSettings | None) -> None:
    """Restore original values that were encrypted for the holder of a private key."""
    from dicomveil_proxy.jobs.cms import read_private_key  # noqa: PLC0415 - few need it
    from dicomveil_proxy.jobs.restored_originals import restore  # noqa: PLC0415

    place = _place(output)
    try:
        data, tags = restore(instance.read_bytes(), read_private_key(private_key))
    except OSError as error:
        refuse(f"the instance cannot be read ({error.strerror})")
    except EngineError as error:
        refuse(f"{error}; nothing was written")
    _save(place, data, tags, audit)


def _instance(instance: Path, output: Path | None, policy: Policy, audit: AuditSettings | None) -> None:
    place = _place(output)
    try:
        decrypted = decrypt_instance(instance.read_bytes(), policy)
    except OSError as error:
        refuse(f"the instance cannot be read ({error.strerror})")
    except EngineError as error:
        refuse(f"{error}; {_WRONG_KEY}")
    _save(place, decrypted.instance, decrypted.restored, audit)


def _place(output: Path | None) -> Path:
    if output is None:
        refuse("output: say where to write the decrypted instance, with -o FILE")
    if output.exists():
        refuse("output: there is a file of that name; give another, for nothing is overwritten")
    return output


def _save(output: Path, data: bytes, tags: Iterable[int], audit: AuditSettings | None) -> None:
    about_to_show(audit, Kind.ATTRIBUTES, 1)
    try:
        _write(output, data)
    except OSError as error:
        refuse(f"output: it cannot be written ({error.strerror})")
    print(f"restored: {', '.join(dictionary.describe(tag) for tag in tags)}", file=sys.stderr)


def _write(output: Path, data: bytes) -> None:
    """Write the file atomically, readable by its owner only, since it contains a patient's data."""
    descriptor, name = tempfile.mkstemp(prefix=".dicomveil-", dir=output.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.link(name, output)  # unlike a rename, it never overwrites
    finally:
        Path(name).unlink()


def _text(value: str, methods: Sequence[Reversal], within: Sequence[Undone]) -> str | None:
    """The decrypted text, with the first key of a rule that decrypts it; None if none does."""
    element = Element(0, _TEXT_VR, [value.strip()])
    for method in methods:
        with suppress(InvalidDataSetError):
            return str(method.decrypted(element)[0])
    for way_back in within:
        with suppress(InvalidDataSetError):
            return way_back.decrypted_text(value.strip())
    return None
