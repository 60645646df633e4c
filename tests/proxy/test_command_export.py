"""`dicomveil export` typed wrongly: refusals name the option and the remedy, hold no value, and change nothing."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from pydicom import Dataset
from typer.testing import CliRunner, Result

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.jobs.forecast import _size
from dicomveil_proxy.settings.key_files import read_key
from proxy.exporting import fill, tree
from proxy.fakes import CT, instance


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With originals, two keys and a list of one patient."""
    monkeypatch.chdir(tmp_path)
    for name in ("DICOMVEIL_KEY_FILE", "DICOMVEIL_ORIGIN"):
        monkeypatch.delenv(name, raising=False)
    fill(tmp_path / "in", studies=2, series=1, instances=1)
    write_key(tmp_path / "key")
    write_key(tmp_path / "other")
    Path("list.csv").write_text("PatientID\nPATIENT-1\n")
    Path("short").write_text("short")
    Path("file").write_text("mine")
    Path("state").mkdir()


def dicomveil(*arguments: str) -> Result:
    """Run a command; it never ends with a traceback."""
    result = CliRunner().invoke(commands, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def export(*options: str, to: str = "out", **changes: str) -> Result:
    """An export of the list, with what is changed of it."""
    given = {"origin": "in", "key-file": "key", "state": "state", "list": "list.csv", "jobs": "1", "progress": "none"}
    given |= {"to": to, **{name.replace("_", "-"): value for name, value in changes.items()}}
    arguments = [part for name, value in given.items() if value for part in (f"--{name}", value)]
    return dicomveil("export", *arguments, *options)


def refused(result: Result, said: str) -> bool:
    """Whether it was refused in one sentence that says this."""
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "PATIENT" not in result.stderr
    assert said in result.stderr, result.stderr
    return True


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"origin": "nowhere"}, "origin: it is neither a folder nor"),
        ({"origin": "file"}, "origin: it is neither a folder nor"),
        ({"origin": ""}, "origin: it is not set; give --origin"),
        ({"key_file": "short"}, "key_file: it holds no key of 32 bytes"),
        ({"key_file": "none"}, "key_file: it cannot be read"),
        ({"key_file": ""}, "key_file: it is not set; give --key-file"),
        ({"to": ""}, "to: it is not set; give --to"),
        ({"to": "/proc/nothing/out"}, "to: the folder cannot be created or written"),
        ({"to": "in/out"}, "to: it is inside the folder of the originals"),
        ({"to": "."}, "to: the folder of the originals is inside it"),
        ({"to": "file"}, "to: it is a file; give a folder, or a name that ends in .zip"),
        ({"to": "ftp://host/out"}, "to: give a folder, a file that ends in .zip"),
        ({"state": "file"}, "state: the folder cannot be created or written"),
        ({"state": "out/state"}, "state: it contains originals and would be inside the output"),
        ({"list": "none"}, "list: it cannot be read"),
        ({"query": "PatientID=PATIENT-1"}, "select the studies with --list FILE or --query QUERY"),
        ({"list": ""}, "select the studies with --list FILE or --query QUERY"),
        ({"list": "", "query": "PatientsID=PATIENT-1"}, 'not the keyword of an attribute; did you mean "PatientID"?'),
        ({"list": "", "query": "PatientID"}, "query: write it as a QIDO-RS query"),
        ({"list": "", "query": "PatientID=*"}, "query: PatientID has no value"),
        ({"list": "", "query": "limit=1"}, "query: write attributes and their values only"),
        ({"list": "", "query": "StudyDate=PATIENT-1"}, "query: StudyDate: the value is not legal for VR DA"),
        ({"series": "Modalty=CT"}, 'series: parameter 1 is not the keyword of an attribute; did you mean "Modality"?'),
        ({"report": "none/report.csv"}, "report: its folder does not exist"),
        ({"report": "in"}, "report: it is a folder; give the name of a file"),
        ({"bandwidth": "fast"}, "bandwidth: write bytes per second as 50MB"),
        ({"scheduler": "tcp://example.org:8786"}, "scheduler: write tls://host:port"),
        ({"project": "none"}, "project: the settings have no project of this name"),
        ({"profile": "basc"}, '"profile" must be one of'),
        ({"recipient": "file"}, "linkage: give --linkage FILE and --recipient CERT.pem together"),
        ({"linkage": "linkage.cms"}, "linkage: give --linkage FILE and --recipient CERT.pem together"),
        ({"encrypt_originals": "file"}, "--encrypt-originals: the file is not a certificate in PEM"),
        ({"subjects": "none"}, "subjects: "),
    ],
)  # fmt: skip
def test_what_is_typed_wrongly_is_refused(changes: dict[str, str], said: str) -> None:
    """By the option's name; no output is made, and nothing that was there is changed."""
    before = tree(Path())

    assert refused(export(**changes), said)

    ledger = {name for name in tree(Path()) if name.startswith("state/")}
    assert {name: data for name, data in tree(Path()).items() if name not in ledger} == before
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PatientID,Name\nPATIENT-1,Doe\n", "list: column 2 is not one of"),
        ("PATIENT-1\n", "list: its first line must name one or more of"),
        ("", "list: its first line must name one or more of"),
        ("PatientID,PatientID\nPATIENT-1,PATIENT-1\n", "list: a column's name occurs twice"),
        ('PatientID\n"PATIENT-1\n', "list: it is not CSV; a quotation mark may be missing"),
    ],
)
def test_what_is_no_list_is_refused(text: str, said: str) -> None:
    """Nothing of it is taken for something else."""
    Path("list.csv").write_text(text)

    assert refused(export(), said)


