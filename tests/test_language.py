"""The project's words: phrases that were written once and are not to come back, in what people read.

Looked at are the documents, and the docstrings, comments and texts of the two packages; names are not.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

BANNED = {
    r"\b(?<!here\s)is no (TOML|DICOM|JSON|base64|file|number|date|URL|UID|key|tag|item|text|array)\b": "is not a ...; "
    "is not valid ...",
    r"asks nobody who": "does not authenticate users",
    r"\bthe mend\b|\b(its|each with its) mend\b|\bto mend\b": "a suggested fix; what to change; how to fix it",
    r"\b(mends|mended)\b": "is corrected; is fixed",
    r", or is none\b|\bor are none\b": "is not one",
    r"\b(brings?|brought|goes|go) home\b": "re-identify and store",
    r"\bhome to (its|their) originals?\b": "re-identified and stored with its original",
    r"(?<!are-)\breckon(s|ed)?\b(?!-)": "compute",
    r"\bwho has (it|both|the key|the configuration)\b": "the holder of",
    r"\bnothing was begun\b": "nothing was changed",
    r"\bthe same command goes on\b": "the same command resumes",
    r"\b(a stranger|strangers) (choose|can|may)\b": "untrusted input; an unknown study or UID",
    r"\bwhoever (has|waits|knows|asks|reads|accepts)\b": "the holder of; clients that; for all",
    r"\b(goes|go) on (up|where|after|behind|without|in)\b": "continue; resume",
    r"\btold (of|about) (an|each|every|all)\b": "report",
    r"\b(dies|died|killed)\b": "is stopped, ends",
    r"\bframe that does not begin\b": "frame data arrived before a frame header",
    r"\bthe marks of de-identification\b": "the de-identification attributes",
    r"\bstands? (before|in front of) (an archive|the archive|your archive)\b": "sits in front of",
    r"\bremembers (what|which|nothing)\b": "records, caches, keeps",
    r"\b(is|are) told (in|on|by|with)\b": "is reported, is decided",
    r"\bis told apart\b": "is distinguished",
    r"\blet(s|ting)? go of\b": "close, discard, release",
    r"\bon its way\b": "is being read, written, sent",
    r"\bknown again\b": "is recognised",
    r"\bfor who (asks|insists|accepts|names)\b": "where a client asks",
    r"\bwho names none\b": "without a name",
    r"\bnobody (asks|looks|can say|knows)\b": "is not tested; is not searched; is unknown",
    r"\b(says?|said) of (itself|himself|themselves)\b": "declares",
    r"\blooked into\b": "searched, parsed",
    r"\bmade anew\b": "is rebuilt; a new one is written",
    r"\bnearly anything\b": "many types",
    r"\bwho asks\b": "user agents; requests",
    r"\bthe way back\b": "undo; restore; the link to originals",
    r"\bwhat lies (behind|beneath)\b": "the data after; the defaults",
    r"\bwould not come out\b": "is refused",
    r"\bbelongs? into\b": "belongs in; pass it in",
    r"\b(cannot|could not) be had\b": "is not available; cannot be retrieved",
    r"\b(is|are) there twice\b": "occurs twice",
    r"\bheeded\b": "has an effect",
    r"\bas they should be\b": "is complete and unchanged",
    r"\b(who|that|what) is meant\b": "which studies are selected",
    r"\bseldom\b": "rarely",
    r"\b(write|writes|wrote|written) down\b": "record",
    r"\bsent home\b": "re-identified and stored",
    r"\blook(s|ed|ing)? at pixels\b": "search pixels",
    r"\blook at (its|the) (log|disk|address|spelling|bucket)\b": "check",
    r"\bfor want of\b": "for lack of; because there is no",
    r"\bis told how\b|\btells how\b": "says how",
    r"\bwere forgotten\b": "were deleted",
}
"""A pattern of what is not written -> what to write instead."""

_TEXTS = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
_PROSE = (*("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"), "docs/**/*.md", "deploy/**/*.md")
_SOURCE = ("engine/**/*.py", "proxy/**/*.py")


def _files(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern) if ".venv" not in path.parts)


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """What people read in a file, each with its first line; of a module its texts and comments."""
    content = path.read_text()
    if path.suffix != ".py":
        yield 1, content
        return
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type in _TEXTS:
            yield token.start[0], token.string


def _banned(texts: Iterator[tuple[int, str]]) -> list[str]:
    """Each banned phrase with its line and what to write instead. A phrase may be broken over lines."""
    found = []
    for first, text in texts:
        for pattern, instead in BANNED.items():
            for match in re.finditer(pattern.replace(" ", r"[\s#]+"), text, re.IGNORECASE):
                line = first + text[: match.start()].count("\n")
                found.append(f'{line}: "{match[0]}": write "{instead}"')
        if re.match(r'[rbf]*"""Of ', text):
            found.append(f"{first}: a docstring does not begin with Of: say what it is")
    return found


@pytest.mark.parametrize("pattern", [*_PROSE, *_SOURCE])
def test_banned_phrases_do_not_come_back(pattern: str) -> None:
    """No document, docstring, comment or message has one of them."""
    files = _files(pattern)
    assert files
    assert [f"{path.relative_to(ROOT)}:{each}" for path in files for each in _banned(_texts(path))] == []


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("the settings file is no TOML", True),
        ("the settings file is not valid TOML", False),
        ("with\n# the mend", True),
        ("there is no file of that name", False),
        ('"""Of one instance."""', True),
        ('"""Of course."""'.replace("Of", "As of"), False),
    ],
)
def test_what_is_found(text: str, is_found: bool) -> None:
    """A phrase is found over the end of a line; what is good English is not."""
    assert bool(_banned(iter([(1, text)]))) == is_found
