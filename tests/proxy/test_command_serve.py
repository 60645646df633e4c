"""`dicomveil serve`: everything is checked before it starts, and what it prints names no secret."""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from dicomveil_engine import ConfigurationError
from dicomveil_proxy import logs
from dicomveil_proxy.command import commands, serve
from dicomveil_proxy.command.access_check import check_access
from dicomveil_proxy.command.first_check import effective_settings
from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.command.server_check import check_server
from dicomveil_proxy.settings.projects import projects_of
from dicomveil_proxy.settings.server import Settings

PASSWORD = "open-sesame"


@pytest.fixture(autouse=True)
def in_a_folder_with_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An origin, a key, and no settings but a test's own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DICOMVEIL_")]:
        monkeypatch.delenv(name)
    (tmp_path / "origin").mkdir()
    (tmp_path / "origin" / "file").touch()
    write_key(tmp_path / "key")


def refusal(*arguments: str, origin: str = "origin", key: str = "key") -> str:
    """What `serve` says before it ends with status 2."""
    result = CliRunner().invoke(commands, ["serve", "--origin", origin, "--key-file", key, *arguments])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert PASSWORD not in result.stderr
    return result.stderr


def test_without_settings_it_names_those_that_it_needs() -> None:
    """All at once."""
    result = CliRunner().invoke(commands, ["serve"])

    assert result.exit_code == 2
    assert result.stderr.startswith("dicomveil: 2 settings are wrong:\n  origin: it is not set; give --origin")
    assert "key_file: it is not set" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "basc"], 'profile: "profile" must be one of "basic", "default"'),
        (["--profile", "rules.json"], "profile: the configuration is not an existing file"),
        (["--port", "99999"], "port: write a number of at most 65535"),
        (["--state", "key"], "state: the folder cannot be created or written"),
        (["--config", "nothing.toml"], "the settings file does not exist"),
        (["--public-url", "research"], "public_url: write it as https://host"),
        (["--host", "0.0.0.0"], "host: without a section [access] users are not authenticated"),
        (["--host", "::"], "host: without a section [access] users are not authenticated"),
        (["--host", "viewer.test"], "anonymous = true if everybody who reaches the server may use it"),
        (["--store", "perhaps"], "'perhaps' is not one of 'deidentify', 'reidentify', 'refuse'"),
    ],
)
def test_wrong_settings_are_refused(arguments: list[str], message: str) -> None:
    """Each by its name, with the mend."""
    assert message in refusal(*arguments)


def test_an_origin_that_is_none_is_refused() -> None:
    """A folder that is not there, and a URL that is none; what stands in it is not repeated."""
    assert "origin: there is no such folder" in refusal(origin="elsewhere")
    assert "origin: a URL begins with http:// or https://" in refusal(origin="htp://archive/dicom-web")
    assert "origin: the origin's URL is not valid" in refusal(origin=f"http://user:{PASSWORD}@host/?query")


def test_a_key_that_is_none_is_refused() -> None:
    """Nothing of the file is repeated."""
    Path("short").write_text(PASSWORD)

    assert "key_file: it cannot be read" in refusal(key="nothing")
    assert "key_file: it holds no key" in refusal(key="short")


def test_rules_that_split_an_instance_from_its_study_are_refused() -> None:
    """A user agent could not ask for what it was shown."""
    Path("rules.json").write_text('{"profile": "basic", "rules": [{"tag": "StudyInstanceUID", "method": "keep"}]}')

    assert "profile: under its rules some of StudyInstanceUID" in refusal("--profile", "rules.json")


def test_a_port_in_use_is_refused() -> None:
    """Before any worker starts."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        assert f"port: {port} is in use; give another --port" in refusal("--port", str(port))


def test_warnings_are_told() -> None:
    """Of the key file and of the profile."""
    Path("key").chmod(0o644)
    Path("rules.json").write_text('{"rules": [{"tag": "PatientName", "method": "remove"}]}')

    settings = effective_settings(None, origin="origin", key_file=Path("key"), profile="rules.json")
    key, profile = check_server(settings)

    assert key.startswith("key_file: others can read the key file")
    assert profile.startswith('profile: "profile": none is given')


def test_of_the_origin_only_the_host_is_printed() -> None:
    """Its URL may hold a password, and a folder's path a name."""
    web = effective_settings(None, origin=f"http://user:{PASSWORD}@pacs:8042/dicom-web", key_file=Path("key"))
    folder = effective_settings(None, origin="Doe^Jane", key_file=Path("key"))

    assert re.search(r"origin +pacs$", serve.described(web, "..."), re.MULTILINE)
    assert re.search(r"origin +a folder$", serve.described(folder, "..."), re.MULTILINE)
    assert PASSWORD not in serve.described(web, "...")


def projects(**table: object) -> Settings:
    """A default project and another, called lung, with these settings."""
    if not Path("lung.key").exists():
        write_key(Path("lung.key"))
    lung = {"key_file": "lung.key", "store": "refuse"} | table
    return effective_settings(None, origin="origin", key_file=Path("key"), projects={"lung": lung})


