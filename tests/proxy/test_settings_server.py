"""The settings: their sources in order, and messages that say how to mend what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.settings.server import load_settings


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No dicomveil.toml but a test's own."""
    monkeypatch.chdir(tmp_path)


def write(text: str) -> Path:
    path = Path("dicomveil.toml")
    path.write_text(text)
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
    assert (settings.projects, settings.filter.selects_all) == ({}, True)


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
    ("value", "origins"),
    [
        ("*", ("*",)),
        ("https://viewer.test, http://[::1]:3000", ("https://viewer.test", "http://[::1]:3000")),
        ("", ()),
    ],
)
def test_web_origins_from_the_environment(monkeypatch: pytest.MonkeyPatch, value: str, origins: tuple[str]) -> None:
    """Several with commas, or all."""
    monkeypatch.setenv("DICOMVEIL_CORS_ORIGINS", value)

    assert load_settings(origin="folder", key_file=Path("key")).cors_origins == origins


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("orgin = 1", "there is no setting orgin; did you mean origin"),
        ("[limits]\nheader_byte = 1", "did you mean header_bytes"),
        ("x = 1", "there is no setting x; there are: origin, key_file"),
        ("port = 'many'", "port: write a whole number"),
        ("port = 70000", "port: write a number of at most 65535"),
        ("store = 'keep'", "store: write one of 'deidentify', 'reidentify', 'refuse'"),
        ("public_url = 'example.org'", "public_url: write it as https://host"),
        ("trusted_proxies = ['everybody']", "trusted_proxies: write addresses as"),
        ("cors_origins = ['https://viewer.test/']", "cors_origins: write each as browsers do"),
        ("cors_origins = ['https://viewer.test', '*']", "cors_origins: write each as browsers do"),
        ("cors_origins = ['HTTPS://viewer.test']", "cors_origins: write each as browsers do"),
        ("[limits]\nparts = 0", r"limits\.parts: write a number greater than 0"),
        ("port = 1 2", r"not valid TOML \(at line 1, column 10\)"),
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


# Projects

ONE = 'origin = "folder"\n[projects.lung]\nkey_file = "lung.key"\n'


def test_a_project_needs_no_more_than_a_key() -> None:
    """The rest is above its table, and where there is no key above, there is no default project."""
    write(ONE)
    settings = load_settings()

    assert settings.key_file is None
    assert settings.projects["lung"].key_file == Path("lung.key")
    assert settings.projects["lung"].profile is None


def test_a_project_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting of a table has a variable, so that an origin's password need not stand in the file."""
    write(ONE)
    monkeypatch.setenv("DICOMVEIL_PROJECTS__LUNG__ORIGIN", "http://user:secret@pacs/dicom-web")
    monkeypatch.setenv("DICOMVEIL_FILTER__STUDIES_FILE", "studies.txt")
    settings = load_settings()

    assert settings.projects["lung"].origin == "http://user:secret@pacs/dicom-web"
    assert settings.projects["lung"].key_file == Path("lung.key")
    assert settings.filter.studies_file == Path("studies.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[projects.lung]\nkey_file = "key"', "origin: it is not set; give --origin"),
        ('origin = "x"\n[projects.lung]\nprofile = "basic"', "projects.lung.key_file: it is not set; each project"),
        ('origin = "x"\n[projects.Lung]\nkey_file = "k"', "projects.Lung: a project's name consists of a to z"),
        ('origin = "x"\n[projects."a b"]\nkey_file = "k"', "projects.a b: a project's name consists of a to z"),
        (ONE + 'sotre = "refuse"', r"\[projects.lung\] of the settings file: .* sotre; did you mean store"),
        (ONE + 'filter.study = ["1.2.3"]', r"\[projects.lung.filter\] of the settings file: .* did you mean studies"),
        ('origin = "x"\nkey_file = "k"\n[filter]\nuids = []', r"\[filter\] of the settings file: .* no setting uids"),
        ('origin = "x"\nkey_file = "k"\nprojects = "lung"', "projects: write a table"),
        (ONE + 'store = "keep"', "projects.lung.store: write one of 'deidentify', 'reidentify', 'refuse'"),
        (
            ONE + "filter.query = { PatientID = 1 }",
            "projects.lung.filter.query.PatientID: write a text in quotes",
        ),
    ],
)
def test_what_is_wrong_with_a_project(text: str, message: str) -> None:
    """By its name, and with the mend."""
    write(text)
    with pytest.raises(ConfigurationError, match=message):
        load_settings()


def test_no_original_in_a_representation() -> None:
    """A filter holds patients' identifiers, and an origin may hold a password."""
    write(
        ONE + 'origin = "http://user:secret@pacs"\n[filter]\nstudies = ["1.2.3.4"]\nquery = { PatientID = "PATIENT-1" }'
    )
    shown = repr(load_settings())

    assert not any(original in shown for original in ("secret", "1.2.3.4", "PATIENT-1"))


def test_a_table_that_is_no_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to set instead."""
    monkeypatch.setenv("DICOMVEIL_PROJECTS", "lung")
    with pytest.raises(
        ConfigurationError, match="projects: DICOMVEIL_PROJECTS is not a JSON object; set DICOMVEIL_PROJECTS__"
    ):
        load_settings(origin="x", key_file=Path("key"))
