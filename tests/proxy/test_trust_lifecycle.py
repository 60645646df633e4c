"""What the audit says of rules and keys: enough to know them again, and nothing from which a key could be found."""

from __future__ import annotations

from pathlib import Path

from dicomveil_proxy.trust.lifecycle import key_fingerprint, profile_digest


def test_a_profile_is_known_again(tmp_path: Path) -> None:
    """A preset by its name, a file by its content."""
    file = tmp_path / "rules.json"
    file.write_text("{}")
    first = profile_digest(str(file))
    file.write_text("{ }")

    assert profile_digest("basic") == "preset:basic"
    assert first != profile_digest(str(file))
    assert first == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # sha256sum of {}


def test_a_key_is_known_again() -> None:
    """The same key, the same digits; they are not part of it."""
    key = bytes(range(32))

    assert key_fingerprint(key) == key_fingerprint(key)
    assert key_fingerprint(key) != key_fingerprint(bytes(32))
    assert key_fingerprint(key) not in key.hex()
