"""The linkage file: what is in it, who can open it, and that a changed one is refused."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, cast

import pytest
from pydicom import dcmread
from typer.testing import CliRunner, Result

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.jobs.cms import CMSError, Signer, read_certificates, read_private_key, seal, unseal, verified
from dicomveil_proxy.jobs.linkage import look_up, read_linkage, write_linkage
from dicomveil_proxy.settings.subjects import read_subjects
from proxy.exporting import fill, tree
from proxy.fakes import KEY

if TYPE_CHECKING:
    from dicomveil_proxy.jobs.ledger import Ledger


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two brokers with keys and certificates, as `openssl` makes them."""
    folder = tmp_path_factory.mktemp("brokers")
    for name in ("one", "two", "stranger"):
        options = f"req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem -subj /CN={name} -days 30"
        subprocess.run(["openssl", *options.split()], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brokers: Path) -> Path:
    """An export with a linkage file for two brokers, and a list of subjects for one patient."""
    fill(tmp_path / "in", series=1, instances=1)
    write_key(tmp_path / "key")
    (tmp_path / "subjects.csv").write_text("PatientID,subject\nPATIENT-2,LUNG-001\n")
    monkeypatch.chdir(tmp_path)
    result = export("--linkage", "linkage", "--recipient", f"{brokers}/one.pem", "--recipient", f"{brokers}/two.pem")
    assert result.exit_code == 0, result.output
    return tmp_path


def export(*options: str, key: bool = True) -> Result:
    """Run the command over the folder."""
    keys = ["--key-file", "key", "--subjects", "subjects.csv"] if key else []
    arguments = ["export", "--origin", "in", "--query", "PatientID=PATIENT-*", "--to", "out", "--state", "state", *keys]
    return CliRunner().invoke(commands, [*arguments, "--jobs", "1", "--progress", "none", *options])


@pytest.mark.parametrize("name", ["one", "two"])
def test_each_recipient_opens_it(name: str, exported: Path, brokers: Path) -> None:
    """It says who is behind each pseudonym of the output, by how many days dates moved, and the subject."""
    assert (exported / "linkage").stat().st_mode & 0o777 == 0o600
    opened = read_linkage((exported / "linkage").read_bytes(), read_private_key(brokers / f"{name}.key"))

    assert [row["PatientID"] for row in opened.rows] == ["PATIENT-1", "PATIENT-2", "PATIENT-3"]
    assert [row["subject"] for row in opened.rows] == ["", "LUNG-001", ""]
    for row in opened.rows:
        path = next((exported / "out" / row["StudyInstanceUID pseudonym"]).rglob("*.dcm"))
        output = dcmread(path)
        assert (output.PatientID, output.StudyInstanceUID) == (row["PatientID pseudonym"], path.parts[-3])
        moved = (output["StudyDate"].value, row["date shift"])
        assert str(output.get("AccessionNumber", "")) == row["AccessionNumber pseudonym"]
        assert moved[0] != "20200101"
        assert int(moved[1]) != 0


def test_openssl_opens_it(exported: Path, brokers: Path) -> None:
    """The envelope, and the signature inside; the content is the same text."""
    options = f"cms -decrypt -inform PEM -in linkage -inkey {brokers}/two.key -recip {brokers}/two.pem -out signed"
    subprocess.run(["openssl", *options.split()], check=True, capture_output=True)
    options = "cms -verify -inform DER -in signed -noverify -binary -out content"
    subprocess.run(["openssl", *options.split()], check=True, capture_output=True)

    opened = read_linkage(Path("linkage").read_bytes(), read_private_key(brokers / "one.key"))
    assert Path("content").read_text() == opened.text
    assert "PATIENT-1" in opened.text


def test_what_openssl_encrypts_is_opened(brokers: Path, tmp_path: Path) -> None:
    """The other way round."""
    (tmp_path / "content").write_bytes(b"content")
    options = f"cms -encrypt -binary -aes-256-cbc -in content -outform DER -out sealed {brokers}/one.pem"
    subprocess.run(["openssl", *options.split()], cwd=tmp_path, check=True, capture_output=True)

    assert unseal((tmp_path / "sealed").read_bytes(), read_private_key(brokers / "one.key")) == b"content"


