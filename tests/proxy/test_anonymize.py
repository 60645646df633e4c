"""`dicomveil anonymize`: what can be typed, what it says, and with which status it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bench.instances import ct
from dicomveil_engine import EngineError, deidentify_instance, load_policy
from dicomveil_proxy.command import commands

CT = ct(rows=8, columns=8)
KEY = "key"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "anonymize.md"


@pytest.fixture(autouse=True)
def in_a_folder_with_instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, two instances, a broken one and a note."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DICOMVEIL_KEY_FILE", raising=False)
    for path, data in (("Doe/1.dcm", CT), ("2", CT), ("Doe/broken", CT[:1_001]), ("notes.txt", b"Doe^Jane")):
        (Path("in") / path).parent.mkdir(parents=True, exist_ok=True)
        (Path("in") / path).write_bytes(data)
    Path(KEY).write_text(bytes(range(32)).hex())
    Path(KEY).chmod(0o600)


def run(*arguments: str, key: str | None = KEY) -> tuple[int, str, str]:
    """Exit status, stdout and stderr."""
    keys = ["--key-file", key] if key else []
    result = CliRunner().invoke(commands, ["anonymize", *arguments, *keys])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def test_a_file_is_de_identified() -> None:
    """As the engine does it."""
    assert run("-i", "in/2", "-o", "out.dcm") == (0, "1 de-identified\n", "")
    assert Path("out.dcm").read_bytes() == deidentify_instance(
        CT, load_policy({"profile": "default"}, bytes(range(32)))
    )


def test_a_folder_is_de_identified_and_its_failures_listed() -> None:
    """The rest is done all the same, and the status says that something is missing."""
    with pytest.raises(EngineError) as broken:
        deidentify_instance(CT[:1_001], load_policy({"profile": "default"}, bytes(range(32))))
    reason = str(broken.value)

    assert run("-I", "in", "-O", "out", "--names", "keep") == (
        1,
        "2 de-identified, 1 failed, 1 skipped\n",
        (f"skipped: notes.txt: it is not a DICOM instance\nfailed: Doe/broken: {reason}\n"),
    )


def test_names_are_replaced_unless_asked_for() -> None:
    """Where they are kept and look like people's, that is said."""
    for folder, name in (("in/Doe_Jane", "ct"), ("in/CT Abdomen", "IM000001")):
        Path(folder).mkdir()
        Path(folder, name).write_bytes(CT)

    _, _, told = run("-I", "in", "-O", "out")
    _, _, kept = run("-I", "in", "-O", "kept", "--names", "keep")

    assert "look like people's" not in told
    assert "warning: the paths of 1 files look like people's names" in kept
    assert not [path for path in Path("out").rglob("*") if "Doe" in str(path)]
    assert Path("kept/Doe_Jane/ct").exists()


def test_a_dry_run_writes_nothing() -> None:
    """It says what would become of each file, and of failures by its status."""
    status, told, _ = run("-I", "in", "-O", "out", "--dry-run")

    assert (status, Path("out").exists()) == (1, False)
    assert told == "2 de-identified, 1 failed, 1 skipped\nthis was a dry run: nothing was written\n"
    assert run("-i", "in/2", "-o", "out", "--dry-run")[0] == 2


def test_progress_as_json_is_lines_of_json() -> None:
    """One for each file that failed, and the sum at the end."""
    _, _, told = run("-I", "in", "-O", "out", "--progress", "json")

    events = [json.loads(line) for line in told.splitlines()]
    assert [event["event"] for event in events][-1] == "end"
    assert (events[-1]["written"], events[-1]["failed"]) == (2, 1)


def test_without_failures_the_status_is_0() -> None:
    """What is not DICOM is not a failure."""
    Path("in/Doe/broken").unlink()

    status, told, _ = run("-I", "in", "-O", "out")

    assert (status, told) == (0, "2 de-identified, 1 skipped\n")


