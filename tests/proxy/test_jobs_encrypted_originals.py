"""Encrypted originals: where they stand, that they are the same each time, and the way back."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from pydicom import Dataset, dcmread
from typer.testing import CliRunner

from bench.instances import ct, enhanced_mr, sr
from dicomveil_engine import ConfigurationError, InvalidDataSetError, Policy, deidentify_instance, load_policy
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.profile import recipients_of
from dicomveil_proxy.jobs import Event, deidentify_folder
from dicomveil_proxy.jobs.cms import read_certificates, read_private_key, unseal
from dicomveil_proxy.jobs.deidentification import Deidentification
from dicomveil_proxy.jobs.encrypted_originals import EncryptedOriginals, der_of
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.restored_originals import restore
from dicomveil_proxy.jobs.seeds import study_of
from dicomveil_proxy.jobs.tree import LEDGER
from proxy.exporting import Laboratory, fill
from proxy.fakes import KEY, instance
from proxy.instances import over_attributes


@pytest.fixture(scope="module")
def recipients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates of two recipients, and of somebody else."""
    folder = tmp_path_factory.mktemp("recipients")
    for name in ("one", "two", "other"):
        options = f"req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem -subj /CN={name} -days 30"
        subprocess.run(["openssl", *options.split()], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def originals(recipients: Path) -> EncryptedOriginals:
    """For both."""
    return EncryptedOriginals(KEY, der_of(read_certificates([recipients / "one.pem", recipients / "two.pem"])))


@pytest.fixture(scope="module")
def policy() -> Policy:
    """One for all."""
    return Job(over_attributes("default"), KEY).policy()


def made(
    data: bytes, policy: Policy, originals: EncryptedOriginals, size: int = 1 << 30, seed: bytes = bytes(32)
) -> bytes:
    """The output of an instance that comes in pieces of this size."""
    way = Deidentification(policy, originals.begin(seed))
    out = [b"".join(map(bytes, way.feed(data[at : at + size]))) for at in range(0, len(data), size)]
    return b"".join([*out, *map(bytes, way.close())])


@pytest.mark.parametrize("size", [1 << 30, 1_000])
@pytest.mark.parametrize("kind", [lambda: ct(rows=32, columns=32), lambda: enhanced_mr(frames=2), lambda: sr(groups=2)])
def test_the_output_is_the_same_but_for_the_sequence(
    kind: Any, size: int, policy: Policy, originals: EncryptedOriginals
) -> None:
    """In its place by tag, whatever stands around it, and however the instance came in pieces."""
    data = kind()
    output = dcmread(io.BytesIO(made(data, policy, originals, size)))

    tags = [int(element.tag) for element in output]
    assert tags == sorted(tags)
    assert 0x04000500 in tags
    del output[0x04000500]
    assert output == dcmread(io.BytesIO(deidentify_instance(data, policy)))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
@pytest.mark.parametrize("name", ["one", "two"])
def test_each_recipient_restores_patient_and_study(
    name: str, syntax: str, policy: Policy, originals: EncryptedOriginals, recipients: Path
) -> None:
    """And nobody else; the output shows nothing of them."""
    data = instance(transfer_syntax=syntax)
    output = made(data, policy, originals)

    assert b"Doe" not in output
    assert b"PATIENT-1" not in output
    back, tags = restore(output, read_private_key(recipients / f"{name}.key"))
    dataset = dcmread(io.BytesIO(back))
    assert (dataset.PatientName, dataset.PatientID, dataset.StudyInstanceUID) == ("Doe^Jane", "PATIENT-1", "1.2.3.1")
    assert (dataset.StudyDate, dataset.PatientIdentityRemoved) == ("20200101", "NO")
    assert 0x00100010 in tags
    with pytest.raises(InvalidDataSetError, match="no originals that are encrypted for this key"):
        restore(output, read_private_key(recipients / "other.key"))


def test_one_envelope_serves_a_study_and_is_the_same_each_time(policy: Policy, recipients: Path) -> None:
    """On every worker; another seed, project key, study or recipient has another."""
    one, two = (der_of(read_certificates([recipients / f"{name}.pem"])) for name in ("one", "two"))
    first, again, other, others = (
        EncryptedOriginals(k, r) for k, r in ((KEY, one), (KEY, one), (bytes(32), one), (KEY, two))
    )
    sequences = [
        dcmread(io.BytesIO(made(data, policy, maker, seed=seed)))[0x04000500].value[0].EncryptedContent
        for data, maker, seed in (
            (instance(instance="1.2.3.1.1.1"), first, bytes(32)),
            (instance(instance="1.2.3.1.1.2"), again, bytes(32)),
            (instance(study="1.2.3.9"), again, bytes(32)),
            (instance(), other, bytes(32)),
            (instance(), others, bytes(32)),
            (instance(), first, bytes([1] * 32)),
        )
    ]

    assert sequences[0] == sequences[1]
    assert len(set(sequences)) == 5
    with pytest.raises(InvalidDataSetError, match="without a seed"):
        first.begin(b"")


def test_a_sequence_that_the_policy_keeps_is_not_doubled(recipients: Path) -> None:
    """The instance is refused: one of the two would be lost."""
    rules = {"profile": "default", "pixels": "keep", "rules": [{"tag": "(0400,0500)", "method": "keep"}]}
    keeps = load_policy(rules, KEY)
    originals = EncryptedOriginals(KEY, der_of(read_certificates([recipients / "one.pem"])))
    dataset = dcmread(io.BytesIO(instance()))
    dataset.EncryptedAttributesSequence = [Dataset()]
    dataset.EncryptedAttributesSequence[0].EncryptedContent = b"1234"
    file = io.BytesIO()
    dataset.save_as(file)

    with pytest.raises(InvalidDataSetError, match="the policy keeps"):
        made(file.getvalue(), keeps, originals)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_the_study_of_a_file_is_found(syntax: str, tmp_path: Path) -> None:
    """Behind whatever stands before it; of what is not DICOM, or broken, there is none."""
    file = tmp_path / "file"
    file.write_bytes(instance(transfer_syntax=syntax, ImageComments="x", DerivationDescription="x" * 200_000))
    assert study_of(file) == "1.2.3.1"
    for data in (b"", b"notes", file.read_bytes()[:150_000]):
        file.write_bytes(data)
        assert study_of(file) == ""


@pytest.fixture
def configured(recipients: Path, tmp_path: Path) -> Path:
    """A configuration that names a recipient, beside its file."""
    (tmp_path / "broker.pem").write_bytes((recipients / "one.pem").read_bytes())
    path = tmp_path / "own.json"
    path.write_text('{"profile": "default", "pixels": "keep", "encryptOriginals": {"recipients": ["broker.pem"]}}')
    return path


def envelopes(folder: Path) -> dict[str, set[bytes]]:
    """The envelopes in a folder's instances, by their studies."""
    found: dict[str, set[bytes]] = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.read_bytes()[128:132] == b"DICM":
            dataset = dcmread(path)
            content = dataset.EncryptedAttributesSequence[0].EncryptedContent
            found.setdefault(str(dataset.StudyInstanceUID), set()).add(content)
    return found


def test_an_export_keeps_the_envelopes_of_its_studies(configured: Path, recipients: Path, tmp_path: Path) -> None:
    """One each, by the configuration alone; what is placed again has the same bytes, and another job has others."""
    fill(tmp_path / "in", studies=2, instances=1)
    job = Job(configured, KEY)
    job = replace(job, recipients=recipients_of(job.policy()))
    laboratory = Laboratory(tmp_path, job=job)
    assert laboratory.export().is_whole
    before = laboratory.tree()
    held = envelopes(laboratory.out)
    assert [len(each) for each in held.values()] == [1, 1]

    for name in before:
        if name.endswith(".dcm"):
            (laboratory.out / name).unlink()
    assert laboratory.export().placed == 4
    assert laboratory.tree() == before

    other = Laboratory(tmp_path, "other", job=job)
    other.export()
    assert envelopes(other.out).keys() == held.keys()
    assert not set().union(*envelopes(other.out).values()) & set().union(*held.values())
    (tmp_path / "state").rename(tmp_path / "lost")
    with pytest.raises(ConfigurationError, match="filled under another policy"):
        laboratory.export()


def test_anonymize_keeps_the_envelopes_of_its_studies(configured: Path, recipients: Path, tmp_path: Path) -> None:
    """In the record of its output folder, which opens none of them; another recipient is another policy."""
    fill(tmp_path / "in", studies=2, series=1)
    job = Job(configured, KEY)
    job = replace(job, recipients=recipients_of(job.policy()))
    events: list[Event] = []
    deidentify_folder(job, tmp_path / "in", tmp_path / "out", events.append)
    held = envelopes(tmp_path / "out")
    assert [len(each) for each in held.values()] == [1, 1]

    lost = tmp_path / "out" / events[0].target
    data = lost.read_bytes()
    lost.unlink()
    deidentify_folder(job, tmp_path / "in", tmp_path / "out", events.append, jobs=2)
    assert lost.read_bytes() == data

    other = replace(job, recipients=der_of(read_certificates([recipients / "two.pem"])))
    with pytest.raises(ConfigurationError, match="another policy"):
        deidentify_folder(other, tmp_path / "in", tmp_path / "out", events.append)
    record = (tmp_path / "out" / LEDGER).read_bytes()
    assert b"1.2.3." not in record
    dataset = dcmread(io.BytesIO(data))
    with contextlib.closing(sqlite3.connect(tmp_path / "out" / LEDGER)) as connection:
        seeds = [bytes.fromhex(seed) for (seed,) in connection.execute("SELECT seed FROM envelope")]
    content = dataset.EncryptedAttributesSequence[0].EncryptedContent
    assert len(seeds) == 2
    assert content not in [_sealed(job, seed, bytes(32), content) for seed in seeds]


def _sealed(job: Job, seed: bytes, key: bytes, content: bytes) -> bytes:
    """What somebody makes of a seed who has not the project key."""
    return EncryptedOriginals(key, job.recipients)._seal(seed, content)


@pytest.mark.parametrize(
    "block", ['"broker.pem"', "[]", "{}", '{"recipients": []}', '{"recipients": [1]}', '{"recipient": ["broker.pem"]}']
)
def test_a_block_that_names_no_file_is_refused(block: str, configured: Path) -> None:
    """Nobody finds out later that nothing was encrypted."""
    configured.write_text(f'{{"profile": "default", "pixels": "keep", "encryptOriginals": {block}}}')
    with pytest.raises(ConfigurationError, match="must name files with certificates"):
        Job(configured, KEY).policy()


def test_recipients_that_cannot_be_are_refused(configured: Path, recipients: Path) -> None:
    """A missing file, a private key, an expired certificate; the option is named."""
    key = read_private_key(recipients / "one.key")
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "one")])
    days = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
    built = x509.CertificateBuilder(subject, subject, key.public_key(), 1, *days)
    (recipients / "expired.pem").write_bytes(built.sign(key, SHA256()).public_bytes(Encoding.PEM))
    policy = Job(configured, KEY).policy()
    for name, said in (("none.pem", "cannot be read"), ("one.key", "is a private key"), ("expired.pem", "expired on")):
        with pytest.raises(ConfigurationError, match=f"^--encrypt-originals: .*{said}"):
            recipients_of(policy, [recipients / name])
    (configured.parent / "broker.pem").unlink()
    with pytest.raises(ConfigurationError, match=r"^encryptOriginals: .*cannot be read"):
        recipients_of(policy)


