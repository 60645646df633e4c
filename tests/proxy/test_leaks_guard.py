"""The leak guard: it finds what a method lets through, and is silent where nothing is wrong."""

from __future__ import annotations

import base64
import json
import pickle
import sys
import warnings
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from typer.testing import CliRunner

from dicomveil_engine import (
    EngineError,
    InstanceRewriter,
    JSONDataSet,
    MetadataRewriter,
    Policy,
    deidentify_instance,
    load_policy,
)
from dicomveil_engine.configuration.presets import PRESETS
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.base import Element, Method, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.guarding import Alarming, terms
from dicomveil_proxy.errors import NotReleasable
from dicomveil_proxy.jobs.destinations.opening import To
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.series import SeriesUnit
from dicomveil_proxy.jobs.source import Source
from dicomveil_proxy.jobs.station import ExportJob, SeriesStation
from dicomveil_proxy.jobs.watchers import watcher
from dicomveil_proxy.leaks import guard as guard_module
from dicomveil_proxy.leaks import json_values
from dicomveil_proxy.leaks.guard import Leak, LeakGuard
from dicomveil_proxy.origin.folder.header_json import header_json
from dicomveil_proxy.settings.access import AuditSettings, GuardSettings
from dicomveil_proxy.trust.exports import recorded_export
from dicomveil_proxy.trust.quarantine import Quarantine
from proxy.fakes import INSTANCE, KEY, SERIES, STUDY, MemoryOrigin, instance, proxy

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
TARGETS = {"PN": "(0010,0010)", "LO": "(0010,0020)", "DA": "(0008,0020)", "UI": "(0020,000D)", "SH": "(0008,0050)"}
"""An identifying attribute of each VR."""
SETTINGS = {
    "generalize": {"dates": "year"},
    "substitute": {"replaceWith": "somebody"},
}
IDENTIFIERS: dict[str, Any] = {"StudyDate": "20200315", "StudyDescription": "CT of PATIENT-1"}


def findings_in_json(policy: Policy, original: JSONDataSet) -> list[Leak]:
    """What the guard finds in the output of a data set in DICOM JSON."""
    watch = LeakGuard(policy, KEY).watch()
    watch.inspect_json(original, MetadataRewriter(policy).rewrite(original))
    return watch._findings


def findings(policy: Policy, data: bytes) -> list[Leak]:
    """What the guard finds in the output of an instance."""
    watch = LeakGuard(policy, KEY).watch()
    rewriter = InstanceRewriter(policy, watch.inspect)
    rewriter.feed(data)
    rewriter.close()
    watch.judge()
    return watch._findings


def mutated_rule(name: str) -> dict[str, object]:
    """A rule that applies a method to an identifying attribute whose VR it takes."""
    builder = METHODS[name]
    if name in {"clean", "cleandocument"}:
        return {"tag": "(0008,1030)" if name == "clean" else "(0042,0011)", "method": name}
    for settings in ({}, {"step": 5}, {"period": "year"}, SETTINGS.get(name, {})):
        try:
            method = builder.build(settings, Keys(KEY))
        except EngineError:
            continue
        for vr, tag in TARGETS.items():
            try:
                method.check(vr)
            except EngineError:
                continue
            if method.supports(vr):
                return {"tag": tag, "method": name, "params": settings}
    return {}


WITHOUT_IDENTIFIERS = {"perturb"}
"""Methods that take no VR of an identifying attribute."""


