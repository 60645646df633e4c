"""A synthetic archive to count a vocabulary of: names with the frequencies of a census, texts of our own templates.

    python tests/bench/text_archive.py PATIENTS KEY_FILE OUTPUT

Patients and staff are drawn from the package's lists of names (`dicomveil_engine.text.gazetteer`), so that the archive
knows many of the names that an archive knows, and no text of a benchmark.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dicomveil_engine.attributes._standard import DESCRIPTIVE_WORDS
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text import gazetteer
from dicomveil_engine.text.vocabulary import digests_of, words_to_count, written

_STAFF = 400
_TEXTS = (
    "{a} {b} {c}",
    "{a} {b} w/o contrast",
    "{a}, reported to {staff}",
    "{staff} informed, {a} {b}",
    "seen with {relative}; {a} {b} {c}",
)


def _names() -> tuple[list[str], list[str]]:
    """Given names and family names, the frequent ones ten times."""
    given, family = [], []
    for line in gazetteer._words().text.splitlines()[1:]:
        word, _, flags = line.decode().partition("\t")
        if "t" in flags or len(word) < 3:
            continue
        times = 10 if "f" in flags else 1
        if "g" in flags:
            given += [word] * times
        if "s" in flags or "r" in flags:
            family += [word] * times
    return given, family


def patients(count: int, seed: int = 1) -> Iterator[tuple[set[str], set[str]]]:
    """The words of each patient: of texts, and of names."""
    rng = random.Random(seed)
    given, family = _names()
    technique = sorted(DESCRIPTIVE_WORDS)
    weights = [1 / (rank + 5) for rank in range(len(technique))]
    rng.shuffle(technique)
    staff = [(rng.choice(given), rng.choice(family)) for _ in range(_STAFF)]
    for _ in range(count):
        names, texts = [f"{rng.choice(family)}^{rng.choice(given)}"], []
        for _ in range(rng.randrange(1, 6)):
            first, last = rng.choice(staff)
            names.append(f"{last}^{first}")
            a, b, c = rng.choices(technique, weights, k=3)
            text = rng.choice(_TEXTS)
            texts.append(text.format(a=a, b=b, c=c, staff=rng.choice(staff)[1], relative=rng.choice(given)))
        yield (
            set().union(*(words_to_count(text) for text in texts)),
            set().union(*(words_to_count(name) for name in names)),
        )


def vocabulary(keys: Keys, count: int) -> bytes:
    """The vocabulary of an archive with so many patients."""
    by_text: Counter[str] = Counter()
    by_name: Counter[str] = Counter()
    for texts, names in patients(count):
        by_text.update(texts)
        by_name.update(names)
    digests = digests_of(keys)
    records = sorted((digests.of(word.encode()), by_text[word], by_name[word]) for word in by_text.keys() | by_name)
    return b"".join(written(keys, count, records))


if __name__ == "__main__":
    Path(sys.argv[3]).write_bytes(vocabulary(Keys(bytes.fromhex(Path(sys.argv[2]).read_text())), int(sys.argv[1])))