def test_a_stranger_cannot_open_it(exported: Path, brokers: Path) -> None:
    """And its bytes hold nothing readable."""
    data = (exported / "linkage").read_bytes()

    assert b"PATIENT" not in data
    with pytest.raises(CMSError, match="not an envelope for this key"):
        read_linkage(data, read_private_key(brokers / "stranger.key"))


def test_a_flipped_bit_is_refused(exported: Path, brokers: Path) -> None:
    """Wherever it is."""
    data = (exported / "linkage").read_bytes()
    key = read_private_key(brokers / "one.key")
    source = Random(1)
    for at in [0, 30, len(data) - 1, *(source.randrange(len(data)) for _ in range(60))]:
        changed = bytearray(data)
        changed[at] ^= 1 << source.randrange(8)
        with pytest.raises(CMSError):
            read_linkage(bytes(changed), key)


def test_a_changed_envelope_is_refused_by_its_signature(brokers: Path) -> None:
    """AES-CBC alone would not notice."""
    key = read_private_key(brokers / "one.key")
    sealed = seal(Signer(KEY).sign(b"content " * 500), read_certificates([brokers / "one.pem"]))
    noticed = 0
    for at in range(len(sealed) - 3_500, len(sealed) - 1_000, 25):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(CMSError):
            verified(unseal(bytes(changed), key))
        noticed += 1
    assert verified(unseal(sealed, key))[0] == b"content " * 500
    assert noticed == 100


class _Studies:
    """A ledger of studies whose identifiers hold anything."""

    def __init__(self, *patients: str) -> None:
        self._patients = patients

    def stream(self, _: str) -> Iterator[tuple[str, str, str]]:
        return ((f"1.2.3.{number}", patient, "") for number, patient in enumerate(self._patients))


def test_every_patient_is_found_by_their_id(brokers: Path, tmp_path: Path) -> None:
    """Whatever characters it has, and although spreadsheets must not evaluate it."""
    from dicomveil_proxy.jobs.job import Job

    awkward = ("A\rB", "A\nB", '"', "=1", "'=1", "''=1", "\t=1", "\uff1d1", "-1", "1,2;3", "\udcff", "  A")
    recipients = read_certificates([brokers / "one.pem"])

    write_linkage(tmp_path / "file", cast("Ledger", _Studies(*awkward)), Job("default", KEY).policy(), KEY, recipients)

    opened = read_linkage((tmp_path / "file").read_bytes(), read_private_key(brokers / "one.key"))
    for number, patient in enumerate(awkward):
        assert [row["StudyInstanceUID"] for row in look_up(opened, patient)] == [f"1.2.3.{number}"]


def test_lookup_works_both_ways(exported: Path, brokers: Path) -> None:
    """By original, pseudonym and subject; what is not there gives status 1, another signer status 2."""
    base = ["link", "lookup", "linkage"]
    keys = ["--key", f"{brokers}/one.key"]
    by_original = CliRunner().invoke(commands, [*base, "PATIENT-2", *keys])
    by_subject = CliRunner().invoke(commands, [*base, "LUNG-001", *keys])

    assert (by_original.exit_code, by_original.stdout) == (0, by_subject.stdout)
    assert "PATIENT-2,LUNG-001,1.2.3.2,2.25." in by_original.stdout
    nothing = CliRunner().invoke(commands, [*base, "PATIENT-9", *keys])
    assert (nothing.exit_code, nothing.stderr) == (1, "dicomveil: nothing in the file has this value\n")
    assert CliRunner().invoke(commands, [*base, "LUNG-001", *keys, "--signer", "00"]).exit_code == 2
    whole = CliRunner().invoke(commands, ["link", "open", "linkage", *keys])
    assert whole.stdout.count("\n") == 4
    signer = Signer(bytes.fromhex(Path("key").read_text())).fingerprint
    assert signer in whole.stderr
    assert CliRunner().invoke(commands, ["link", "open", "linkage", *keys, "--signer", signer]).exit_code == 0