def test_each_method_has_a_target() -> None:
    """So that a new method cannot be passed over below."""
    assert {name for name in METHODS if not mutated_rule(name)} == WITHOUT_IDENTIFIERS


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        (name, effect)
        for name in sorted(set(METHODS) - {"keep"} - WITHOUT_IDENTIFIERS)
        for effect in (Effect.KEEP, Effect.CHANGE)
        # A policy refuses any other method that changes identities.
        if (name, effect) != ("refreshuid", Effect.CHANGE)
    ],
)
def test_a_method_that_keeps_is_found(name: str, effect: Effect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever method lets its value through, the guard finds it in Part 10 and in JSON; of the same method in order,
    nothing. Where a rewriter itself finds that a value must not be kept, nothing leaves."""
    rule = mutated_rule(name)
    data = instance(pixels=None, change=_add_document, **IDENTIFIERS)
    original = header_json(dcmread(BytesIO(data)), lambda _: "bulk")
    configuration = {"profile": "basic", "rules": [rule]}
    policy = load_policy(configuration, KEY)
    decided = policy.decide(int(str(rule["tag"])[1:-1].replace(",", ""), 16), _vr_of(str(rule["tag"])))
    assert not findings(policy, data)
    assert not findings_in_json(policy, original)

    def kept(self: Method, element: Element, context: object) -> Values:
        return element.values

    monkeypatch.setattr(type(decided.method), "effect", lambda self, vr: effect)
    monkeypatch.setattr(type(decided.method), "apply", kept)
    policy = load_policy(configuration, KEY)
    is_kept = _is_kept(deidentify_instance(data, policy))
    assert bool(findings(policy, data)) == is_kept, decided.method
    assert bool(findings_in_json(policy, original)) == is_kept, decided.method
    assert is_kept or (name, effect) == ("cleandocument", Effect.KEEP)


def _is_kept(made: bytes) -> bool:
    """Whether the mutation let something through."""
    return any(each in made for each in (b"PATIENT-1", b"Doe^Jane", b"20200315", STUDY.encode() + b"\0"))


def _add_document(dataset: Dataset) -> None:
    dataset.MIMETypeOfEncapsulatedDocument = "text/XML"
    dataset.add_new(0x00420011, "OB", _DOCUMENT + b" " * (len(_DOCUMENT) % 2))


_DOCUMENT = b"""<ClinicalDocument xmlns="urn:hl7-org:v3"><title>PATIENT-1 was here</title><recordTarget><patientRole>
<id extension="PATIENT-1"/></patientRole></recordTarget></ClinicalDocument>"""


def _vr_of(tag: str) -> str:
    return "OB" if tag == "(0042,0011)" else next((vr for vr, each in TARGETS.items() if each == tag), "LO")


@cache
def _corpus() -> list[tuple[str, bytes, JSONDataSet | None]]:
    """Real instances, and each as an origin server's JSON where pydicom can write that."""
    found: list[tuple[str, bytes, JSONDataSet | None]] = []
    for file in sorted(CORPUS.rglob("*.dcm")):
        data = file.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                header = header_json(dcmread(BytesIO(data), stop_before_pixels=True), lambda _: "bulk")
            except Exception:  # noqa: BLE001 - broken instances are among them
                found.append((file.name, data, None))
                continue
        # What has thousands of elements has them in every preset's output alike.
        is_long = len(json.dumps(header, default=str)) > LONG_DOCUMENT
        found.append((file.name, data, None if is_long else header))
    return found


LONG_DOCUMENT = 300_000
"""Characters."""


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")
def test_no_false_alarm(preset: str) -> None:
    """Over real instances the guard finds nothing, in Part 10 and in JSON alike."""
    policy = load_policy({"profile": preset}, KEY)
    found: list[tuple[str, str, str]] = []
    documents = 0
    for name, data, header in _corpus():
        with suppress(EngineError):
            found += [(name, "Part 10", str(each)) for each in findings(policy, data)]
        if header is not None:
            with suppress(EngineError):
                found += [(name, "JSON", str(each)) for each in findings_in_json(policy, header)]
                documents += 1

    assert found == []
    assert documents > 100


def test_json_is_searched_in_all_its_spellings() -> None:
    """In base64, and where JSON writes a character in another way."""
    policy = load_policy({"profile": "basic"}, KEY)
    original: JSONDataSet = {
        "0020000D": {"vr": "UI", "Value": ["1.2.3.1"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": 'Doe "Jane" ^X'}]},
        "00100020": {"vr": "LO", "Value": ["PATIENT-1"]},
    }
    for leaking in (
        {"00081030": {"vr": "LO", "Value": ['Doe "Jane" ^X']}},
        {"00420011": {"vr": "OB", "InlineBinary": base64.b64encode(b"of PATIENT-1.").decode()}},
        {"00400275": {"vr": "SQ", "Value": [{"00420011": {"vr": "OB", "InlineBinary": "UEFUSUVOVC0x"}}]}},
    ):
        watch = LeakGuard(policy, KEY).watch()
        watch.inspect_json(original, leaking)  # type: ignore[arg-type]
        assert len(watch._findings) == 1, leaking


def test_a_value_in_json_is_found() -> None:
    """A value in JSON is found as in Part 10, at any depth."""
    policy = load_policy({"profile": "basic"}, KEY)
    original: JSONDataSet = {
        "0020000D": {"vr": "UI", "Value": ["1.2.3.1"]},
        "00100020": {"vr": "LO", "Value": ["PATIENT-1"]},
        "00081030": {"vr": "LO", "Value": ["CT"]},
    }
    written = MetadataRewriter(policy).rewrite(original)
    watch = LeakGuard(policy, KEY).watch()
    watch.inspect_json(original, written)
    assert watch._findings == []

    leaking: JSONDataSet = written | {
        "00400275": {"vr": "SQ", "Value": [{"00400007": {"vr": "LO", "Value": ["of PATIENT-1."]}}]}
    }
    watch.inspect_json(original, leaking)

    assert [(each.tag, each.place) for each in watch._findings] == [(0x00100020, 0x00400007)]


_WORDS = ["CT", "of PATIENT-1.", "of PATIENT-2.", "Doe^Jane", "Roe^Richard", "1.2.3.1.1.1", "1.2.3.1.1.2", "thorax"]
_TEXT = st.sampled_from(_WORDS).map(lambda text: {"vr": "LO", "Value": [text]})
_NESTED = st.sampled_from(_WORDS).map(lambda text: {"vr": "SQ", "Value": [{"00400007": {"vr": "PN", "Value": [text]}}]})
_CHANGED = st.dictionaries(
    st.sampled_from(["00080018", "00080020", "00081030", "00100010", "00100020", "00204000", "00400275", "0018A001"]),
    _TEXT | _NESTED | st.none(),
    max_size=2,
)


@given(st.lists(st.tuples(_CHANGED, _CHANGED), min_size=2, max_size=6))
def test_series_are_searched_like_single_data_sets(steps: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Whatever differs from the data set before, in the original or in the output: the findings are the same."""
    policy = load_policy({"profile": "basic"}, KEY)
    guard = LeakGuard(policy, KEY)
    original: dict[str, Any] = {
        "0020000D": {"vr": "UI", "Value": ["1.2.3.1"]},
        "00080018": {"vr": "UI", "Value": ["1.2.3.1.1.1"]},
        "00100020": {"vr": "LO", "Value": ["PATIENT-1"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
        **{f"0018{n:04X}": {"vr": "LO", "Value": ["technique"]} for n in range(0x10, 0x20)},
    }
    written: dict[str, Any] = {f"0018{n:04X}": {"vr": "LO", "Value": ["technique"]} for n in range(0x10, 0x20)}
    watch = guard.watch()
    for change, leak in steps:
        original, written = original | change, written | leak
        original = {key: element for key, element in original.items() if element is not None}
        written = {key: element for key, element in written.items() if element is not None}
        alone = guard.watch()
        alone.inspect_json(original, written)
        before = len(watch._findings)
        watch.inspect_json(original, written)
        assert watch._findings[before:] == alone._findings


_VALUES = ["Doe^Jane", "^^^Doe", "Roe^^^", "PATIENT-1", "PAT\\PATIENT-1", "PA\\TI", " 1.2.3.1", "20200102", "CT"]
_VALUE = st.sampled_from(_VALUES) | st.text("AB^\\ \0", max_size=6)
_ELEMENT = st.one_of(
    st.fixed_dictionaries(
        {"vr": st.sampled_from(["DA", "LO", "PN", "ST", "UI"]), "Value": st.lists(_VALUE, max_size=2)}
    ),
    _VALUE.map(lambda text: {"vr": "PN", "Value": [{"Alphabetic": text}]}),
    _NESTED,
)
_DATASET = st.dictionaries(
    st.sampled_from(["00080018", "00080020", "00081030", "00081048", "00100010", "00100020", "00101040", "0020000D"]),
    _ELEMENT,
    max_size=5,
)


@given(_DATASET, _DATASET)
def test_a_data_set_by_itself_is_searched_like_one_of_a_series(original: JSONDataSet, written: JSONDataSet) -> None:
    """Most data sets are seen to hold no value before it is decided which values count; the findings are the same."""
    guard = LeakGuard(load_policy({"profile": "basic"}, KEY), KEY)
    alone, first = guard.watch(), guard.watch()
    alone.inspect_json(original, written, is_alone=True)
    first.inspect_json(original, written)
    assert alone._findings == first._findings


def test_an_instances_uid_in_a_series() -> None:
    """It is found in an element that is new, and in one that the instances before had, too."""
    policy = load_policy({"profile": "basic"}, KEY)
    study: JSONDataSet = {"00100020": {"vr": "LO", "Value": ["PATIENT-1"]}}
    study |= {f"0018{n:04X}": {"vr": "LO", "Value": ["technique"]} for n in range(0x10, 0x20)}
    first, second = (study | {"00080018": {"vr": "UI", "Value": [f"1.2.3.1.1.{n}"]}} for n in (1, 2))
    naming_second: JSONDataSet = {"00081030": {"vr": "LO", "Value": ["1.2.3.1.1.2"]}}
    for originals, outputs in (
        ((first, second), (naming_second, naming_second)),
        ((second, dict(second)), ({}, naming_second)),
    ):
        watch = LeakGuard(policy, KEY).watch()
        watch.inspect_json(originals[0], outputs[0])
        assert watch._findings == []
        watch.inspect_json(originals[1], outputs[1])
        assert [leak.tag for leak in watch._findings] == [0x00080018]


def test_only_the_differences_of_a_series_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal elements are not written to JSON again."""
    searched: list[int] = []
    whole = json_values.searchable

    def counted(written: JSONDataSet) -> bytes:
        searched.append(len(written))
        return whole(written)

    monkeypatch.setattr(guard_module, "searchable", counted)
    policy = load_policy({"profile": "basic"}, KEY)
    shared: JSONDataSet = {f"0018{n:04X}": {"vr": "LO", "Value": ["technique"]} for n in range(0x10, 0x20)}
    kept = dict(shared)
    shared["00100020"] = {"vr": "LO", "Value": ["PATIENT-1"]}
    watch = LeakGuard(policy, KEY).watch()
    for number in range(3):
        own: JSONDataSet = {"00080018": {"vr": "UI", "Value": [f"1.2.3.1.1.{number}"]}}
        new: JSONDataSet = {"00080018": {"vr": "UI", "Value": [f"2.25.{number}"]}}
        watch.inspect_json(shared | own, kept | new)

    assert searched == [17, 1, 1]


def test_a_part_of_a_longer_word_is_no_finding() -> None:
    """Numbers stand in numbers by chance."""
    policy = load_policy({"profile": "basic"}, KEY)
    original: JSONDataSet = {
        "00100020": {"vr": "LO", "Value": ["12345"]},
        "0020000D": {"vr": "UI", "Value": ["1.2.3.1"]},
    }
    watch = LeakGuard(policy, KEY).watch()
    watch.inspect_json(original, {"00081030": {"vr": "LO", "Value": ["123456"]}})

    assert watch._findings == []


async def _leaking(
    folder: Path, monkeypatch: pytest.MonkeyPatch, path: str, mode: Literal["off", "report", "refuse"]
) -> tuple[int, str, str]:
    """Status and text of an answer when the method for (0010,0020) keeps, and the audit."""
    from dicomveil_engine.methods.substitute import BUILDER

    method = type(BUILDER.build({"replaceWith": "x"}, Keys(KEY)))
    monkeypatch.setattr(method, "effect", lambda self, vr: Effect.KEEP)
    profile = {"profile": "basic", "rules": [{"tag": "(0010,0020)", "method": "substitute"}]}
    audit = folder / "audit.jsonl"
    async with proxy(
        folder,
        MemoryOrigin(instance()),
        profile=profile,
        guard=GuardSettings(mode=mode),
        audit=AuditSettings(file=audit),
    ) as ask:
        response = await ask.get(path.format(*(ask.policy.uids.computed(each) for each in _UIDS)))
        return response.status_code, response.text, audit.read_text()


_UIDS = (STUDY, SERIES, INSTANCE)
PATHS = (
    "/studies?includefield=PatientID",
    "/studies/{0}/metadata",
    "/studies/{0}/series/{1}/instances/{2}",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.anyio
async def test_an_answer_is_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """403 before it begins, and the audit and the quarantine say why without the value."""
    status, text, audit = await _leaking(tmp_path, monkeypatch, path, "refuse")

    assert (status, json.loads(text)["code"]) == (403, "not-releasable")
    assert "PATIENT-1" not in text + audit
    assert '"event":"guard"' in audit
    (entry,) = Quarantine(tmp_path / "state" / "quarantine.sqlite").entries()
    assert (entry.original, entry.place, entry.released) == (0x00100020, 0x00100020, None)
    assert b"PATIENT-1" not in (tmp_path / "state" / "quarantine.sqlite").read_bytes()


@pytest.mark.anyio
async def test_what_is_reported_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written down all the same."""
    status, text, audit = await _leaking(tmp_path, monkeypatch, PATHS[1], "report")

    assert (status, "PATIENT-1" in text, '"outcome":"reported"' in audit) == (200, True, True)


@pytest.mark.anyio
async def test_off_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is looked at."""
    status, _, audit = await _leaking(tmp_path, monkeypatch, PATHS[1], "off")

    assert (status, '"event":"guard"' in audit) == (200, False)


def test_an_entry_that_is_released_passes(tmp_path: Path) -> None:
    """And only that one."""
    quarantine = Quarantine(tmp_path / "q.sqlite")
    finding, other = Leak("a" * 16, 0x00100020, 0x00081030, "rule"), Leak("b" * 16, 0x00100020, 0, "")
    guard = LeakGuard(
        load_policy({"profile": "basic"}, KEY), KEY, alarm=lambda found, mode: quarantine.note(found, "default")
    )
    with pytest.raises(NotReleasable):
        guard.settle([finding])
    assert quarantine.release(finding.digest) == 1
    guard.settle([finding])

    with pytest.raises(NotReleasable, match="bbbb"):
        guard.settle([finding, other])
    assert [(each.digest, each.times) for each in quarantine.entries()] == [("b" * 16, 1), ("a" * 16, 3)]


LEAKY = {"profile": "basic", "rules": [{"tag": "(0010,0020)", "method": "substitute"}]}


def _let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    from dicomveil_engine.methods.substitute import BUILDER

    method = type(BUILDER.build({"replaceWith": "x"}, Keys(KEY)))
    monkeypatch.setattr(method, "effect", lambda self, vr: Effect.KEEP)


@pytest.mark.anyio
async def test_what_is_stored_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance in which an original would be stored de-identified is not stored; the others are."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin, profile=LEAKY, audit=AuditSettings(file=tmp_path / "audit.jsonl")) as ask:
        stored = await ask.store(instance())
        _let_through(monkeypatch)
    async with proxy(tmp_path, leaky := MemoryOrigin(), profile=LEAKY, audit=AuditSettings()) as ask:
        refused = await ask.store(instance())

    assert (stored.status_code, len(origin.held)) == (200, 1)
    assert (refused.status_code, leaky.held) == (409, [])
    assert b"PATIENT-1" not in refused.content


def test_a_job_refuses_and_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`anonymize` writes no file in which an original is found, and says so; it does when that is released."""
    monkeypatch.chdir(tmp_path)
    Path("key").touch(0o600)
    Path("key").write_text(KEY.hex())
    Path("rules.json").write_text(json.dumps(LEAKY))
    Path("in.dcm").write_bytes(instance())
    _let_through(monkeypatch)
    options = ("-i", "in.dcm", "-o", "out.dcm", "-c", "rules.json", "--key-file", "key", "--quarantine", "q.sqlite")

    refused = CliRunner().invoke(commands, ["anonymize", *options])
    assert refused.exit_code == 1
    assert "the leak guard holds it back" in refused.stderr
    assert "PATIENT-1" not in refused.output
    assert not Path("out.dcm").exists()

    listed = CliRunner().invoke(commands, ["quarantine", "list", "--quarantine", "q.sqlite", "--format", "json"])
    (entry,) = json.loads(listed.stdout)
    assert (entry["original"], entry["released"]) == ("(0010,0020) PatientID", None)
    released = CliRunner().invoke(commands, ["quarantine", "release", entry["entry"], "--quarantine", "q.sqlite"])
    assert released.exit_code == 0, released.output
    assert CliRunner().invoke(commands, ["anonymize", *options]).exit_code == 0
    assert b"PATIENT-1" in Path("out.dcm").read_bytes()
    Path("out.dcm").unlink()
    off = CliRunner().invoke(commands, ["anonymize", *options[:-2], "--guard", "off"])
    assert (off.exit_code, Path("out.dcm").exists()) == (0, True)


@pytest.mark.anyio
async def test_an_export_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker places nothing in which an original is found; quarantine and audit of the coordinator say so."""
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "1.dcm").write_bytes(instance())
    (tmp_path / "rules.json").write_text(json.dumps(LEAKY))
    _let_through(monkeypatch)
    job = ExportJob(
        Job(tmp_path / "rules.json", KEY), Source(str(tmp_path / "archive")), To(str(tmp_path / "out")), "dicom"
    )
    station = SeriesStation(job, 1)
    outcome = pickle.loads(pickle.dumps(await station.perform(SeriesUnit(1, STUDY, SERIES))))
    await station.aclose()
    assert (outcome.placed, [count for _, count in outcome.refused]) == ((), [1])

    quarantine, audit = Quarantine(tmp_path / "q.sqlite"), tmp_path / "audit.jsonl"
    with recorded_export(AuditSettings(file=audit), "", "folder") as record:
        alarm = partial(record.alarm, mode="refuse", quarantine=quarantine)
        Alarming(watcher("none", sys.stderr), alarm).advance(outcome, is_last=True)
    (entry,) = quarantine.entries()

    assert (entry.original, entry.project) == (0x00100020, "default")
    assert '"event":"guard"' in audit.read_text()
    assert "PATIENT-1" not in audit.read_text() + outcome.reason

    quarantine.release(entry.digest)
    released = replace(job, job=replace(job.job, guard=terms("refuse", quarantine)))
    station = SeriesStation(released, 1)
    placed = (await station.perform(SeriesUnit(1, STUDY, SERIES))).placed
    await station.aclose()
    assert len(placed) == 1
