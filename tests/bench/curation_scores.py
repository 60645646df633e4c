"""What became of a curated archive: each answer of its key is right or wrong, by action and by kind."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from bench.curation_set import Answer, Curated, tokens
from dicomveil_engine.pseudonyms.dates import read_da

Deidentify = Callable[[Dataset], Dataset | None]
"""None: the instance is refused."""


@dataclass
class Outcome:
    """Right and wrong answers."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Action and kind → wrong answers."""
    refused: int = 0

    def add(self, answer: Answer, *, is_right: bool) -> None:
        """Count one answer."""
        (self.right if is_right else self.wrong)[answer.action] += 1
        if not is_right:
            self.failures[answer.action, answer.kind] += 1

    def share(self, action: str) -> float:
        """The share of right answers; 1 where nothing was asked."""
        asked = self.right[action] + self.wrong[action]
        return self.right[action] / asked if asked else 1.0

    @property
    def total(self) -> float:
        """Over all answers."""
        return self.right.total() / max(self.right.total() + self.wrong.total(), 1)

    def table(self, actions: Iterable[str]) -> Iterator[str]:
        """The figures as a table in Markdown, and the failures by kind."""
        yield "| action | answers | right |"
        yield "|---|---|---|"
        for action in actions:
            asked = self.right[action] + self.wrong[action]
            yield f"| {action} | {asked} | {self.share(action):.4f} |"
        yield f"| all | {self.right.total() + self.wrong.total()} | {self.total:.4f} |"
        for (action, kind), count in self.failures.most_common():
            yield f"wrong: {action}, {kind}: {count}"


def scored(archive: Iterable[Curated], deidentify: Deidentify) -> Outcome:
    """De-identify all instances and judge them; consistency is judged over the whole archive."""
    outcome = Outcome()
    uids: dict[str, Counter[str]] = defaultdict(Counter)
    patients: dict[str, Counter[str]] = defaultdict(Counter)
    consistent: list[tuple[Answer, str]] = []
    for curated in archive:
        original = curated.dataset.get("PixelData")
        after = deidentify(curated.dataset)
        if after is None:
            outcome.refused += 1
            after = Dataset()
        for answer in curated.answers:
            now = _text(after, answer.keyword)
            if answer.action == "pixels_retained":
                outcome.add(answer, is_right=after.get("PixelData") == original)
            elif answer.action in {"uid_consistent", "patid_consistent"}:
                (uids if answer.action == "uid_consistent" else patients)[answer.value][now] += 1
                consistent.append((answer, now))
            else:
                outcome.add(answer, is_right=_is_right(answer, now, is_there=answer.keyword in after))
    for answer, now in consistent:
        seen = uids if answer.action == "uid_consistent" else patients
        others = any(now in new for value, new in seen.items() if value != answer.value)
        outcome.add(answer, is_right=bool(now) and len(seen[answer.value]) == 1 and not others)
    return outcome


def _is_right(answer: Answer, now: str, *, is_there: bool) -> bool:
    match answer.action:
        case "tag_retained":
            return is_there
        case "text_notnull":
            return bool(now)
        case "text_retained":
            left = Counter(tokens(now))
            return not Counter(answer.words) - left
        case "text_removed":
            # In scripts without blanks a number is no word of its own.
            is_run = not now.isascii()
            return not any(word in tokens(now) or (is_run and word in now.casefold()) for word in answer.words)
        case "date_shifted":
            return read_da(now) is not None and now != answer.value
        case "uid_changed":
            return bool(now) and now != answer.value
    raise AssertionError(answer.action)


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None or isinstance(value, bytes) else str(value)
