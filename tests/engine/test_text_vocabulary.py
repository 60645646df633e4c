"""The archive's vocabulary: counts of words as keyed digests, and the names that follow from them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from dicomveil_engine import ConfigurationError, deidentify_metadata, load_policy
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.reports.conformance import conformance_statement
from dicomveil_engine.text.vocabulary import Counts, Vocabulary, digests_of, summary_of, words_to_count, written

KEYS = Keys(b"k" * 32)
WORDS = {
    "zwanestein": (3, 9),
    "whipple": (60, 4),
    "kwelmond": (0, 1),
    "perfusion": (900, 0),
    "hodgkin": (4, 2),
    "weeks": (0, 9),
}


def file_of(words: dict[str, tuple[int, int]], keys: Keys = KEYS) -> bytes:
    """A vocabulary with these counts, by text and by name."""
    digests = digests_of(keys)
    records = sorted((digests.of(word.encode()), *counts) for word, counts in words.items())
    return b"".join(written(keys, 1_000, records))


def described(text: str, settings: dict[str, object], tag: str = "00081030", vr: str = "LO") -> tuple[str, list[str]]:
    """The text as it comes out, and (0012,0063)."""
    document = {"profile": "default", "options": ["cleanDescriptors"], "text": settings}
    policy = load_policy(document, KEYS.secret)
    dataset: dict[str, Any] = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}, tag: {"vr": vr, "Value": [text]}}
    [after] = deidentify_metadata([dataset], policy)
    [again] = deidentify_metadata([dict(after)], policy)
    assert again == after, "twice is once"
    element: Any = after[tag]
    method: Any = after["00120063"]
    return str(element.get("Value", [""])[0]), list(method["Value"])


def test_the_rule_of_the_ratio() -> None:
    """A word of some name is a name, unless five times as many patients have it in a text."""
    assert Counts(0, 1).is_name
    assert Counts(4, 1).is_name
    assert not Counts(5, 1).is_name
    assert not Counts(3, 0).is_name


def test_counts_are_found_again() -> None:
    """Each word has its own, and others have none; whatever the number of words."""
    rng = random.Random(1)
    words = {f"w{number}x": (rng.randrange(99), rng.randrange(99)) for number in range(500)}
    vocabulary = Vocabulary(file_of(words), KEYS)

    assert all(vocabulary.counts(word) == counts for word, counts in words.items())
    assert vocabulary.counts("other") == (0, 0)
    assert len(vocabulary) == 500


def test_a_file_of_an_older_key_is_understood() -> None:
    """Where the project still names that key."""
    newer = Keys(b"n" * 32, others=(KEYS.secret,))

    assert Vocabulary(file_of(WORDS), newer).counts(next(iter(WORDS))) == next(iter(WORDS.values()))


def test_no_word_is_in_the_file() -> None:
    """Nor can it be asked without the key."""
    data = file_of(WORDS)

    assert all(word.encode() not in data.lower() for word in WORDS)
    with pytest.raises(ConfigurationError, match="another project key"):
        Vocabulary(data, Keys(b"x" * 32))


def test_summary() -> None:
    """Counts, and no word."""
    summary = summary_of(file_of(WORDS))

    assert summary[1:] == (1_000, 6, 5, 4, 1)


@pytest.mark.parametrize("data", [b"", b"{}\n", b"x" * 5_000, file_of(WORDS)[:-1], b'{"kind": 1}\n'])
def test_what_is_no_vocabulary_is_refused(data: bytes) -> None:
    """A file that is cut off, too."""
    with pytest.raises(ConfigurationError, match="not a text vocabulary"):
        summary_of(data)


def test_another_version_is_refused() -> None:
    """It may count in another way."""
    head, _, records = file_of(WORDS).partition(b"\n")
    data = json.dumps({**json.loads(head), "version": 2}).encode() + b"\n" + records

    with pytest.raises(ConfigurationError, match="another version"):
        Vocabulary(data, KEYS)


def test_names_of_the_archive_are_removed(tmp_path: Path) -> None:
    """Frequent words of texts stay, and eponyms; the digest is in (0012,0063)."""
    path = tmp_path / "v"
    path.write_bytes(file_of(WORDS))
    settings: dict[str, object] = {"vocabulary": str(path)}
    text, method = described("CT zwanestein whipple perfusion", settings)

    assert text == "CT whipple perfusion"
    assert described("weeks later", settings)[0] == "weeks later"
    assert described("CT zwanestein", {})[0] == "CT zwanestein"
    assert described("Hodgkin lymphoma", settings)[0] == "Hodgkin lymphoma"
    assert method[1] == f"dicomveil: text vocabulary {summary_of(path.read_bytes()).digest}"


@pytest.mark.parametrize(
    "text", ["Kwelmond drain in place", "Zwanestein-Kwelmond syndrome", "IBAN checked", "tel given", "Iban. lot 4"]
)
def test_words_that_something_else_is_called_by_stay(tmp_path: Path, text: str) -> None:
    """A device or a disease by the word behind, and the words beside which numbers stand, whoever has such a name."""
    path = tmp_path / "archive.vocabulary"
    path.write_bytes(file_of({**WORDS, "iban": (0, 9), "tel": (0, 9)}))

    assert described(text, {"vocabulary": str(path)}, "00104000", "LT")[0] == text


def test_strict_labels(tmp_path: Path) -> None:
    """In labels, a word that few patients have is removed; in sentences it stays."""
    path = tmp_path / "v"
    path.write_bytes(file_of({"perfusion": (900, 0), "kolibri": (40, 0)}))
    settings: dict[str, object] = {"vocabulary": str(path), "strictPatients": 10}

    assert described("CT perfusion kolibri glomp", settings)[0] == "CT perfusion kolibri"
    assert described("CT perfusion kolibri glomp", settings, "00204000", "LT")[0] == "CT perfusion kolibri glomp"


def test_a_policy_finds_the_file_beside_it(tmp_path: Path) -> None:
    """And the statement names its digest; another file is another policy."""
    (tmp_path / "v").write_bytes(file_of(WORDS))
    policy_file = tmp_path / "policy.json"
    policy_file.write_text(json.dumps({"profile": "research", "text": {"vocabulary": "v"}}))
    policy = load_policy(policy_file, KEYS.secret)

    assert policy.vocabulary == summary_of(file_of(WORDS)).digest
    assert policy.vocabulary in conformance_statement([policy])
    (tmp_path / "v").write_bytes(file_of({"other": (1, 1)}))
    assert load_policy(policy_file, KEYS.secret).vocabulary != policy.vocabulary


@pytest.mark.parametrize("settings", [{"vocabulary": "/nowhere"}, {"vocabulary": 1}, {"strictPatients": 5}])
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    """With the setting's name."""
    with pytest.raises(ConfigurationError, match='"text"'):
        described("CT", settings)


def test_words_that_count() -> None:
    """Three letters and more, folded; two in scripts without capitals."""
    assert words_to_count("Dr Müller-Roe, 12 CT 王秀英 王") == {"muller", "roe", "王秀英"}