def test_a_list_in_another_encoding_is_refused() -> None:
    """Names would be compared letter for letter with what they are not."""
    Path("list.csv").write_bytes("PatientID\nM\u00fcller\n".encode("latin-1"))

    assert refused(export(), "list: it is not text in UTF-8; save it as CSV (UTF-8)")


def test_a_list_as_spreadsheets_write_it_is_read() -> None:
    """With a mark in front, semicolons, quotation marks, empty lines, and a row that is there twice."""
    text = '\ufeffPatientID;accessionnumber\r\n"PATIENT-1";ACCESSION-1\r\n\r\nPATIENT-2;\r\nPATIENT-2;""\r\nNOBODY;\r\n'
    Path("list.csv").write_bytes(text.encode())

    result = export(report="report.csv")

    assert (result.exit_code, result.stdout) == (1, "studies: 3 exported, 1 not-found; instances placed: 2\n")
    rows = [line.split(",") for line in Path("report.csv").read_text().splitlines()[1:]]
    assert [(row[0], row[2]) for row in rows] == [
        ("1", "exported"), ("3", "exported"), ("4", "exported"), ("5", "not-found"),
    ]  # fmt: skip
    assert rows[1][1] == rows[2][1]
    assert "NOBODY" not in Path("report.csv").read_text()


def test_an_earlier_report_is_a_list() -> None:
    """Its pseudonyms mean their studies; with another ledger they are looked for in the archive."""
    assert export(list="", query="PatientID=PATIENT-*", report="report.csv").exit_code == 0
    lines = Path("report.csv").read_text().splitlines()
    Path("again.csv").write_text("\n".join([lines[0], lines[2]]) + "\n")

    for state, status in (("state", "unchanged"), ("elsewhere", "exported")):
        result = export(list="again.csv", state=state, to="out" if state == "state" else "apart")
        assert (result.exit_code, result.stdout.partition(";")[0]) == (0, f"studies: 1 {status}")


@pytest.mark.parametrize("options", [{"list": "", "query": "PatientID=NOBODY"}, {"list": "empty.csv"}])
def test_nothing_that_is_selected_is_not_success(options: dict[str, str]) -> None:
    """Status 1, and it is said."""
    Path("empty.csv").write_text("PatientID\n")
    result = export(**options)

    assert (result.exit_code, result.stderr) == (1, "dicomveil: nothing was selected\n")


def test_an_archive_that_cannot_be_reached_pauses_the_job() -> None:
    """Its side is named; the same command resumes, and it is not said that nothing was selected."""
    result = export(origin="http://127.0.0.1:1/dicom-web")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("dicomveil: paused: archive: ")
    assert "127.0.0.1" not in result.stderr


def test_a_limit_of_no_studies_is_refused() -> None:
    """By the parser of the command line."""
    result = export(limit_studies="0")

    assert result.exit_code == 2
    assert "'--limit-studies'" in result.stderr


def test_an_output_belongs_to_one_job() -> None:
    """Another key, layout, or a foreign zip file is refused, and the output stays as it is."""
    assert export().exit_code == 0
    with zipfile.ZipFile("foreign.zip", "w") as file:
        file.writestr("mine", b"mine")
    before = tree(Path("out")), Path("foreign.zip").read_bytes()

    assert refused(export(key_file="other"), "to: it was filled under another policy, key")
    assert refused(export(layout="tcia"), "to: it was filled under another policy, key")
    assert refused(export(to="foreign.zip"), "to: it holds files that no export placed there")

    assert (tree(Path("out")), Path("foreign.zip").read_bytes()) == before