def test_the_linkage_is_never_below_the_output(exported: Path, brokers: Path) -> None:
    """Nor without a recipient."""
    refused = export("--linkage", "out/linkage", "--recipient", f"{brokers}/one.pem")

    assert (refused.exit_code, "would be inside the output" in refused.stderr) == (2, True)
    assert export("--linkage", "elsewhere").exit_code == 2
    assert not Path("elsewhere").exists()


def test_subjects_are_in_the_output_and_its_names(exported: Path) -> None:
    """As PatientID and PatientName; another list for a patient who is exported already is refused."""
    found = {str(dcmread(path).PatientID) for path in (exported / "out").rglob("*.dcm")}
    names = {str(dcmread(path).PatientName) for path in (exported / "out").rglob("*.dcm")}

    assert "LUNG-001" in found & names
    assert ",LUNG-001," in (exported / "out" / "manifest.csv").read_text()
    (exported / "subjects.csv").write_text("PatientID,subject\nPATIENT-2,LUNG-002\n")
    refused = export()
    assert (refused.exit_code, "had another subject" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PatientID,subject\nA1,S-1\nA2,s-1\n", "rows 1 and 2 have the same subject"),
        ("PatientID,subject\nA1,S 1\n", "row 1 has a subject that is not made of"),
        ("PatientID,subject\nA1,\n", "row 1 has a subject that is not made of"),
        ("PatientID,subject\nABC1,S-1\nABC2,x-abc1\n", "row 2 has a subject that holds an original"),
        ("PatientID,subject\nA1,S-1\nA1,S-2\n", "row 2 has a PatientID that an earlier row has"),
        ("PatientID,name\nA1,S-1\n", "its first line must be PatientID,subject"),
        ("PatientID,subject\nA1,S-1,x\n", "row 1 does not have two cells"),
    ],
)
def test_a_list_of_subjects_that_gives_something_away_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """Without a value in the message."""
    from dicomveil_proxy.jobs.job import Job

    (tmp_path / "subjects.csv").write_text(text)

    with pytest.raises(ConfigurationError, match=message) as raised:
        Job("default", KEY, subjects=read_subjects(tmp_path / "subjects.csv")).policy()
    assert "A1" not in str(raised.value)


def test_an_original_that_looks_like_a_subject_does_not_pass() -> None:
    """It is another patient's; an output that is de-identified again stays as it is."""
    from dicomveil_engine import deidentify_instance
    from dicomveil_proxy.jobs.job import Job
    from proxy.fakes import instance

    job = Job("basic", KEY, subjects={"PATIENT-2": "LUNG-001"})
    policy = replace(job).policy()
    twice = deidentify_instance(deidentify_instance(instance(PatientID="PATIENT-2"), policy), policy)

    assert str(dcmread(io.BytesIO(twice)).PatientID) == "LUNG-001"
    other = dcmread(io.BytesIO(deidentify_instance(instance(PatientID="LUNG-001"), policy)))
    assert "LUNG-001" not in (str(other.PatientID), str(other.PatientName))


def test_an_unlinkable_export_forgets_its_key(exported: Path) -> None:
    """When all is exported: no key is left, the ledger knows no original, and the output cannot be continued."""
    result = export("--to", "apart", "--unlinkable", key=False)

    assert result.exit_code == 0, result.output
    assert len(list((exported / "apart").rglob("*.dcm"))) == 3
    assert not list((exported / "state").glob("*.key"))
    before = tree(exported / "apart")
    assert not before.keys() & {name for name in tree(exported / "out") if name.endswith(".dcm")}
    refused = export("--to", "apart", "--unlinkable", key=False)
    assert (refused.exit_code, tree(exported / "apart")) == (2, before)


