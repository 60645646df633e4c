"""Encrypted originals: where they stand, that they are the same each time, and the way back."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from bench.instances import ct, enhanced_mr, sr
from dicomveil_engine import InvalidDataSetError, Policy, deidentify_instance
from dicomveil_proxy.command import commands
from dicomveil_proxy.jobs.cms import read_certificates, read_private_key, unseal
from dicomveil_proxy.jobs.deidentification import Deidentification
from dicomveil_proxy.jobs.encrypted_originals import EncryptedOriginals, der_of
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.restored_originals import restore
from proxy.fakes import KEY, instance


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
    return Job("default", KEY).policy()


def made(data: bytes, policy: Policy, originals: EncryptedOriginals, size: int = 1 << 30) -> bytes:
    """The output of an instance that comes in pieces of this size."""
    way = Deidentification(policy, originals.begin())
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
    """On every worker; another key, study or recipient has another."""
    certificates = der_of(read_certificates([recipients / "one.pem"]))
    first, again, other = (EncryptedOriginals(key, certificates) for key in (KEY, KEY, bytes(32)))
    sequences = [
        dcmread(io.BytesIO(made(data, policy, maker)))[0x04000500].value[0].EncryptedContent
        for data, maker in (
            (instance(instance="1.2.3.1.1.1"), first),
            (instance(instance="1.2.3.1.1.2"), again),
            (instance(study="1.2.3.9"), again),
            (instance(), other),
        )
    ]

    assert sequences[0] == sequences[1]
    assert len(set(sequences)) == 3


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
