"""The contact sheet of `dicomveil review`: instances that may contain text in their pixels, before and after.

It is one HTML file with embedded images, which loads nothing from a server. IT SHOWS ORIGINALS. It is only written on
request, for the holder of the key, and is never part of the output of `anonymize` and `export`.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path

from dicomveil_engine import EngineError, Policy
from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.gate import Condition, PixelAction, PixelVerdict, gate
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_proxy.pixels.processes import LookingLimits, PixelProcesses
from dicomveil_proxy.pixels.released import private_folder

_MOST = 300
"""Maximum number of instances with images; further ones are only counted."""
_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Text in pixels: contact sheet</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>body{font:14px sans-serif;margin:1rem;background:#fff;color:#111}
.warning{border:2px solid #b00;padding:.5rem;max-width:60rem}
section{border-top:1px solid #bbb;padding:.5rem 0}h2{font-size:1rem;margin:.2rem 0;overflow-wrap:anywhere}
.pair{display:flex;flex-wrap:wrap;gap:.5rem;align-items:flex-start}
figure{margin:0}img{max-width:100%;background:#000}figcaption{max-width:35rem}
.left{color:#b00;font-weight:bold}li{font-family:monospace}</style>
</head><body>
<h1>Text in pixels: contact sheet</h1>
<p class="warning"><b>This page shows original pictures, with what identifies patients in them.</b>
It is for the holder of the project's key: keep it where the originals are, do not send it with what is released, and
delete it when it was read.</p>
<p>Left: the original, with what is covered in red. Right: what is released, with what OCR still reads in yellow.
Instances in which OCR reads something that is not technique come first.</p>
"""
_FOOT = "</body></html>\n"


@dataclass
class _Print:
    frame: int
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    technique: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Lines of text that are not recognised as technical annotation."""


@dataclass
class _Entry:
    name: str
    reason: str
    boxes: int = 0
    prints: list[_Print] = field(default_factory=list)
    refused: str = ""

    @property
    def left(self) -> int:
        return sum(len(each.left) for each in self.prints)


class ContactSheet:
    """Collects the instances of a folder. Pixels are searched in a child process, which `close` ends."""

    def __init__(self, policy: Policy, most: int = _MOST) -> None:
        self._policy = policy
        self._most = most
        self._processes = PixelProcesses(LookingLimits(processes=1))
        self._entries: list[_Entry] = []
        self.passed: Counter[str] = Counter()
        """Numbers of instances that are not shown, by reason."""

    def add(self, name: str, path: Path, deidentified: bytes, verdict: PixelVerdict) -> None:
        """Add an original instance with its verdict and its de-identified attributes."""
        if verdict.action is PixelAction.NOTHING:
            self.passed[verdict.reason] += 1
        elif verdict.action is PixelAction.REFUSE:
            self._entries.append(_Entry(name, verdict.reason, refused=verdict.reason))
        elif verdict.is_document:
            self._entries.append(_Entry(f"{name} (pages of a document are not shown here)", verdict.reason))
        elif self.shown >= self._most:
            self.passed[f"beyond the {self._most} that are shown"] += 1
        else:
            self._look(name, path, deidentified, verdict)

    def _look(self, name: str, path: Path, deidentified: bytes, verdict: PixelVerdict) -> None:
        entry = _Entry(name, verdict.reason)
        settings = self._policy.pixels
        try:
            boxes = self._processes.boxes(path.resolve(), verdict, settings)
            entry.boxes = len(boxes.every) + sum(map(len, boxes.single.values()))
            with private_folder() as folder:
                source, target = Path(folder, "deidentified"), Path(folder, "covered")
                source.write_bytes(deidentified)
                self._processes.cover(source, target, boxes, verdict, settings)
                entry.prints = _prints(*self._processes.contact(path.resolve(), target, boxes, verdict, settings))
        except EngineError as error:
            entry.refused = str(error)
        if verdict.condition is Condition.ALWAYS or entry.boxes or entry.left or entry.refused:
            self._entries.append(entry)
        else:
            self.passed["slices in which nothing was found"] += 1

    @property
    def shown(self) -> int:
        """Instances of which there are pictures."""
        return sum(bool(entry.prints) for entry in self._entries)

    def pieces(self) -> Iterator[str]:
        """The page."""
        yield _HEAD
        left = sum(entry.left > 0 for entry in self._entries)
        refused = sum(bool(entry.refused) for entry in self._entries)
        count = len(self._entries)
        noun = "instance" if count == 1 else "instances"
        yield f"<p>{count} {noun}; OCR still reads something other than technique in {left}; "
        yield f"{refused} refused.</p>\n"
        if self.passed:
            items = "".join(f"<li>{count}: {escape(reason)}</li>" for reason, count in self.passed.most_common())
            yield f"<p>Not shown:</p><ul>{items}</ul>\n"
        for entry in sorted(self._entries, key=lambda entry: (-entry.left, not entry.refused, entry.name)):
            yield from _section(entry)
        yield _FOOT

    def close(self) -> None:
        """End the child process."""
        self._processes.close()


def verdict_on(data: bytes, policy: Policy) -> PixelVerdict:
    """The gate's verdict on an original instance. Raises InvalidDataSetError."""
    instance, found = read_instance(data), read_file_meta(data, closing=True)
    assert instance is not None
    assert found is not None
    header = replace(PixelHeader.from_elements(instance), transfer_syntax_uid=found[0].transfer_syntax_uid)
    return gate(header, policy.pixels)


def _prints(described: Iterable[dict[str, object]], pictures: bytes) -> list[_Print]:
    prints, at = [], 0
    for each in described:
        frame, sizes, read = each["frame"], each["sizes"], each["read"]
        assert isinstance(frame, int)
        assert isinstance(sizes, list)
        assert isinstance(read, list)
        first, second = sizes
        one = _Print(frame, pictures[at : at + first], pictures[at + first : at + first + second])
        at += first + second
        for text, is_technique in read:
            (one.technique if is_technique else one.left).append(str(text))
        prints.append(one)
    return prints


def _section(entry: _Entry) -> Iterator[str]:
    yield f"<section><h2>{escape(entry.name)}</h2><p>{escape(entry.reason)}; {entry.boxes} boxes</p>\n"
    if entry.refused:
        yield f'<p class="left">refused: {escape(entry.refused)}</p>\n'
    for each in entry.prints:
        yield f'<div class="pair">{_figure(each.before, f"original, frame {each.frame}")}'
        yield f"{_figure(each.after, 'released')}</div>\n"
        yield _list("OCR still reads, and it is not recognised as technique:", each.left, "left")
        yield _list("OCR still reads, recognised as technique:", each.technique, "technique")
    yield "</section>\n"


def _figure(picture: bytes, caption: str) -> str:
    source = f"data:image/jpeg;base64,{b64encode(picture).decode()}"
    return f'<figure><img src="{source}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'


def _list(title: str, lines: list[str], kind: str) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<p class="{kind}">{title}</p><ul>{items}</ul>\n'


__all__ = ["ContactSheet", "verdict_on"]