def test_pseudonymous_names_are_explained() -> None:
    """A failed file is listed under its pseudonym; a note says how to see its path."""
    note = "note: the names above are pseudonyms; --show-paths shows the original paths"

    assert note in run("-I", "in", "-O", "out")[2]
    assert note not in run("-I", "in", "-O", "shown", "--show-paths")[2]
    assert note not in run("-I", "in", "-O", "kept", "--names", "keep")[2]


def test_without_instances_the_status_is_1() -> None:
    """Somebody gave the wrong folder."""
    Path("empty").mkdir()

    assert run("-I", "empty", "-O", "out") == (
        1,
        "0 de-identified\n",
        "dicomveil: no DICOM instance was found in the input\n",
    )


@pytest.mark.parametrize("spelling", ["--inputFolder {} --outputFolder {}", "--input-folder {} --output-folder {}"])
def test_options_are_spelt_as_in_microsofts_tool_and_as_in_ours(spelling: str) -> None:
    """For files alike."""
    Path("in/Doe/broken").unlink()

    assert run(*spelling.format("in", "out").split(), "--jobs", "2")[0] == 0
    files = spelling.replace("Folder", "File").replace("folder", "file")
    assert run(*files.format("in/2", "file").split())[0] == 0


def test_a_configuration_is_read() -> None:
    """Its warnings are told, and its rules hold."""
    Path("rules.json").write_text('{"rules": [{"tag": "PatientName", "method": "keep"}]}')

    status, _, told = run("-i", "in/2", "-o", "out", "-c", "rules.json")

    assert (status, b"Doe^Jane" in Path("out").read_bytes()) == (0, True)
    assert told.startswith('warning: profile: "profile": none is given')
    assert run("-i", "in/2", "-o", "same", "--profile", "rules.json")[0] == 0
    assert Path("same").read_bytes() == Path("out").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "give an input and an output"),
        ("-i in/2", "give an input and an output"),
        ("-i in/2 -O out", "-i and -o mean files"),
        ("-I in -O in/out", "or inside the input folder"),
        ("-I nothing -O out", "the input is not an existing folder"),
        ("-i nothing -o out", "the input is not an existing file"),
        ("-i in/2 -o in/2", "the original is never overwritten"),
        ("-I in -O out --profile basc", '"profile" must be one of'),
        ("-I in -O out --profile basic -c rules.json", "give one of them"),
        ("-I in -O out -c rules.json", "not an existing file"),
        ("-I in -O out --report no/report", "the report cannot be written"),
        ("-I in -O out --report in/2", "over or among the input"),
        ("-i in/2 -o out --report in/2", "over or among the input"),
        ("-i in/2 -o out --report key", "over or among the input"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: str, message: str) -> None:
    """With status 2, in one paragraph, and nothing is written."""
    status, told, refusal = run(*arguments.split())

    assert (status, told, Path("out").exists()) == (2, "", False)
    assert message in refusal


def test_without_a_key_it_says_how_to_make_one() -> None:
    """Nobody is given pseudonyms that cannot be made again."""
    status, _, refusal = run("-i", "in/2", "-o", "out", key=None)

    assert status == 2
    assert "give --key-file FILE" in refusal
    assert "`dicomveil keygen FILE` makes one" in refusal


def test_a_key_that_others_can_read_is_told() -> None:
    """It is used all the same."""
    Path(KEY).chmod(0o644)

    assert run("-i", "in/2", "-o", "out") == (
        0,
        "1 de-identified\n",
        "warning: key_file: others can read the key file; give it mode 0600\n",
    )


