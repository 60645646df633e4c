"""A model of search: random archives, random queries, and in a few lines what must be found.

It knows nothing of the proxy: what it holds is de-identified by the engine alone, and compared value by value.
"""

from __future__ import annotations

import fnmatch
import re
from io import BytesIO
from random import Random
from typing import Any
from urllib.parse import urlencode

from pydicom import Dataset, dcmread

from dicomveil_engine import Policy, deidentify_metadata
from dicomveil_engine.attributes.dictionary import tag_of, vr_of
from dicomveil_proxy.origin.folder.header_json import header_json
from dicomveil_proxy.request.query import Level
from proxy.fakes import BASE, Asking, instance

Attributes = dict[str, Any]

PROFILE = {
    "profile": "default",
    "rules": [
        {"tag": "AccessionNumber", "method": "cryptoHash"},
        {"tag": "StudyID", "method": "substitute", "params": {"replaceWith": "STUDY"}},
        {"tag": "StudyDescription", "method": "keep"},
        {"tag": "RequestAttributesSequence", "method": "keep"},
        {"tag": "ScheduledProcedureStepID", "method": "keep"},
        {"tag": "RequestedProcedureID", "method": "cryptoHash"},
    ],
}
"""Every way in which a key can lie: kept, moved, pseudonymous, hashed, substituted, emptied, removed, nested."""

_STEP = ("RequestAttributesSequence.ScheduledProcedureStepID", "RequestAttributesSequence.RequestedProcedureID")
KEYS: dict[Level, tuple[str, ...]] = {
    Level.STUDIES: (
        *("StudyInstanceUID", "PatientID", "PatientName", "PatientBirthDate", "StudyDate", "StudyTime", "StudyID"),
        *("AccessionNumber", "StudyDescription", "ReferringPhysicianName", "ModalitiesInStudy"),
        *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"),
    )
}
KEYS[Level.SERIES] = (
    *(*KEYS[Level.STUDIES], "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDate", "SeriesDescription"),
    *("NumberOfSeriesRelatedInstances", *_STEP),
)
KEYS[Level.INSTANCES] = (*KEYS[Level.SERIES][:-3], "SOPInstanceUID", "SOPClassUID", "InstanceNumber", *_STEP)
"""At each level its own attributes and those of the levels above."""

_UIDS = ("0020000D", "0020000E", "00080018")
_WORDS = ("Head", "Knee", "head of Jane", "A-1", "b_2", "x.y")


def archive(rng: Random, studies: int) -> list[bytes]:
    """Random instances in so many studies; what belongs to a study or series is the same in all of its instances."""
    made: list[bytes] = []
    for study in range(studies):
        patient = rng.randrange(studies) // 2
        above = {
            "PatientID": rng.choice([f"PATIENT-{patient}", f"patient-{patient}", None]),
            "PatientName": f"Doe^Jane{patient}" if rng.random() < 0.8 else None,
            "PatientBirthDate": "19800101",
            "StudyDate": rng.choice([f"20200{rng.randint(1, 9)}{rng.randint(10, 28)}", "2020.01.01", "", None]),
            "StudyTime": rng.choice([f"{rng.randrange(24):02}{rng.randrange(60):02}", "101112.5", None]),
            "AccessionNumber": rng.choice([f"ACC-{study}", None]),
            "StudyID": rng.choice(["S1", None]),
            "StudyDescription": rng.choice([*_WORDS, None]),
            "ReferringPhysicianName": "Doe^John",
        }
        for series in range(rng.randint(1, 3)):
            of_series = {
                "Modality": rng.choice(["CT", "MR", "US"]),
                "SeriesNumber": rng.choice([series + 1, None]),
                "SeriesDate": rng.choice([f"2020011{rng.randrange(10)}", None]),
                "SeriesDescription": rng.choice([*_WORDS, None]),
            }
            steps = [f"SPS-{rng.randrange(3)}" for _ in range(rng.randrange(3))]
            for number in range(rng.randint(1, 2)):
                uids = (
                    f"1.2.3.{study + 1}",
                    f"1.2.3.{study + 1}.{series + 1}",
                    f"1.2.3.{study + 1}.{series + 1}.{number}",
                )
                attributes = above | of_series | {"InstanceNumber": number}
                made.append(instance(*uids, pixels=None, change=lambda d, s=steps: _request(d, s), **attributes))  # type: ignore[arg-type,misc]
    return made