def test_openssl_opens_an_envelope(policy: Policy, originals: EncryptedOriginals, recipients: Path) -> None:
    """As it opens its own."""
    output = dcmread(io.BytesIO(made(instance(), policy, originals)))
    (recipients / "sealed").write_bytes(output[0x04000500].value[0].EncryptedContent)
    options = "cms -decrypt -inform DER -in sealed -inkey two.key -recip two.pem -out content -binary"
    subprocess.run(["openssl", *options.split()], cwd=recipients, check=True, capture_output=True)

    content = (recipients / "content").read_bytes()
    assert b"Doe^Jane" in content
    assert content == unseal((recipients / "sealed").read_bytes(), read_private_key(recipients / "one.key"))


def test_the_commands_encrypt_and_restore(recipients: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`anonymize` and `decrypt`; without the option there is no sequence."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in/1").write_bytes(instance())
    Path("key").write_text(KEY.hex())
    options = [
        "anonymize",
        "-I",
        "in",
        "-O",
        "out",
        "--key-file",
        "key",
        "--encrypt-originals",
        f"{recipients}/one.pem",
    ]
    assert CliRunner().invoke(commands, options).exit_code == 0
    (output,) = (path for path in Path("out").iterdir() if len(path.name) == 8)

    decrypt = ["decrypt", str(output), "-o", "back.dcm", "--key"]
    assert CliRunner().invoke(commands, [*decrypt, f"{recipients}/other.key"]).exit_code == 2
    assert not Path("back.dcm").exists()
    assert CliRunner().invoke(commands, [*decrypt, f"{recipients}/one.key"]).exit_code == 0
    assert dcmread("back.dcm").PatientName == "Doe^Jane"