def test_projects_are_printed() -> None:
    """Each with its address, and whether it has a filter, but not which."""
    text = serve.described(projects(filter={"studies": ["1.2.3.4"]}), "http://host")

    assert re.findall("serves (.*)", text) == ["http://host/dicom-web", "http://host/projects/lung/dicom-web"]
    assert re.findall("studies +(.*)", text) == ["all studies", "those that the filter selects"]
    assert "1.2.3.4" not in text


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"key_file": "key"}, "projects.lung: key_file: it holds the key of the default project"),
        ({"key_file": "nothing"}, "projects.lung: key_file: it cannot be read"),
        ({"profile": "basc"}, 'projects.lung: profile: "profile" must be one of'),
        ({"origin": "nowhere"}, "projects.lung: origin: there is no such folder"),
        ({"filter": {"studies_file": "nothing"}}, "projects.lung: filter.studies_file: it cannot be read"),
        ({"filter": {"studies": []}, "store": "deidentify"}, "projects.lung: filter: it needs store"),
    ],
)
def test_what_is_wrong_with_a_project_is_found_before_the_start(table: dict[str, object], message: str) -> None:
    """And told with the project's name."""
    with pytest.raises(ConfigurationError, match=message):
        check_server(projects(**table))


def test_the_warnings_of_a_project_name_it() -> None:
    """Those of the default project have no name."""
    settings = projects()
    Path("lung.key").chmod(0o644)

    assert check_server(settings) == ["projects.lung: key_file: others can read the key file; give it mode 0600"]


def test_projects_survive_the_way_to_a_worker() -> None:
    """As the other settings do."""
    settings = projects(filter={"query": {"PatientID": "PATIENT-1"}})

    assert projects_of(pickle.loads(pickle.dumps(settings))) == projects_of(settings)


def test_workers_get_the_settings_that_were_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """They survive the way to another process, and are not read from the environment again."""
    settings = effective_settings(None, origin="origin", key_file=Path("key"), port=1234)
    monkeypatch.setenv("DICOMVEIL_PORT", "4321")

    assert pickle.loads(pickle.dumps(settings)) == settings
    assert pickle.loads(pickle.dumps(serve.server_config(settings))).app.args[0].port == 1234


def test_a_worker_that_cannot_start_says_why_and_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the status that ends the other workers too."""
    monkeypatch.setattr(logs, "configure", lambda **_: None)

    def refuse(_: object) -> None:
        raise ConfigurationError("state: it is gone")

    monkeypatch.setattr(serve, "create_application", refuse)
    settings = effective_settings(None, origin="origin", key_file=Path("key"))

    with pytest.raises(SystemExit) as ended:
        serve.application(settings)

    assert ended.value.code == serve.STARTUP_FAILED
    assert caplog.messages == ["state: it is gone"]


def test_nothing_of_a_request_can_reach_a_log_of_uvicorn() -> None:
    """Paths and queries may hold original identifiers."""
    config = serve.server_config(effective_settings(None, origin="origin", key_file=Path("key")))

    assert (config.access_log, config.log_config, config.ws) == (False, None, "none")
    assert (config.server_header, config.proxy_headers) == (False, False)


def test_an_address_of_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is written out that everybody may come, the address itself is what is wrong."""
    monkeypatch.setenv("DICOMVEIL_ANONYMOUS", "true")

    assert "host: this machine has no such name or address" in refusal("--host", "192.0.2.1")


OIDC = "[access.oidc]\nissuer = 'https://x'\naudience = 'a'\ngroups = {staff = {projects = ['*'], can = ['search']}}"


@pytest.mark.parametrize("text", ["anonymous = true", "[access]", OIDC])
def test_an_open_address_is_allowed(text: str) -> None:
    """With users that are authenticated, or the word that they are not."""
    Path("open.toml").write_text(f"origin = 'origin'\nkey_file = 'key'\nhost = '0.0.0.0'\n{text}")

    check_access(effective_settings(Path("open.toml")))


def test_access_and_anonymous_contradict_each_other() -> None:
    """Nobody can say which of them was meant."""
    Path("both.toml").write_text("anonymous = true\n[access]")

    assert "anonymous: it cannot be combined with [access]" in refusal("--config", "both.toml")


def test_a_project_named_default_with_access() -> None:
    """A grant for `default` would mean two projects."""
    write_key(Path("other"))
    Path("two.toml").write_text("[access]\n[projects.default]\nkey_file = 'other'")

    assert "projects.default: with [access]" in refusal("--config", "two.toml")


@pytest.fixture(params=[1, 2])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in processes of its own, and its base URL."""
    arguments = ["--origin", "origin", "--key-file", "key", "--port", "0", "--workers", str(request.param)]
    with subprocess.Popen(
        [sys.executable, "-m", "dicomveil_proxy", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


def test_it_serves_until_it_is_told_to_stop(server: tuple[subprocess.Popen[str], str]) -> None:
    """Exit status 0, and nothing in the log of what was asked."""
    process, url = server

    answer = httpx.get(f"{url}/studies?PatientName={PASSWORD}", timeout=60)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)

    assert (answer.status_code, answer.json()) == (200, [])
    assert process.returncode == 0
    assert "GET 200" in log
    assert PASSWORD not in log
    assert "Traceback" not in log


def test_nothing_heavy_is_imported_before_the_settings_are_right() -> None:
    """A key file that is missing is said without a web server, a database, a client or pydicom."""
    program = (
        "import sys\n"
        "from dicomveil_proxy.command import main\n"
        "sys.argv = ['dicomveil', 'serve', '--origin', '.', '--key-file', 'nothing']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as ended:\n"
        "    heavy = {'fastapi', 'uvicorn', 'sqlalchemy', 'aiohttp', 'httpx', 'pydicom', 'numpy', 'imagecodecs'}\n"
        "    print(ended.code, sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stdout == "2 []\n", done.stderr
    assert "key_file: it cannot be read" in done.stderr
