"""The engine's public functions, and what holds across instances, passes and processes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

import dicomveil_engine
from dicomveil_engine import (
    EngineError,
    InstanceRewriter,
    deidentify_dataset,
    deidentify_instance,
    deidentify_metadata,
    load_policy,
)
from engine.datasets import EXPLICIT, KEY, Nodes, encoded, instance, preset, read, real_instances, rule, rules

NODES: Nodes = {
    0x00080016: ("UI", "1.2.840.10008.5.1.4.1.1.2"),
    0x00080018: ("UI", "1.2.3.9"),
    0x00080020: ("DA", "20200102"),
    0x00081140: ("SQ", [{0x00081155: ("UI", "1.2.3.10"), 0x00080022: ("DA", "20200103")}]),
    0x00100010: ("PN", "Doe^Jane"),
    0x00100020: ("LO", "PATIENT-1"),
    0x0020000D: ("UI", "1.2.3"),
    0x0020000E: ("UI", "1.2.3.4"),
    0x00280010: ("US", [1]),
}


def plain(**changed: object) -> bytes:
    """The data set above with other values, by tag in hexadecimal after a `t`."""
    nodes = dict(NODES)
    for name, value in changed.items():
        nodes[int(name[1:], 16)] = (nodes[int(name[1:], 16)][0], value)
    return instance(encoded(nodes, EXPLICIT))


def test_names() -> None:
    """What other packages may import, in order."""
    assert dicomveil_engine.__all__ == sorted(dicomveil_engine.__all__)
    assert {"load_policy", "deidentify_instance", "deidentify_metadata", "InstanceRewriter"} <= set(
        dicomveil_engine.__all__
    )
    assert all(hasattr(dicomveil_engine, name) for name in dicomveil_engine.__all__)


def test_instance() -> None:
    """A whole instance in, a whole instance out, which says that it is de-identified."""
    output = read(deidentify_instance(plain(), preset("default")))

    assert output.PatientIdentityRemoved == "YES"
    assert output.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
    assert output.Rows == 1
    assert (
        output.file_meta.MediaStorageSOPInstanceUID
        == output.SOPInstanceUID
        == preset("default").pseudonym_uid("1.2.3.9")
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: deidentify_instance("Doe^Jane", preset("basic")), "data: give the instance's bytes"),  # type: ignore[arg-type]
        (lambda: deidentify_instance(plain(), {"profile": "basic"}), "policy: give what load_policy returns"),  # type: ignore[arg-type]
        (lambda: deidentify_metadata({}, preset("basic")), "instances: give a list"),  # type: ignore[arg-type]
        (lambda: deidentify_dataset(b"Doe^Jane", preset("basic")), "dataset: give a pydicom.Dataset"),
        (lambda: load_policy({"profile": "basic"}, "Doe^Jane's key, as text"), "key: give the project key as bytes"),  # type: ignore[arg-type]
    ],
)
def test_wrong_arguments(call: Callable[[], object], message: str) -> None:
    """Each is refused by name, with what is expected, and without the argument's content."""
    with pytest.raises(TypeError) as caught:
        call()
    assert message in str(caught.value)
    assert "Doe" not in str(caught.value)


def test_policies_say_what_they_are() -> None:
    """In a notebook a policy shows its rules and options, and nothing of its key."""
    policy = load_policy({"profile": "default"}, KEY)

    assert repr(policy).endswith("profile PS3.15, options [retainLongModifiedDates]>")
    assert KEY.hex() not in repr(policy)


def test_metadata() -> None:
    """Addresses of bulk data are written by the caller, or not at all."""
    source: dict[str, dict[str, object]] = {"7FE00010": {"vr": "OW", "BulkDataURI": "http://origin/1.2.3"}}

    [without] = deidentify_metadata([source], preset("basic"))
    [with_uri] = deidentify_metadata([source], preset("basic"), bulk_data_uri=lambda path, _: f"ours/{path}")
    assert without["7FE00010"] == {"vr": "OW"}
    assert with_uri["7FE00010"] == {"vr": "OW", "BulkDataURI": "ours/7fe00010"}
    assert source["7FE00010"]["BulkDataURI"] == "http://origin/1.2.3"


def test_identities() -> None:
    """The rewriter knows which instance it has read and which it writes."""
    rewriter = InstanceRewriter(preset("basic"))
    rewriter.feed(plain())
    rewriter.close()

    assert rewriter.original is not None
    assert rewriter.original.sop_instance_uid == "1.2.3.9"
    assert rewriter.deidentified is not None
    assert rewriter.deidentified.study_instance_uid == preset("basic").pseudonym_uid("1.2.3")
    assert rewriter.transfer_syntax_uid == EXPLICIT
    assert rewriter.close() == []


def test_uids_agree_between_instances() -> None:
    """A reference names the instance that it named before, wherever either stands."""
    first = read(deidentify_instance(plain(), preset("default")))
    second = read(deidentify_instance(plain(t00080018="1.2.3.10"), preset("default")))

    assert first.ReferencedImageSequence[0].ReferencedSOPInstanceUID == second.SOPInstanceUID
    assert first.StudyInstanceUID == second.StudyInstanceUID


