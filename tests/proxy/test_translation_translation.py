"""Translation: outward a pure function, inward its inverse, however cold the memory is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dicomveil_engine import InstanceIdentity, JSONDataSet, load_policy
from dicomveil_engine.pseudonyms.sides import OriginalUID, PseudonymousPatientID, PseudonymousUID
from dicomveil_proxy.errors import StateUnavailable, UnknownResource
from dicomveil_proxy.origin import Match
from dicomveil_proxy.request.resource import Resource
from dicomveil_proxy.translation.identity import IdentityMap, Kind
from dicomveil_proxy.translation.resolver import Resolver
from dicomveil_proxy.translation.translation import PAGE, Translation, identity_of, text_of
from proxy.fakes import CT, INSTANCE, KEY, SERIES, STUDY, MemoryOrigin, instance

pytestmark = pytest.mark.anyio

POLICY = load_policy({"profile": "default"}, KEY)
ORIGINAL: Resource[OriginalUID] = Resource(STUDY, SERIES, INSTANCE)
OUTSIDE = Resource(POLICY.pseudonym_uid(STUDY), POLICY.pseudonym_uid(SERIES), POLICY.pseudonym_uid(INSTANCE))


@pytest.fixture
def identities(tmp_path: Path) -> Iterator[IdentityMap]:
    """An empty map."""
    identities = IdentityMap(tmp_path / "identities.sqlite")
    yield identities
    identities.close()


@pytest.fixture
def origin() -> MemoryOrigin:
    """Of one instance."""
    return MemoryOrigin(instance())


@pytest.fixture
async def translation(identities: IdentityMap, origin: MemoryOrigin, anyio_backend: str) -> Translation:
    """Between the two."""
    return Translation(POLICY, origin, identities, Resolver(identities))


async def test_there_and_back(translation: Translation, origin: MemoryOrigin) -> None:
    """A pseudonym that was never seen here is found at the origin, level by level, and then remembered."""
    assert await translation.resource(OUTSIDE) == ORIGINAL
    asked = ["search studies", f"search series {STUDY}", f"search instances {STUDY} {SERIES}"]
    assert origin.asked == asked

    assert await translation.resource(OUTSIDE) == ORIGINAL
    assert origin.asked == asked


def test_outward() -> None:
    """All UIDs but that of the SOP class."""
    translation = Translation(POLICY, MemoryOrigin(), None, None)  # type: ignore[arg-type]
    identity = translation.outward(InstanceIdentity(CT, STUDY, SERIES, INSTANCE))

    assert identity == InstanceIdentity(CT, OUTSIDE.study, str(OUTSIDE.series), str(OUTSIDE.instance))


async def test_what_was_learnt_needs_no_question(translation: Translation, origin: MemoryOrigin) -> None:
    """Whatever passes is remembered."""
    dataset: JSONDataSet = {
        "0020000D": {"vr": "UI", "Value": [STUDY]},
        "00100020": {"vr": "LO", "Value": ["PATIENT-1"]},
        "0020000E": {"vr": "UI"},
    }
    await translation.learn([dataset])

    assert await translation.study(OUTSIDE.study) == STUDY
    assert await translation.patient(POLICY.pseudonym_patient_id("PATIENT-1")) == "PATIENT-1"
    assert origin.asked == []


async def test_what_was_learnt_of_a_series(translation: Translation, origin: MemoryOrigin) -> None:
    """Each instance, though the data sets share the elements of their study, series and patient, and of another one."""

    def element(value: str) -> dict[str, object]:
        return {"vr": "UI", "Value": [value]}

    shared = {"0020000D": element("1.2.3.7"), "0020000E": element("1.2.3.7.1"), "00100020": element("PATIENT-7")}
    datasets = [shared | {"00080018": element(f"1.2.3.7.1.{number}")} for number in range(3)]
    other = {"0020000D": element("1.2.3.8"), "0020000E": element("1.2.3.8.1"), "00080018": element("1.2.3.8.1.1")}
    await translation.learn([*datasets, other, datasets[0]])

    for dataset in (*datasets, other):
        originals = [text_of(dataset, key) for key in ("0020000D", "0020000E", "00080018")]
        study, series, one = (translation.uid(original) for original in originals)
        found = await translation.resource(Resource(study, series, one))
        assert [found.study, found.series, found.instance] == originals
    assert origin.asked == []


@pytest.mark.parametrize("uid", [STUDY, "1.2.3.99", "2.25.1", "..", "", "1" * 65])
async def test_what_is_no_pseudonym_of_ours(translation: Translation, origin: MemoryOrigin, uid: str) -> None:
    """Unknown, and the origin is not asked: no stranger can make it search, and no original is confirmed."""
    asked = PseudonymousUID(uid)
    for ask in (translation.study(asked), translation.series(None, asked), translation.instance(None, None, asked)):
        with pytest.raises(UnknownResource):
            await ask
    assert await translation.study_held_as(PseudonymousUID(uid or "x")) is None
    assert await translation.patient(PseudonymousPatientID(uid)) is None
    assert origin.asked == []


async def test_a_pseudonym_of_nobody(translation: Translation, origin: MemoryOrigin) -> None:
    """The origin is asked once."""
    for _ in range(2):
        with pytest.raises(UnknownResource):
            await translation.study(POLICY.pseudonym_uid("1.2.3.99"))

    assert await translation.patient(POLICY.pseudonym_patient_id("nobody")) is None
    assert origin.asked == ["search studies"] * 2  # one for the study, one for the patient


async def test_an_origin_with_many_pages(translation: Translation, origin: MemoryOrigin) -> None:
    """All of them are looked through."""

    async def search(*_: Any, limit: int, offset: int) -> list[Match]:
        uids = [f"1.2.3.{n}" for n in range(2 * PAGE + 1)]
        return [{"0020000D": {"vr": "UI", "Value": [uid]}} for uid in uids[offset : offset + limit]]

    origin.search = search  # type: ignore[method-assign,assignment]

    assert await translation.study(POLICY.pseudonym_uid(f"1.2.3.{2 * PAGE}")) == f"1.2.3.{2 * PAGE}"


async def test_held_under_its_pseudonym(translation: Translation, origin: MemoryOrigin) -> None:
    """What was stored de-identified is found under the pseudonym itself."""
    origin.held = [instance(OUTSIDE.study, str(OUTSIDE.series), str(OUTSIDE.instance))]

    assert (await translation.resource(OUTSIDE)).path() == OUTSIDE.path()


async def test_a_disk_that_is_full(
    translation: Translation, identities: IdentityMap, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It costs time, and a line in the log."""

    def full(*_: object) -> None:
        raise StateUnavailable("the identity map cannot be used (SQLITE_FULL)")

    monkeypatch.setattr(identities, "record", full)
    await translation.learn([{"0020000D": {"vr": "UI", "Value": [STUDY]}}])

    assert await translation.resource(OUTSIDE) == ORIGINAL
    assert caplog.messages[0].startswith("the identity map cannot be used (SQLITE_FULL); pseudonyms are looked up")


