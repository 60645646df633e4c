"""The settings: their sources in order, and messages that say how to mend what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.settings import KeyFileWarning, load_settings, read_key

HEX_KEY = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No dicomveil.toml but a test's own."""
    monkeypatch.chdir(tmp_path)


def write(text: str) -> Path:
    path = Path("dicomveil.toml")
    path.write_text(text)
    return path


def key_file(content: bytes, mode: int = 0o600) -> Path:
    path = Path("key")
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_defaults_are_those_of_a_workstation() -> None:
    """With an origin and a key, the rest goes without saying."""
    settings = load_settings(origin="http://127.0.0.1:8042/dicom-web", key_file=Path("key"))

    assert (settings.host, settings.port, settings.store, settings.on_error) == (
        "127.0.0.1",
        8080,
        "deidentify",
        "abort",
    )
    assert settings.origin_folder is None


def test_an_origin_that_is_no_url_is_a_folder() -> None:
    """The same setting takes both."""
    assert load_settings(origin="images", key_file=Path("key")).origin_folder == Path("images")


def test_arguments_environment_file_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source gives way to the one before it, limit by limit too."""
    write('origin = "folder"\nkey_file = "key"\nport = 1\nhost = "::1"\n[limits]\nparts = 1\nnesting = 1')
    monkeypatch.setenv("DICOMVEIL_PORT", "2")
    monkeypatch.setenv("DICOMVEIL_HOST", "localhost")
    monkeypatch.setenv("DICOMVEIL_LIMITS__PARTS", "2")

    settings = load_settings(port=3, host=None)

    assert (settings.port, settings.host, settings.origin) == (3, "localhost", "folder")
    assert (settings.limits.parts, settings.limits.nesting, settings.limits.header_bytes) == (2, 1, 64 << 20)


def test_trusted_proxies_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable holds a list with commas."""
    monkeypatch.setenv("DICOMVEIL_TRUSTED_PROXIES", "10.0.0.1, 10.1.0.0/16")

    settings = load_settings(origin="folder", key_file=Path("key"))

    assert settings.trusted_proxies == ("10.0.0.1", "10.1.0.0/16")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("orgin = 1", "there is no setting orgin; did you mean origin"),
        ("[limits]\nheader_byte = 1", "did you mean header_bytes"),
        ("x = 1", "there is no setting x; there are: origin, key_file"),
        ("port = 'many'", "port: Input should be a valid integer"),
        ("port = 70000", "port: Input should be less than or equal to 65535"),
        ("store = 'keep'", "store: Input should be 'deidentify' or 'refuse'"),
        ("public_url = 'example.org'", "public_url: write it as https://host"),
        ("trusted_proxies = ['everybody']", "trusted_proxies: write addresses as"),
        ("[limits]\nparts = 0", r"limits\.parts: Input should be greater than 0"),
        ("port = 1 2", r"no TOML \(at line 1, column 10\)"),
    ],
)
def test_what_is_wrong_and_how_to_mend_it(text: str, message: str) -> None:
    """Each message names the setting."""
    with pytest.raises(ConfigurationError, match=message):
        load_settings(write(text), origin="folder", key_file=Path("key"))


def test_what_is_missing() -> None:
    """The message lists the three places where it could be."""
    with pytest.raises(ConfigurationError, match="origin: it is not set; give --origin, DICOMVEIL_ORIGIN"):
        load_settings(key_file=Path("key"))


def test_a_named_file_must_exist() -> None:
    """Unlike the one that is only looked for."""
    with pytest.raises(ConfigurationError, match="the settings file does not exist"):
        load_settings(Path("other.toml"))


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt `refuse` must not store; but what Kubernetes sets for a service is not ours."""
    monkeypatch.setenv("DICOMVEIL_SERVICE_HOST", "10.0.0.1")
    load_settings(origin="folder", key_file=Path("key"))
    monkeypatch.setenv("DICOMVEIL_STROE", "refuse")

    with pytest.raises(ConfigurationError, match="did you mean DICOMVEIL_STORE"):
        load_settings(origin="folder", key_file=Path("key"))


def test_no_credentials_in_representation_or_message() -> None:
    """The origin's URL may hold a password."""
    settings = load_settings(origin="http://user:secret@host/", key_file=Path("key"))
    with pytest.raises(ConfigurationError) as caught:
        load_settings(origin=b"http://user:secret@host/\xff", port="secret", key_file=Path("key"))

    assert "secret" not in repr(settings) + str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        f"{HEX_KEY}\n".encode(),
        HEX_KEY.upper().encode(),
        b"ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8=\n",
        bytes.fromhex(HEX_KEY),
    ],
)
def test_one_key_in_each_notation(content: bytes) -> None:
    """Hexadecimal digits as `dicomveil keygen` writes them, base64, raw."""
    assert read_key(key_file(content)) == bytes.fromhex(HEX_KEY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HEX_KEY[:-2].encode(),
        HEX_KEY.encode() + b"0",
        b"c2hvcnQ=",
        bytes(range(200, 231)),
        b"correct horse battery staple, and much more",
        b"\x80" * 5000,
    ],
)
def test_what_is_no_key(content: bytes) -> None:
    """Too short, too long, an odd digit, a pass phrase: refused, without a word of it."""
    with pytest.raises(ConfigurationError, match="key_file: it holds no key of 32 bytes") as caught:
        read_key(key_file(content))

    assert "horse" not in str(caught.value)


def test_a_key_file_that_cannot_be_read() -> None:
    """The message says what makes one."""
    with pytest.raises(ConfigurationError, match=r"No such file.*dicomveil keygen"):
        read_key(Path("nowhere"))


def test_a_key_file_open_to_others() -> None:
    """It is taken, with a warning: secrets mounted into containers look like this."""
    with pytest.warns(KeyFileWarning, match="mode 0600"):
        assert read_key(key_file(HEX_KEY.encode(), 0o644))