def test_patients_agree_between_instances() -> None:
    """One patient has one pseudonym, in whatever study; another has another."""
    outputs = [
        read(deidentify_instance(data, preset("default")))
        for data in (plain(), plain(t0020000D="1.2.4"), plain(t00100020="PATIENT-2"))
    ]
    ids = [str(output.PatientID) for output in outputs]

    assert ids[0] == ids[1] != ids[2]
    assert ids == [str(output.PatientName) for output in outputs]


@pytest.mark.parametrize("scope", ["StudyInstance", "SeriesInstance", "SOPInstance", "Patient"])
def test_dates_of_a_study(scope: str) -> None:
    """A study has one StudyDate at every level, and with the scope of a study all its dates move by one amount."""
    policy = load_policy({"profile": "default", "defaultSettings": {"dateShift": {"dateShiftScope": scope}}}, KEY)
    outputs = [
        read(deidentify_instance(plain(t00080018=f"1.2.3.{n}", t0020000E=f"1.2.3.{n}.1"), policy)) for n in range(4)
    ]

    assert len({str(output.StudyDate) for output in outputs}) == 1
    assert outputs[0].StudyDate != "20200102"
    if scope == "StudyInstance":
        shifted = outputs[0].ReferencedImageSequence[0].AcquisitionDate
        assert day(shifted).toordinal() - day(outputs[0].StudyDate).toordinal() == 1


def day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def test_projects_differ() -> None:
    """Another key gives other pseudonyms; the same key the same ones, in a policy made anew."""
    again = load_policy({"profile": "default"}, KEY)
    other = load_policy({"profile": "default"}, b"o" * 32)

    assert deidentify_instance(plain(), again) == deidentify_instance(plain(), preset("default"))
    assert read(deidentify_instance(plain(), other)).StudyInstanceUID != preset("default").pseudonym_uid("1.2.3")


@pytest.mark.parametrize("name", ["basic", "default"])
def test_twice_is_once(name: str, corpus: Path) -> None:
    """De-identifying what was de-identified gives the same bytes."""
    for file, data in real_instances(corpus):
        try:
            once = deidentify_instance(data, preset(name))
        except EngineError:
            continue
        assert deidentify_instance(once, preset(name)) == once, file


def test_twice_is_once_with_every_method() -> None:
    """Methods that cannot recognise their own output leave the project's own data sets alone."""
    policy = rules(
        rule("DA", "dateShift"),
        rule("PN", "cryptoHash"),
        rule("LO", "encrypt"),
        rule("US", "perturb"),
        rule("UI", "refreshUID"),
    )
    once = deidentify_instance(plain(), policy)

    assert deidentify_instance(once, policy) == once


def test_a_pseudonyms_letters_are_no_words() -> None:
    """What chance puts between a pseudonym's digits is not taken out of texts in a second pass."""
    policy = preset("default")
    patient = next(
        name
        for name in (f"PATIENT-{number}" for number in range(1_000_000))
        if re.search(r"\dPS\d", policy.pseudonym_patient_id(name))
    )

    once = deidentify_instance(plain(t00100020=patient), policy)

    assert "PS3.15" in read(once).DeidentificationMethod
    assert deidentify_instance(once, policy) == once
    metadata = read(once).to_json_dict()
    assert deidentify_metadata([metadata], policy) == [metadata]


def test_another_process_gives_the_same_bytes() -> None:
    """Nothing depends on the process: neither on its hash seed nor on what it did before."""
    program = (
        "import sys, hashlib\n"
        "from dicomveil_engine import *\n"
        f"policy = load_policy({{'profile': 'default'}}, {KEY!r})\n"
        "print(hashlib.sha256(deidentify_instance(sys.stdin.buffer.read(), policy)).hexdigest())\n"
    )
    data = plain()
    for seed in ("0", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=data,
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        expected = hashlib.sha256(deidentify_instance(data, preset("default"))).hexdigest()
        assert done.stdout.decode().strip() == expected


def test_order_of_instances_means_nothing(corpus: Path) -> None:
    """What a policy has seen before does not change what it gives."""
    used, instances = preset("default"), real_instances(corpus, largest=20_000)[::7]
    fresh = load_policy({"profile": "default", "pixels": "keep"}, KEY)
    for _, data in reversed(instances):
        assert outcome(data, fresh) == outcome(data, used)


def outcome(data: bytes, policy: object) -> object:
    try:
        return deidentify_instance(data, policy)  # type: ignore[arg-type]
    except EngineError as error:
        return str(error)


def test_metadata_is_json() -> None:
    """What comes out can be written as JSON again."""
    [output] = deidentify_metadata(
        [{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}}], preset("default")
    )

    assert json.loads(json.dumps(output)) == output
    assert "Doe" not in json.dumps(output)