def test_a_state_that_is_none_is_refused() -> None:
    """By the export and by the commands that look after jobs."""
    (Path("state") / "ledger.sqlite").write_text("mine")
    said = "state: the ledger cannot be read or written"

    assert refused(export(), said)
    assert refused(dicomveil("export", "status", "--state", "state"), said)
    assert refused(dicomveil("export", "cancel", "--state", "state"), said)
    assert Path("state/ledger.sqlite").read_text() == "mine"
    for command in ("status", "cancel"):
        assert refused(dicomveil("export", command, "--state", "none"), "state: the folder does not exist")


def test_a_state_without_jobs_has_none() -> None:
    """It is a table without rows; there is nothing to cancel."""
    status = dicomveil("export", "status", "--state", "state")
    assert (status.exit_code, status.stdout.count("\n")) == (0, 2)
    assert refused(dicomveil("export", "cancel", "--state", "state"), "there is no job in this --state")
    export()
    assert refused(dicomveil("export", "cancel", "NOJOB", "--state", "state"), "there is no job of this name")
    assert refused(dicomveil("export", "status", "NOJOB", "--state", "state"), "there is no job of this name")


def test_a_private_key_is_no_recipient() -> None:
    """It is said what to give instead, and that the key stays with its owner."""
    options = "req -x509 -newkey rsa:2048 -nodes -keyout broker.key -out broker.pem -subj /CN=broker -days 30"
    subprocess.run(["openssl", *options.split()], check=True, capture_output=True)

    given = {"linkage": "linkage.cms", "recipient": "broker.key"}
    assert refused(export(**given), "recipient: the file is a private key; give the certificate")
    below = {"linkage": "out/linkage.cms", "recipient": "broker.pem"}
    assert refused(export(**below), "linkage: it contains originals and would be inside the output")
    nowhere = {"linkage": "none/linkage.cms", "recipient": "broker.pem"}
    assert refused(export(**nowhere), "linkage: its folder does not exist")


@pytest.mark.parametrize(
    "rows",
    [
        "PATIENT-1,LUNG-1\nPATIENT-1,LUNG-2\n",
        "PATIENT-1,LUNG-1\nPATIENT-2,LUNG-1\n",
        "PATIENT-1,PATIENT-2\nPATIENT-2,LUNG-1\n",
    ],
)
def test_subjects_that_are_not_one_to_one_are_refused(rows: str) -> None:
    """A patient twice, a subject twice, an original as a subject: by the number of the row."""
    Path("subjects.csv").write_text(f"PatientID,subject\n{rows}")

    assert refused(export(subjects="subjects.csv"), "subjects: ")


def test_subjects_as_spreadsheets_write_them_are_read() -> None:
    """With a mark in front and semicolons."""
    Path("subjects.csv").write_bytes("\ufeffPatientID;subject\r\nPATIENT-1;LUNG-001\r\n".encode())

    assert export(subjects="subjects.csv").exit_code == 0
    assert ",LUNG-001," in Path("out/manifest.csv").read_text()


def test_the_page_counts_refusals_by_their_reason() -> None:
    """Over all series; no original is on it."""
    for path in Path("in").iterdir():
        path.write_bytes(path.read_bytes()[:-8])

    result = export(list="", query="PatientID=PATIENT-*", report="report.html")

    page = Path("report.html").read_text()
    assert result.exit_code == 1
    assert re.search(r"<td>the instance is cut off in the middle of [^<]*</td><td>2</td>", page)
    assert "PATIENT" not in page