def _request(dataset: Dataset, steps: list[str]) -> None:
    dataset.RequestAttributesSequence = [Dataset() for _ in steps]
    for item, step in zip(dataset.RequestAttributesSequence, steps, strict=True):
        item.ScheduledProcedureStepID, item.RequestedProcedureID = step, f"RP-{step[-1]}"


def outside(instances: list[bytes], policy: Policy) -> dict[Level, list[Attributes]]:
    """All that is in pseudonymised space, by level, with what is counted."""
    read = sorted((dcmread(BytesIO(each)) for each in instances), key=lambda d: str(d.SOPInstanceUID))
    headers = [header_json(dataset, lambda _: "") for dataset in read]
    everything = list(zip(headers, deidentify_metadata(headers, policy), strict=True))
    found: dict[Level, list[Attributes]] = {}
    for depth, level in enumerate(Level, 1):
        speaking: dict[tuple[str, ...], Attributes] = {}
        for _, x in everything:
            speaking.setdefault(_uids(x)[:depth], x)
        found[level] = [x | _counts(uids, [x for _, x in everything]) for uids, x in speaking.items()]
    return found


def _counts(uids: tuple[str, ...], everything: list[Attributes]) -> Attributes:
    study = [x for x in everything if _uids(x)[:1] == uids[:1]]
    series = [x for x in study if _uids(x)[:2] == uids[:2]]
    modalities = sorted({x["00080060"]["Value"][0] for x in study})
    counts = {"00201206": len({_uids(x)[1] for x in study}), "00201208": len(study), "00201209": len(series)}
    return {"00080061": {"Value": modalities}} | {tag: {"Value": [count]} for tag, count in counts.items()}


def _uids(x: Attributes) -> tuple[str, ...]:
    return tuple(x[tag]["Value"][0] for tag in _UIDS)


def identity(x: Attributes, level: Level) -> tuple[str, ...]:
    """What tells a result from the others."""
    return tuple(x[tag]["Value"][0] for tag in _UIDS[: [*Level].index(level) + 1])


def values(x: Attributes, key: str) -> list[str]:
    """Of an attribute, in all items of the sequences that lead to it."""
    first, _, rest = key.partition(".")
    found = x.get(f"{tag_of(first):08X}", {}).get("Value", [])
    if rest:
        return [value for item in found for value in values(item, rest)]
    return [value["Alphabetic"] if isinstance(value, dict) else str(value) for value in found if value]


def is_match(x: Attributes, query: Attributes) -> bool:
    """The definition (PS3.4 Section C.2.2.2), for the archives and queries that are made here."""
    wanted = {key: value for key, value in query.items() if value.strip("*")}
    dates, times = range_of(wanted.get("StudyDate", "")), range_of(wanted.get("StudyTime", ""))
    if dates and times and [*map(bool, dates)] == [*map(bool, times)]:  # PS3.4 Section C.2.2.2.5.4
        del wanted["StudyDate"], wanted["StudyTime"]
        moments = ["".join(each) for each in zip(values(x, "StudyDate"), values(x, "StudyTime"), strict=False)]
        if not any(
            "." not in each[:8] and within(each, [*map("".join, zip(dates, times, strict=True))]) for each in moments
        ):
            return False
    within_items = {key.partition(".")[2]: wanted.pop(key) for key in [*wanted] if "." in key}
    if within_items and not any(is_match(item, within_items) for item in x["00400275"].get("Value", [])):
        return False  # one item must have them all
    return all(any(is_one(found, value, key) for found in values(x, key)) for key, value in wanted.items())


def is_one(value: str, wanted: str, key: str) -> bool:
    """Whether one value is what a key asks for."""
    vr = vr_of(tag_of(key.rpartition(".")[2]) or 0)
    if vr in ("DA", "TM"):
        return (vr == "TM" or is_day(value)) and within(value, range_of(wanted) or [wanted, wanted])
    if vr == "UI" or (vr == "CS" and re.search(r"[,\\]", wanted)):
        return value in re.split(r"[,\\]", wanted.upper())
    return fnmatch.fnmatchcase(value.upper(), wanted.upper())


def is_day(value: str) -> bool:
    """Whether it is a legal date: dots are none."""
    return len(value) == 8


def range_of(wanted: str) -> list[str]:
    """The ends of a range; none of a single value."""
    return wanted.split("-") if "-" in wanted else []