def test_a_dicomdir_alone_is_refused() -> None:
    """It is made from its instances."""
    Path("in/2").write_bytes(CT.replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0"))

    status, _, told = run("-i", "in/2", "-o", "out")

    assert (status, Path("out").exists()) == (1, False)
    assert "give its folder with -I" in told


@pytest.mark.parametrize("arguments", [["--names", "pseudonymous"], ["--names", "pseudonymous", "--show-paths"]])
def test_pseudonymous_names_are_told_in_the_place_of_the_originals(arguments: list[str]) -> None:
    """On stderr and in the report, unless asked otherwise."""
    status, _, told = run("-I", "in", "-O", "out", "--report", "report", *arguments)

    says_paths = "--show-paths" in arguments
    assert status == 1
    assert ("Doe/broken" in told, "Doe" in Path("report").read_text()) == (says_paths, says_paths)
    assert not [path for path in Path("out").rglob("*") if "Doe" in str(path)]


def test_a_report_tells_of_each_file() -> None:
    """One line for each."""
    run("-I", "in", "-O", "out", "--report", "report.jsonl", "--names", "keep")

    rows = [json.loads(line) for line in Path("report.jsonl").read_text().splitlines()]
    assert {row["file"]: row["status"] for row in rows} == {
        "2": "written",
        "Doe/1.dcm": "written",
        "Doe/broken": "failed",
        "notes.txt": "skipped",
    }


def test_the_output_does_not_depend_on_the_process() -> None:
    """Nor on the order of Python's sets."""
    outputs = []
    for seed in ("1", "2"):
        arguments = ["anonymize", "-i", "in/2", "-o", f"out{seed}", "--key-file", KEY]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-m", "dicomveil_proxy", *arguments], env=environment, check=True, timeout=60)
        outputs.append(Path(f"out{seed}").read_bytes())

    assert outputs[0] == outputs[1] == deidentify_instance(CT, load_policy({"profile": "default"}, bytes(range(32))))


def test_every_option_is_documented() -> None:
    """In its kebab-case spelling, and in no other that does not exist."""
    parameters = typer.main.get_command(commands).commands["anonymize"].params  # type: ignore[attr-defined]
    spelt = {option for parameter in parameters for option in parameter.opts}

    assert set(re.findall(r"`(--?[A-Za-z][A-Za-z-]*)[` ]", DOCS.read_text())) == spelt


@pytest.mark.parametrize("line", re.findall(r"^\$ dicomveil (anonymize.*)$", DOCS.read_text(), re.MULTILINE))
def test_every_command_of_the_page_works(line: str) -> None:
    """With the files that it names."""
    Path("in").rename("originals")
    Path("originals/Doe/broken").unlink()
    Path("originals/2").rename("scan.dcm")
    Path("rules.json").write_text('{"profile": "basic", "rules": [{"tag": "PatientAge", "method": "keep"}]}')
    Path(KEY).rename("project.key")

    assert run(*line.split()[1:], key=None)[0] == 0


@pytest.mark.parametrize("arguments", [["-i", "in/2", "-o", "out.dcm"], ["-I", "in/Doe", "-O", "out"]])
def test_nothing_heavy_is_imported_for_a_few_instances(arguments: list[str]) -> None:
    """Reading and writing elements needs neither pydicom nor codecs, certificates, a network or an event loop."""
    Path("in/Doe/broken").unlink()
    program = (
        "import sys\n"
        "from dicomveil_proxy.command import main\n"
        f"sys.argv = ['dicomveil', 'anonymize', *{arguments!r}, '--key-file', 'key']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    pass\n"
        "heavy = {'pydicom', 'numpy', 'imagecodecs', 'PIL', 'asyncio', 'cryptography.x509', 'sqlalchemy', 'httpx', "
        "'typer', 'click', 'rich', 'pydantic'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines()[-1] == "heavy: []", done.stderr
    assert Path(arguments[-1]).exists()


def test_a_report_with_original_paths_is_for_its_owner() -> None:
    """Also if there was a file that others could read."""
    Path("report.csv").touch(0o644)

    run("-I", "in", "-O", "out", "--report", "report.csv", "--show-paths")
    run("-I", "in", "-O", "second", "--report", "pseudonyms.csv")

    assert Path("report.csv").stat().st_mode & 0o777 == 0o600
    assert Path("pseudonyms.csv").stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    """The mask of new files, which can be read by setting it only."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
