"""The settings of access, TLS and audit: what is wrong with them is said by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.settings.access import TOKENS, AccessSettings, AuditSettings, is_loopback
from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.settings.server import load_settings

OIDC = '[access.oidc]\nissuer = "https://sso.test"\naudience = "dicomveil"\n'
GROUPS = 'groups = { staff = { projects = ["lung"], can = ["search"] } }\n'


def write(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(f'origin = "x"\nkey_file = "k"\n{text}')
    return file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[access]\ntoken = 1", r"\[access\] of the settings file: there is no setting token; did you mean tokens"),
        (OIDC, "access.oidc: no user would have a right; give projects_claim and rights_claim, or groups"),
        (OIDC + 'projects_claim = "p"', "access.oidc: projects_claim and rights_claim must be given together"),
        (OIDC.replace("https", "http") + GROUPS, "access.oidc.issuer: keys that come over plain HTTP"),
        (OIDC.replace("sso.test", "user@sso.test") + GROUPS, "access.oidc.issuer: write it as https://host/path"),
        (OIDC + GROUPS.replace("lung", "Lung"), "access.oidc.groups.staff.projects: 'Lung' is not a project's name"),
        (OIDC + GROUPS.replace("search", "read"), "access.oidc.groups.staff.can.0: write one of 'search'"),
        (OIDC + GROUPS + "clock_skew_seconds = 3600", "access.oidc.clock_skew_seconds: write a number of"),
        ('[[access.certificates]]\nsubject = ""\nprojects = []\ncan = []', "access.certificates.0.subject"),
        ('[tls]\ncertificate = "c"', "tls.key: it is not set"),
        ('[audit]\nsyslog = "http://host"', "audit.syslog: write it as tls://host:6514"),
        ('[audit]\nsyslog = "tls://user:secret@host"', "audit.syslog: write it as tls://host:6514"),
        ('[audit]\nfil = "x"', r"\[audit\] of the settings file: there is no setting fil; did you mean file"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    """Each by its name, and without its value."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_settings(write(tmp_path, text))
    assert "secret" not in str(caught.value)


def test_an_empty_section_is_one(tmp_path: Path) -> None:
    """It asks for tokens, which are beside the settings file."""
    settings = load_settings(write(tmp_path, "[access]"))

    assert settings.access is not None
    assert settings.access.tokens_file == tmp_path / TOKENS
    assert load_settings(write(tmp_path, "")).access is None


def test_access_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container has it; a misspelt name is refused, and does not open the server."""
    monkeypatch.setenv("DICOMVEIL_ACCESS__OIDC__ISSUER", "https://sso.test")
    monkeypatch.setenv("DICOMVEIL_ACCESS__OIDC__AUDIENCE", "dicomveil")
    monkeypatch.setenv("DICOMVEIL_ACCESS__OIDC__GROUPS", '{"staff": {"projects": ["*"], "can": ["search"]}}')
    access = load_settings(write(tmp_path, "")).access
    assert access is not None
    assert access.oidc is not None
    assert access.oidc.groups["staff"].grants == {"*": {Right.SEARCH}}

    monkeypatch.setenv("DICOMVEIL_ACCESS__OIDC__AUDIENC", "x")
    with pytest.raises(ConfigurationError, match="access"):
        load_settings(write(tmp_path, ""))
    monkeypatch.setenv("DICOMVEIL_ANONYMUS", "true")
    with pytest.raises(ConfigurationError, match="did you mean DICOMVEIL_ANONYMOUS"):
        load_settings(write(tmp_path, ""))


def test_certificates_of_one_subject_join() -> None:
    """Two tables for one holder grant what both say."""
    tables = [
        {"subject": "CN=a", "projects": ["lung"], "can": ["search"]},
        {"subject": "CN=a", "projects": ["lung", "stroke"], "can": ["store"]},
    ]
    access = AccessSettings.model_validate({"certificates": tables})

    assert access.of_certificate("CN=a") == {
        "lung": frozenset((Right.SEARCH, Right.STORE)),
        "stroke": frozenset((Right.STORE,)),
    }
    assert access.of_certificate("CN=A") is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("localhost", True)]
    + [(each, False) for each in ("0.0.0.0", "::", "10.0.0.1", "localhost.example.org", "", "127.0.0.1.example.org")],
)
def test_addresses_of_this_machine(host: str, expected: bool) -> None:
    """By number, and the one name that always means it."""
    assert is_loopback(host) is expected


def test_the_audit_is_required_unless_it_is_said() -> None:
    """And there is none unless it is said."""
    assert AuditSettings().required
    assert (AuditSettings().file, AuditSettings().syslog_address) == (None, None)
