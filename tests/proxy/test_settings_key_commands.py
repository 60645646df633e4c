"""Key commands: what they print is the key; what goes wrong with them is said by their name alone."""

from __future__ import annotations

import os
import pickle
import sys
import time
from pathlib import Path

import pytest

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.settings.key_commands import KeyCommands
from dicomveil_proxy.settings.projects import check_keys, projects_of
from dicomveil_proxy.settings.server import Settings, load_settings

KEY = bytes(range(32))
SECRET = "not-to-be-shown"


def python(code: str) -> tuple[str, ...]:
    """A command."""
    return (sys.executable, "-c", code, SECRET)


@pytest.mark.parametrize(
    "code",
    [
        f"print('{KEY.hex()}')",
        f"import base64; print(base64.b64encode(bytes.fromhex('{KEY.hex()}')).decode(), end='')",
        f"import sys; sys.stdout.buffer.write(bytes.fromhex('{KEY.hex()}'))",
    ],
    ids=["hex", "base64", "raw"],
)
def test_what_is_printed_is_the_key(code: str) -> None:
    """In each notation of key files."""
    assert KeyCommands().key(python(code), "key_command") == KEY


def test_it_runs_once_for_all_workers(tmp_path: Path) -> None:
    """What was printed travels with the settings, and is shown nowhere."""
    command = python(f"open('{tmp_path}/runs', 'a').write('x'); print('{KEY.hex()}')")
    settings = Settings(origin="images", key_command=command)
    (first,) = projects_of(settings)
    copy = pickle.loads(pickle.dumps(settings))
    (second,) = projects_of(copy)

    assert first.secrets() == (KEY,)
    assert projects_of(settings)[0].secrets() == first.secrets()
    (third,) = projects_of(pickle.loads(pickle.dumps(settings)))
    assert third.secrets() == (KEY,)
    assert (tmp_path / "runs").read_text() == "x"
    assert second.secrets() == (KEY,)
    for shown in (repr(settings), repr(first), repr(settings.key_commands)):
        assert KEY.hex() not in shown
        assert repr(KEY)[2:-1] not in shown
        assert SECRET not in shown


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (python("import sys; print('deadbeef' * 8); sys.exit(3)"), "ended with exit status 3"),
        (python("print('deadbeef')"), "printed no key of 32 bytes"),
        (python("print('Error: the vault is sealed, ask somebody')"), "printed no key of 32 bytes"),
        (python("pass"), "printed no key of 32 bytes"),
        (python("print('deadbeef' * 8)"), "printed a pattern that can be guessed"),
        (python("while True: print('ab' * 4096)"), "printed more than a key"),
        (python("import time; print('ab' * 32, flush=True); time.sleep(60)"), "did not end within 0.5 s"),
        (python("import os, time; os.fork() or time.sleep(60)"), "did not end within 0.5 s"),
        (("/nowhere/vault", SECRET), "cannot be run (No such file or directory)"),
        (("vault\0", SECRET), "cannot be run"),
    ],
)
def test_what_goes_wrong(command: tuple[str, ...], message: str) -> None:
    """The message names the setting, the program and what happened: neither output nor arguments nor its folder."""
    begun = time.monotonic()
    seconds = 0.5 if "0.5" in message else 20
    with pytest.raises(ConfigurationError) as caught:
        KeyCommands().key(command, "key_command", seconds=seconds)
    said = str(caught.value)

    assert said.startswith(f"key_command: the command {Path(command[0]).name} ")
    assert message in said
    assert not any(word in said for word in (SECRET, "deadbeef", "sealed", "/"))
    assert time.monotonic() - begun < 20


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    """Words that a shell would act on are words."""
    with pytest.raises(ConfigurationError, match="cannot be run"):
        KeyCommands().key((f"echo x > {tmp_path}/made",), "key_command")

    assert list(tmp_path.iterdir()) == []


def key_file(path: Path, key: bytes) -> Path:
    """A file with a key."""
    path.touch(0o600)
    path.write_text(key.hex())
    return path


def test_keys(tmp_path: Path) -> None:
    """Files and commands, in their order; in the environment files with commas between them."""
    one = key_file(tmp_path / "one.key", bytes(range(32)))
    file = tmp_path / "dicomveil.toml"
    file.write_text(f'origin = "x"\nkeys = ["{one}", ["{sys.executable}", "-c", "print(bytes(range(1, 33)).hex())"]]\n')
    (project,) = projects_of(load_settings(file))

    assert project.secrets() == (bytes(range(32)), bytes(range(1, 33)))
    assert project.key_file == one


def test_keys_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take the place of what the file says of the key, in any form; an option takes the place of both."""
    file = tmp_path / "dicomveil.toml"
    file.write_text('origin = "x"\nkey_file = "k"\n')
    monkeypatch.setenv("DICOMVEIL_KEYS", "new.key, old.key")
    assert projects_of(load_settings(file))[0].keys == (Path("new.key"), Path("old.key"))

    assert projects_of(load_settings(file, key_file=Path("other.key")))[0].keys == (Path("other.key"),)

    monkeypatch.delenv("DICOMVEIL_KEYS")
    monkeypatch.setenv("DICOMVEIL_KEY_COMMAND", "vault kv get -field=key 'secret/a b'")
    assert projects_of(load_settings(file))[0].keys == (("vault", "kv", "get", "-field=key", "secret/a b"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('key_file = "a"\nkeys = ["b"]', "keys: it cannot be combined with key_file; give one of"),
        ('key_command = ["a"]\nkeys = ["b"]', "key_command: it cannot be combined with keys; give one of"),
        ("keys = []", "keys: write files, or commands"),
        ("keys = [1]", "keys: write files, or commands"),
        ("key_command = [1]", "key_command: write the program and its arguments"),
        ("key_command = []", "key_command: write the program and its arguments"),
        ('key_file = "a"\n[projects.lung]\nkeys = ["b"]\nkey_command = ["c"]', "projects.lung.key_command: it cannot"),
        ('[projects.lung]\nprofile = "basic"', "projects.lung.key_file: it is not set; each project has a key"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    """Each names its setting."""
    file = tmp_path / "dicomveil.toml"
    file.write_text(f'origin = "x"\n{text}\n')
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)

    assert message in str(caught.value)


def test_versions_differ_within_a_project_and_among_projects(tmp_path: Path) -> None:
    """An old key of one project is nobody else's new one."""
    one, two = key_file(tmp_path / "one", bytes(range(32))), key_file(tmp_path / "two", bytes(range(1, 33)))
    with pytest.raises(ConfigurationError, match="keys: entry 2 is a key that an earlier entry has"):
        check_keys(projects_of(Settings(origin="x", keys=(one, one))))
    tables = {"lung": {"key_file": one}}
    with pytest.raises(ConfigurationError, match=r"projects.lung: key_file: it holds the key of the default project"):
        check_keys(projects_of(Settings(origin="x", keys=(two, one), projects=tables)))  # type: ignore[arg-type]


def test_a_key_that_comes_through_a_pipe(tmp_path: Path) -> None:
    """`--key-file <(command)` works for commands that take a file alone."""
    from dicomveil_proxy.settings.key_files import read_key

    reading, writing = os.pipe()
    os.write(writing, KEY.hex().encode())
    os.close(writing)
    assert read_key(Path(f"/dev/fd/{reading}")) == KEY
    os.close(reading)