async def test_uids_that_are_kept(identities: IdentityMap, origin: MemoryOrigin) -> None:
    """They are the same on both sides, legal ones at least, and nothing is remembered."""
    rules = [{"tag": tag, "method": "keep"} for tag in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
    policy = load_policy({"profile": "PS3.15", "rules": rules}, KEY)
    translation = Translation(policy, origin, identities, Resolver(identities))
    await translation.learn([{"0020000D": {"vr": "UI", "Value": [STUDY]}}])

    outside = Resource(PseudonymousUID(STUDY), PseudonymousUID(SERIES), PseudonymousUID(INSTANCE))
    assert await translation.resource(outside) == ORIGINAL
    assert str(translation.uid(STUDY)) == STUDY
    assert identities.original(Kind.STUDY, STUDY) is None
    with pytest.raises(UnknownResource):
        await translation.study(PseudonymousUID("../1.2"))


@pytest.mark.parametrize(
    ("element", "text"),
    [
        ({"vr": "UI", "Value": ["1.2.3\0"]}, "1.2.3"),
        ({"vr": "UI"}, ""),
        ({"vr": "UI", "Value": []}, ""),
        ({"vr": "UI", "Value": ["1.2", "1.3"]}, ""),
        ({"vr": "UI", "Value": [7]}, ""),
        ({"vr": "UI", "Value": "1.2.3"}, ""),
        ("1.2.3", ""),
    ],
)
def test_only_value(element: object, text: str) -> None:
    """An identifier that is not there, or twice, is none."""
    assert text_of({"0020000D": element}, "0020000D") == text
    assert identity_of({"0020000D": element}) == InstanceIdentity(study_instance_uid=text)


async def test_a_study_that_the_origin_holds_otherwise_now(
    translation: Translation, identities: IdentityMap, origin: MemoryOrigin
) -> None:
    """What the map says of it, and of what is in it, is forgotten; the next question finds it anew."""
    await translation.resource(OUTSIDE)
    origin.held = [instance(OUTSIDE.study, str(OUTSIDE.series), str(OUTSIDE.instance))]

    assert await translation.forget_outdated(OUTSIDE.study, OUTSIDE.series, OUTSIDE.instance)
    assert identities.original(Kind.INSTANCE, str(OUTSIDE.instance)) is None
    assert (await translation.resource(OUTSIDE)).path() == OUTSIDE.path()


async def test_what_is_right_is_not_mended(translation: Translation, origin: MemoryOrigin) -> None:
    """The origin is asked by name, and not for lists; what is not a pseudonym, or not in the map, is not asked for."""
    await translation.resource(OUTSIDE)
    origin.asked.clear()

    assert not await translation.forget_outdated(OUTSIDE.study, OUTSIDE.series, OUTSIDE.instance)
    assert origin.asked == [
        f"search studies StudyInstanceUID={STUDY}",
        f"search series {STUDY} SeriesInstanceUID={SERIES}",
        f"search instances {STUDY} {SERIES} SOPInstanceUID={INSTANCE}",
    ]
    for stranger in (STUDY, "..", POLICY.pseudonym_uid("1.2.3.99"), None):
        assert not await translation.forget_outdated(None if stranger is None else PseudonymousUID(stranger))
    assert len(origin.asked) == 3


async def test_an_origin_that_filters_nothing_proves_nothing(translation: Translation, origin: MemoryOrigin) -> None:
    """A whole page of others may have left out ours."""
    await translation.resource(OUTSIDE)

    async def search(*_: Any, limit: int, offset: int) -> list[Match]:
        return [{"0020000D": {"vr": "UI", "Value": [f"1.2.3.{n}"]}} for n in range(limit)]

    origin.search = search  # type: ignore[method-assign,assignment]

    assert not await translation.forget_outdated(OUTSIDE.study)


async def test_nothing_is_searched_below_an_unknown_study(translation: Translation, origin: MemoryOrigin) -> None:
    """Although its series is in the map: untrusted input causes no requests to the origin server."""
    await translation.resource(OUTSIDE)
    origin.asked.clear()

    for study in (PseudonymousUID(STUDY), POLICY.pseudonym_uid("1.2.3.99"), None):
        assert not await translation.forget_outdated(study, OUTSIDE.series, OUTSIDE.instance)
    assert origin.asked == []