def within(value: str, ends: list[str]) -> bool:
    """Whether it begins in the period from the first end to the last, empty ones being open."""
    first, last = ends
    return (
        first.ljust(20, "0") <= value.replace(".", "").ljust(20, "0") <= (last.replace(".", "") or "9").ljust(20, "9")
    )


def queries(rng: Random, seen: list[Attributes], level: Level) -> Attributes:
    """A random query with up to three keys, mostly by values that there are."""
    chosen = rng.sample(KEYS[level], rng.choice([0, 1, 1, 1, 2, 2, 3]))
    if rng.random() < 0.1:
        chosen = ["StudyDate", "StudyTime"]
    return {key: wanted(rng, key, sorted({v for x in seen for v in values(x, key)})) for key in chosen}


def wanted(rng: Random, key: str, seen: list[str]) -> str:
    """A random value to ask for, in one of the forms that the key's VR has, mostly by a value that there is."""
    vr = vr_of(tag_of(key.rpartition(".")[2]) or 0)
    value = (
        rng.choice(seen) if seen else {"DA": "20200101", "TM": "10", "UI": "2.25.1", "IS": "7"}.get(vr or "", "none")
    )
    if rng.random() < 0.1:
        return rng.choice(["", "*"])
    if vr in ("DA", "TM"):
        value, other = (
            each if vr == "TM" or is_day(each) else "20200101" for each in (value, rng.choice([*seen, value]))
        )
        first, last = sorted((value, other), key=lambda each: each.ljust(20, "0"))
        return rng.choice([value, f"{first}-{last}", f"{first}-", f"-{last}", f"{last}-{last}"])
    if vr == "UI":
        return rng.choice(
            [value, rng.choice(["\\", ","]).join([value, rng.choice([*seen, value]), "1.2.3.1", "2.25.77"])]
        )
    if vr == "IS":
        return value
    if vr == "CS":
        return rng.choice([value, value.lower(), f"{value},US", f"MR\\{value}", f"{value[0]}*", "??"])
    return rng.choice(
        [
            value,
            value.upper(),
            f"{value[:3]}*",
            f"*{value[-2:].lower()}",
            f"?{value[1:]}",
            f"*{value[1:3]}*",
            f"{value}x",
        ]
    )


def sent(rng: Random, level: Level, query: Attributes) -> list[tuple[str, str]]:
    """The query by keywords or by tags, in any order, with attributes to be included."""
    parameters = [(_named(rng, key), wanted) for key, wanted in query.items()]
    included = rng.sample(KEYS[level], rng.randrange(3))
    if included and rng.random() < 0.5:
        parameters.append(("includefield", ",".join(_named(rng, key) for key in included)))
    else:
        parameters += [("includefield", _named(rng, key)) for key in included]
    rng.shuffle(parameters)
    return parameters


def _named(rng: Random, key: str) -> str:
    return rng.choice([key, ".".join(f"{tag_of(each):08X}" for each in key.split("."))])


async def compare(ask: Asking, rng: Random, instances: list[bytes], count: int) -> int:
    """Ask so many random queries of a proxy before these instances; how many of them found something.

    Each answer is that of the definition, each result once; and, of every fifth, so are its pages in a row.
    """
    expected = outside(instances, ask.policy)
    fruitful = 0
    for number in range(count):
        level = rng.choice([*Level])
        query = queries(rng, expected[level], level)
        parameters = sent(rng, level, query)
        found = await _found(ask, level, parameters)
        assert sorted(found) == sorted(identity(x, level) for x in expected[level] if is_match(x, query)), parameters
        fruitful += bool(found)
        if number % 5 == 0:
            size = rng.randint(1 + len(found) // 6, 4 + len(found) // 3)
            starts = range(0, len(found) + size, size)
            pages = [
                await _found(ask, level, [*parameters, ("limit", str(size)), ("offset", str(start))])
                for start in starts
            ]
            assert [each for page in pages for each in page] == found, parameters
            assert all(len(page) <= size for page in pages)
    return fruitful


async def _found(ask: Asking, level: Level, parameters: list[tuple[str, str]]) -> list[tuple[str, ...]]:
    response = await ask.client.get(f"{BASE}/{level.value}?{urlencode(parameters)}")
    assert response.status_code == 200, (response.text, parameters)
    return [identity(x, level) for x in response.json()]