@pytest.mark.parametrize(
    ("module", "changes", "said"),
    [
        ("pyarrow", {"manifest": "parquet"}, "manifest: "),
        ("obstore", {"to": "s3://bucket/prefix"}, "to: object stores need obstore; install dicomveil-proxy[s3]"),
        ("distributed", {"scheduler": "local"}, "scheduler: Dask is not installed; install dicomveil-proxy[dask]"),
    ],
)
def test_an_extra_that_is_missing_is_named(
    module: str, changes: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it."""
    for name in [each for each in sys.modules if each.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)

    assert refused(export(**changes), said)
    assert not list(Path().rglob("*.dcm"))


def test_progress_is_lines_of_json_on_demand() -> None:
    """Each of them can be read, and holds no original."""
    result = export(progress="json")

    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert result.exit_code == 0
    assert lines
    assert "PATIENT" not in result.stderr
    assert "1.2.3" not in result.stderr


def test_a_changed_a_missing_and_a_foreign_file_are_found() -> None:
    """Each by its name; `verify` needs no key."""
    assert refused(dicomveil("verify", "nowhere"), "to: there is no such folder")
    export(list="", query="PatientID=PATIENT-*")
    assert dicomveil("verify", "out").exit_code == 0
    first, second = sorted(Path("out").rglob("*.dcm"))
    first.write_bytes(first.read_bytes()[:-1] + b"!")
    second.unlink()
    Path("out/extra").write_text("mine")

    result = dicomveil("verify", "out")

    assert result.exit_code == 1
    assert f"{first.relative_to('out')}: its content is not that of its checksum" in result.output
    assert f"{second.relative_to('out')}: it is missing" in result.output
    assert "extra: it is not in the manifest" in result.output


_IMPORTED = """
import sys
from dicomveil_proxy.command import main
try:
    main()
finally:
    print(*(name for name in ("pydicom", "numpy", "rich", "distributed", "aiohttp") if name in sys.modules))
"""


def test_an_export_of_a_folder_imports_what_it_needs() -> None:
    """What is imported for nothing costs more than de-identifying a hundred instances."""
    given = "export --origin in --key-file key --state state --list list.csv --to out --jobs 1"
    done = subprocess.run([sys.executable, "-c", _IMPORTED, *given.split()], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["studies: 1 exported; instances placed: 1", ""]


def test_an_origin_server_is_asked_without_pydicom() -> None:
    """Pictures alone need it, which a job never asks for."""
    code = "import sys, dicomveil_proxy.origin.web.origin; print('pydicom' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False False\n"


def test_a_forecast_has_no_value() -> None:
    """It is printed, and kept in logs: an original's Modality may be a name, and its numbers too long to be read."""
    (Path("in") / "odd").write_bytes(
        instance("1.2.3.9", "1.2.3.9.1", "1.2.3.9.1.1", PatientID="PATIENT-1", Modality="DOE JANE", pixels=None)
    )
    digits = [("00280008", "IS", "9" * 5_000), ("00280010", "US", 4), ("00280011", "US", 4)]
    assert _size({tag: {"vr": vr, "Value": [value]} for tag, vr, value in digits}) < 10_000

    result = export("--dry-run")

    assert result.exit_code == 0, result.stderr
    assert "modality that is not one of the standard's: 1 instances" in result.stdout
    assert "modality CT: " in result.stdout
    assert "DOE" not in result.stdout + result.stderr


def test_of_a_study_and_its_copy_one_is_exported() -> None:
    """Both would be written to the same place, one over the other: the report says so, and which came first counts."""
    policy = load_policy({"profile": "default"}, read_key(Path("key")))
    (Path("in") / "copy").write_bytes(deidentify_instance((Path("in") / "1-1-1").read_bytes(), policy))

    for _ in range(2):  # a second run decides in the same way
        result = export("--query", "ModalitiesInStudy=CT", "--report", "report.csv", list="")

        assert (result.exit_code, "2 exported" in result.stdout or "2 unchanged" in result.stdout) == (1, True)
        rows = list(csv.DictReader(Path("report.csv").read_text().splitlines()))
        assert [row["reason"][:46] for row in rows if row["status"] == "not-found"] == [
            "another selected study has the same pseudonyms"
        ]
        assert dicomveil("verify", "out").exit_code == 0
    assert len(list(Path("out").rglob("*.dcm"))) == 2


@pytest.mark.parametrize("layout", ["dicom", "tcia", "bids"])
def test_no_path_begins_at_the_root_and_no_original_class_is_in_the_manifest(layout: str) -> None:
    """A policy may remove UIDs; and a class that is none may be a name, which the output does not have either."""

    def change(dataset: Dataset) -> None:
        dataset.SOPClassUID = "1.2.DOE.JANE"

    data = instance("1.2.3.9", "1.2.3.9.1", "1.2.3.9.1.1", PatientID="PATIENT-1", change=change)
    (Path("in") / "odd").write_bytes(data)
    rules = [{"tag": "StudyInstanceUID", "method": "remove"}]
    Path("rules.json").write_text(json.dumps({"profile": "none", "rules": rules}))

    for profile in ("default", "rules.json"):
        to = f"{layout}-{profile}"
        result = export("--profile", profile, "--layout", layout, to=to, state=f"state-{to}")

        assert result.exit_code == 0, result.stderr
        assert dicomveil("verify", to).exit_code == 0
        rows = list(csv.DictReader((Path(to) / "manifest.csv").read_text().splitlines()))
        assert sorted(row["SOPClassUID"] for row in rows) == ["", CT]
        assert [row["path"] for row in rows if row["path"].startswith("/") or "//" in row["path"]] == []
        assert all((Path(to) / row["path"]).is_file() for row in rows)
        described = [path for path in Path(to).rglob("*") if path.is_file() and path.suffix != ".dcm"]
        assert not any(b"DOE" in path.read_bytes() for path in described)
