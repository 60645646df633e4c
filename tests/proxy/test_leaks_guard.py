"""The leak guard: it finds what a method lets through, and is silent where nothing is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from dicomveil_engine import EngineError, InstanceRewriter, JSONDataSet, MetadataRewriter, Policy, load_policy
from dicomveil_engine.configuration.presets import PRESETS
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.base import Element, Method, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_proxy.errors import NotReleasable
from dicomveil_proxy.leaks.guard import Leak, LeakGuard
from dicomveil_proxy.settings.access import AuditSettings, GuardSettings
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


def findings(policy: Policy, data: bytes) -> list[Leak]:
    """What the guard finds in the output of an instance."""
    watch = LeakGuard(policy, KEY).watch()
    rewriter = InstanceRewriter(policy, watch.inspect)
    rewriter.feed(data)
    rewriter.close()
    return watch._findings


def mutated_rule(name: str) -> dict[str, object]:
    """A rule that applies a method to an identifying attribute whose VR it takes."""
    builder = METHODS[name]
    if name == "clean":
        return {"tag": "(0008,1030)", "method": name}
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


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"keep"}))
def test_a_method_that_keeps_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever method lets its value through, the guard finds it; of the same method in order, nothing."""
    rule = mutated_rule(name)
    if not rule:
        pytest.skip("it takes no identifying attribute's VR")
    data = instance(**IDENTIFIERS)
    configuration = {"profile": "basic", "rules": [rule]}
    policy = load_policy(configuration, KEY)
    decided = policy.decide(int(str(rule["tag"])[1:-1].replace(",", ""), 16), _vr_of(str(rule["tag"])))
    assert not findings(policy, data)

    def kept(self: Method, element: Element, context: object) -> Values:
        return element.values

    monkeypatch.setattr(type(decided.method), "effect", lambda self, vr: Effect.KEEP)
    monkeypatch.setattr(type(decided.method), "apply", kept)
    found = findings(load_policy(configuration, KEY), data)

    assert found, decided.method


def _vr_of(tag: str) -> str:
    return next((vr for vr, each in TARGETS.items() if each == tag), "LO")


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")
def test_no_false_alarm(preset: str) -> None:
    """Over real instances the guard finds nothing, in Part 10 and in JSON alike."""
    policy = load_policy({"profile": preset}, KEY)
    found = []
    for file in sorted(CORPUS.rglob("*.dcm")):
        try:
            found += [(file.name, str(each)) for each in findings(policy, file.read_bytes())]
        except EngineError:
            continue

    assert found == []


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
