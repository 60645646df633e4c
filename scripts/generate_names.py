"""Write the word lists by which names that stand in no attribute are found in free text.

    uv run --group words python scripts/generate_names.py

The sources and their licences are in the README beside the result. Words are folded (`text.spelling.fold`) and sorted,
so that the files are small and the same for everybody.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.resources import files
from pathlib import Path

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.text.spelling import fold

TARGET = Path(__file__).parents[1] / "engine" / "dicomveil_engine" / "text" / "gazetteer"

FREQUENT_SURNAMES = 3_000
KNOWN_SURNAMES = 30_000
"""Ranks of the US census of 1990; what is rarer counts only beside a given name or a cue."""
FREQUENT_GIVEN_NAMES = 1_500
SHORTEST = 3
RARE_ENGLISH = 5_000
FREQUENT_ENGLISH = 12_000
"""Ranks in running text."""

_PARTS_OF_KEYWORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_ENDINGS = ("s", "es", "ed", "d", "ing", "er", "ers", "ly", "al", "ally", "ness", "able", "ization", "ized", "izing")


def english_words() -> dict[str, int]:
    """Words that a dictionary gives in lower case, and what is made of them → their rank in running text."""
    every = import_module("english_words").get_english_words_set(["web2"])
    dictionary = {word for word in every if word.islower() and word.isascii()}
    text = files("symspellpy").joinpath("frequency_dictionary_en_82_765.txt").read_text(encoding="utf-8-sig")
    ranked = [line.split()[0] for line in text.splitlines() if line.strip()]
    return {word: rank for rank, word in enumerate(ranked) if word.isalpha() and _is_word(word, dictionary)}


def _is_word(word: str, dictionary: set[str]) -> bool:
    if word in dictionary:
        return True
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        doubled = len(stem) > 2 and stem[-1] == stem[-2] and stem[:-1] in dictionary
        if stem != word and len(stem) > 2 and (stem in dictionary or stem + "e" in dictionary or doubled):
            return True
    return word.endswith("ies") and word[:-3] + "y" in dictionary


def census(name: str) -> list[str]:
    """The names of a file of the US census, the most frequent first."""
    text = files("names").joinpath(name).read_text(encoding="ascii")
    return [line.split()[0].lower() for line in text.splitlines() if line.strip()]


def mimesis(part: str, key: str) -> Iterator[tuple[str, str]]:
    """Locale and entry, of all locales of mimesis."""
    for path in sorted(Path(str(files("mimesis").joinpath("datasets"))).glob(f"*/{part}.json")):
        found = json.loads(path.read_text(encoding="utf-8")).get(key, [])
        lists = found.values() if isinstance(found, dict) else [found]
        for entries in lists:
            for entry in entries:
                if isinstance(entry, str):
                    yield path.parent.name, entry


def nicknames() -> dict[str, set[str]]:
    """Given names → their nicknames."""
    found = defaultdict(set)
    with Path(str(files("nicknames").joinpath("names.csv"))).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["relationship"] == "has_nickname" and min(len(row["name1"]), len(row["name2"])) > 2:
                found[row["name1"]].add(row["name2"])
    return found


def technique_words(english: set[str], names: set[str]) -> set[str]:
    """Words of PS3.16's concepts and PS3.6's keywords, but for those that are there because of a person.

    A word is somebody's where the concepts never write it in lower case, no dictionary has it, and it is a name.
    """
    from pydicom.sr._concepts_dict import concepts  # noqa: PLC0415 - it takes most of a second

    meanings = [meaning for scheme in concepts.values() for codes in scheme.values() for meaning, *_ in codes.values()]
    written = {word for meaning in meanings for word in re.findall(r"[A-Za-z]{2,}", meaning)}
    keywords = {word.lower() for one in dictionary.keywords() for word in _PARTS_OF_KEYWORD.findall(one)}
    lower = {word for word in written if word.islower()} | keywords
    return {word.lower() for word in written | keywords
            if word.lower() in lower or word.lower() in english or word.lower() not in names}  # fmt: skip


def compress(name: str, lines: Iterable[str]) -> None:
    """Write the lines in order."""
    raw = ("\n".join(sorted(lines)) + "\n").encode()
    # A fifth longer than by xz, and read in a fifth of the time.
    (TARGET / name).write_bytes(gzip.compress(raw, 9, mtime=0))
    print(f"{name}: {len(raw)} bytes, {(TARGET / name).stat().st_size} compressed")


def main() -> None:
    """Write all lists."""
    english = english_words()
    last, first = census("dist.all.last"), census("dist.female.first") + census("dist.male.first")
    given, surnames = set(first), set(last[:KNOWN_SURNAMES])
    east_asian: dict[str, set[str]] = defaultdict(set)
    for key, words in (("names", given), ("surnames", surnames)):
        for locale, entry in mimesis("person", key):
            language = locale.partition("-")[0]
            for word in entry.split():
                if _EAST_ASIAN.search(word):
                    east_asian[f"{key}-{language}"].add(word)
                elif len(fold(word)) >= SHORTEST:
                    words.add(fold(word).strip("'-"))
    short = nicknames()
    given |= {name for names in short.values() for name in names} | set(short)
    frequent = set(last[:FREQUENT_SURNAMES]) | {
        name for file in ("dist.female.first", "dist.male.first") for name in census(file)[:FREQUENT_GIVEN_NAMES]
    }
    # Who is called so often is not taken for a word that is seldom written: Travis, Jenkins.
    english = {word: rank for word, rank in english.items() if word not in frequent or rank < RARE_ENGLISH}
    technique = technique_words(set(english), given | surnames)
    cities = {fold(city) for _, city in mimesis("address", "city") if len(city) > SHORTEST}
    flags = {
        "g": given, "s": surnames, "r": set(last[KNOWN_SURNAMES:]) - surnames, "f": frequent, "t": technique,
        "e": set(english), "E": {word for word, rank in english.items() if rank < FREQUENT_ENGLISH},
        "c": cities - set(english),
    }  # fmt: skip
    kinds: dict[str, str] = defaultdict(str)
    for flag, words in flags.items():
        for word in words:
            if len(word) >= SHORTEST or not word.isascii():
                kinds[word] += flag
    compress("words.txt.gz", (f"{word}\t{kind}" for word, kind in kinds.items()))
    compress("east_asian.txt.gz", (f"{title}\t{' '.join(sorted(words))}" for title, words in east_asian.items()))
    compress("nicknames.txt.gz", (f"{name}\t{' '.join(sorted(names))}" for name, names in short.items()))


if __name__ == "__main__":
    main()