def test_an_unlinkable_job_keeps_its_key_until_it_is_closed(exported: Path) -> None:
    """For its owner alone; a run that is interrupted, or finds nothing to complete, can be resumed with it."""
    broken = (exported / "in" / "2-1-1").read_bytes()
    (exported / "in" / "2-1-1").write_bytes(broken[:-8])
    assert export("--to", "apart", "--unlinkable", key=False).exit_code == 1
    (key,) = (exported / "state").glob("*.key")
    assert key.stat().st_mode & 0o777 == 0o600
    secret, before = key.read_text(), tree(exported / "apart")
    assert export("--to", "apart", "--unlinkable", "--query", "PatientID", key=False).exit_code == 2
    assert (key.read_text(), tree(exported / "apart")) == (secret, before)

    (exported / "in" / "2-1-1").write_bytes(broken)
    result = export("--to", "apart", "--unlinkable", key=False)
    assert (result.exit_code, key.exists()) == (0, False)
    after = tree(exported / "apart")
    assert before.items() - after.items() == {
        (name, before[name]) for name in ("manifest.csv", "series.csv", "SHA256SUMS")
    }


def test_cancelling_an_unlinkable_job_destroys_its_key(exported: Path) -> None:
    """What is placed stays, and the output cannot be continued; the ledger knows nothing of it any more."""
    (exported / "in" / "2-1-1").write_bytes((exported / "in" / "2-1-1").read_bytes()[:-8])
    export("--to", "apart", "--unlinkable", "--state", "own", key=False)
    (key,) = (exported / "own").glob("*.key")
    before = tree(exported / "apart")

    result = CliRunner().invoke(commands, ["export", "cancel", key.stem, "--state", "own"])

    assert (result.exit_code, key.exists()) == (0, False)
    assert "its key is destroyed" in result.stdout
    assert not [path for path in (exported / "own").iterdir() if b"PATIENT-1" in path.read_bytes()]
    refused = export("--to", "apart", "--unlinkable", "--state", "own", key=False)
    assert (refused.exit_code, tree(exported / "apart")) == (2, before)
    assert "is closed, and its key destroyed" in refused.stderr
    status = CliRunner().invoke(commands, ["export", "status", "--state", "own"])
    assert " closed " in status.stdout


def test_an_unlinkable_job_that_is_cancelled_while_it_runs_is_closed(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the run itself, which says that it cannot be resumed."""
    monkeypatch.setattr("dicomveil_proxy.jobs.ledger.Ledger.is_cancelled", True)

    result = export("--to", "apart", "--unlinkable", key=False)

    assert (result.exit_code, list((exported / "state").glob("*.key"))) == (130, [])
    assert "is destroyed" in result.stderr
    assert "resumes" not in result.stderr


@pytest.mark.parametrize("options", [["--query", "PatientID"], ["--origin", "nowhere"], ["--to", "in/below"]])
def test_a_refused_unlinkable_job_leaves_no_key(options: list[str], exported: Path) -> None:
    """Nothing was made with it."""
    result = export("--to", "apart", "--unlinkable", *options, key=False)

    assert (result.exit_code, (exported / "apart").exists()) == (2, False)
    assert not list((exported / "state").glob("*.key"))


def test_a_cancelled_job_with_a_key_of_the_project_is_resumed(exported: Path) -> None:
    """By the same command; nothing of it is destroyed."""
    name = CliRunner().invoke(commands, ["export", "status", "--state", "state"]).stdout.split("\n")[2].split()[0]
    result = CliRunner().invoke(commands, ["export", "cancel", "--state", "state"])

    assert (result.exit_code, result.stdout) == (0, f"{name}: it is not running; the same export command resumes it\n")
    assert export().exit_code == 0


def test_originals_in_the_output_cannot_be_unlinkable(exported: Path, brokers: Path) -> None:
    """By option or by configuration."""
    Path("own.json").write_text(
        f'{{"profile": "default", "encryptOriginals": {{"recipients": ["{brokers}/one.pem"]}}}}'
    )
    for options in (["--encrypt-originals", f"{brokers}/one.pem"], ["--profile", "own.json"]):
        result = export("--to", "apart", "--unlinkable", *options, key=False)
        assert (result.exit_code, (exported / "apart").exists()) == (2, False)
        assert "can be traced back" in result.stderr


def test_a_dry_run_places_nothing(exported: Path) -> None:
    """It counts, and leaves output and state alone."""
    before = tree(exported / "out")
    result = export("--to", "nowhere", "--dry-run")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("studies: 3, series: 3, instances: 3, bytes: ")
    assert "modality CT: 3 instances" in result.stdout
    assert (tree(exported / "out"), (exported / "nowhere").exists()) == (before, False)
