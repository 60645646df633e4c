"""De-identify one Part 10 instance, fed in chunks of any size.

    file meta → (inflate) → walker ⇄ body → (deflate)

This module only connects the parts of the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.legality import is_class_uid
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.body import Body
from dicomveil_engine.part10.deflated import Deflater, Inflater
from dicomveil_engine.part10.file_meta import EXPLICIT_VR_LITTLE_ENDIAN, FileMeta, read_file_meta
from dicomveil_engine.part10.pixel_data import CheckedValue, Value, value_of
from dicomveil_engine.part10.reading import Originals
from dicomveil_engine.part10.table import Entry
from dicomveil_engine.part10.tables import Tables
from dicomveil_engine.part10.walker import Walker
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.rewriting.decisions import Decisions

_PASSED_IN_CHUNKS = frozenset((kinds.STREAMED, kinds.KEPT, kinds.CHECKED))

Chunk = bytes | bytearray | memoryview

Inspect = Callable[[bytes | bytearray, Originals, str], None]
"""(complete elements of the output, identifying values of the original, transfer syntax): inspects the output.

It is called with every part of the output that is not passed through in chunks, before deflation. It may raise errors.
"""


class InstanceRewriter:
    """De-identifies the attributes of a Part 10 instance, as a stream.

    Text burnt into pixels is not covered, whatever the policy's "pixels" says:
    `dicomveil_engine.pixels.instance.InstanceCover` covers it in this output, and `deidentify_instance` does both.

    Pass the bytes to `feed` and call `close` at their end; what both return, joined, is the de-identified instance, the
    same however the input was split. After an error the output is incomplete and must be discarded.

    Raises InvalidDataSetError for what cannot be read or is over a limit, DeidentificationError for what has
    no safe output.
    """

    def __init__(self, policy: Decisions, inspect: Inspect | None = None) -> None:
        self._policy = policy
        self._inspect = inspect
        self._originals: Originals | None = None
        self._input = b""
        """The input, until the file meta information is complete."""
        self._meta: FileMeta | None = None
        self._tables: Tables | None = None
        self._walker: Walker | None = None
        self._body: Value | None = None
        self._is_body_kept = True
        self._body_of = 0
        """The tag of the element whose value `_body` is, for messages."""
        self._inflater: Inflater | None = None
        self._deflater: Deflater | None = None
        self._is_closed = False
        self.original: InstanceIdentity | None = None
        """The original identity, once the header is complete."""
        self.deidentified: InstanceIdentity | None = None
        """The identity of the output, once the header is complete."""
        self.transfer_syntax_uid: str | None = None

    @property
    def held(self) -> int:
        """Bytes of the input that are held until their output is known."""
        return len(self._input) + (self._walker.held if self._walker else 0)

    @property
    def is_deflated(self) -> bool:
        """Whether the data set is deflated, so that few bytes of input may give a long output."""
        return self._inflater is not None

    @property
    def is_checking(self) -> bool:
        """Whether the value that passes is searched for identifying words, which takes a hundred times as long."""
        return isinstance(self._body, CheckedValue)

    def feed(self, data: bytes | memoryview) -> list[Chunk]:
        """Add bytes of the instance, and return the output that is ready."""
        return self._advance(data, closing=False)

    def close(self) -> list[Chunk]:
        """End the input, and return the rest of the output."""
        if self._is_closed:
            return []
        self._is_closed = True
        return self._advance(b"", closing=True)

    def _advance(self, data: bytes | memoryview, *, closing: bool) -> list[Chunk]:
        if self._walker is None:
            self._input = self._input + bytes(data) if self._input else bytes(data)
            found = read_file_meta(self._input, closing=closing)
            if found is None:
                return []
            self._meta, start = found
            self.transfer_syntax_uid = self._meta.transfer_syntax_uid
            self._tables = Tables.of(self._policy, self._meta.encoding)
            self._walker = Walker(self._policy, self._tables)
            if self._meta.is_deflated:
                self._inflater = Inflater()
                self._deflater = Deflater()
            data, self._input = self._input, b""
            if self._inflater is None:
                self._walker.feed(data, start)
                data = b""
            else:
                data = data[start:]
        if self._inflater is None:
            chunks = self._rewrite(data, closing=closing)
            return [self._identify(), *chunks] if chunks and self.original is None else chunks
        return list(self._deflated(data, closing=closing))

    def _deflated(self, data: bytes | memoryview, *, closing: bool) -> Iterator[Chunk]:
        """Rewrite a deflated data set, in pieces, since a short one can hold a very long one."""
        assert self._inflater is not None
        assert self._deflater is not None
        for inflated in self._inflater.feed(data, closing=closing):
            yield from self._deflate(self._rewrite(inflated, closing=False))
        if closing:
            yield from self._deflate(self._rewrite(b"", closing=True))
            yield self._deflater.close()

    def _deflate(self, chunks: list[Chunk]) -> Iterator[Chunk]:
        assert self._deflater is not None
        for chunk in chunks:
            if self.original is None:
                yield self._identify()
            if compressed := self._deflater.feed(chunk):
                yield compressed

    def _rewrite(self, data: bytes | memoryview, *, closing: bool) -> list[Chunk]:
        """Rewrite the data set: elements by the walker, streamed values past it."""
        walker = self._walker
        assert walker is not None
        written: list[Chunk] = []
        rest: bytes | memoryview = data
        while True:
            if self._body is not None:
                taken = self._body.feed(rest)
                walker.skip(taken)
                if self._is_body_kept:
                    written += self._body.passed(rest, taken)
                rest = rest[taken:]
                if not self._body.is_complete:
                    if closing:
                        what = dictionary.described(self._body_of)
                        raise InvalidDataSetError(f"the instance is cut off in the middle of {what}")
                    return written
                self._body = None
                if not rest and not closing:
                    return written  # nothing to walk: a hundredth of a CT's time
            if rest:
                walker.feed(bytes(rest))
                rest = b""
            elif closing and self.original is not None and walker.is_finished:
                return written
            streamed = walker.walk(closing=closing)
            if streamed is None:
                break
            entry, length = streamed
            self._is_body_kept = entry.kind in _PASSED_IN_CHUNKS
            before, rest = walker.take(entry.head, keep=self._is_body_kept)
            self._look_at(before)
            written.append(before)
            self._body_of = entry.tag
            if self._is_body_kept:
                self._body, new_length = self._kept_body(entry, length)
                if new_length != length:
                    written[-1] = before[:-4] + entry.encoding.u32.pack(new_length)
            else:
                self._body = Body(length, entry.values)
        if closing:
            last = walker.take()[0]
            self._look_at(last)
            written.append(last)
        elif walker.held > self._policy.limits.header_bytes:
            raise InvalidDataSetError(
                f"the header is longer than {self._policy.limits.header_bytes} bytes; "
                "raise the limit header_bytes if such instances are to pass"
            )
        return written

    def _kept_body(self, entry: Entry, length: int) -> tuple[Value, int]:
        assert self._walker is not None
        reading, syntax = self._walker.reading, self.transfer_syntax_uid or ""
        return value_of(
            entry,
            length,
            syntax,
            reading.image,
            removes_overlays=self._policy.removes_overlays,
            own=reading.own_words,
        )

    def _look_at(self, written: bytes | bytearray) -> None:
        if self._inspect and written:
            assert self._walker is not None
            self._originals = self._walker.reading.originals()
            self._inspect(written, self._originals, self.transfer_syntax_uid or "")

    def _identify(self) -> bytes:
        """Set the identities, and return the file meta information of the output, which is never deflated."""
        assert self._walker is not None
        assert self._meta is not None
        assert self._tables is not None
        identities = self._tables.new_identities
        self.original = original = self._walker.reading.identity()
        self.deidentified = identities.of(original)
        # MediaStorageSOPInstanceUID is the new SOPInstanceUID (PS3.15 Section E.1.1). If the data set has none, it is
        # the pseudonym of the one in the file meta information.
        instance = self.deidentified.sop_instance_uid or identities.pseudonym(
            original.sop_instance_uid or self._meta.sop_instance_uid
        )
        sop_class = self.deidentified.sop_class_uid or self._meta.sop_class_uid
        meta = FileMeta(
            self._meta.transfer_syntax_uid,
            sop_class if is_class_uid(sop_class) else "",
            # A pseudonym is legal, and each occurs once, so that caching a check would not help.
            instance if identities.replace_instances else identities.legal_uid(instance),
        ).encoded()
        if self._inspect:
            # Without preamble and prefix; the file meta information has its own encoding.
            originals = self._originals or self._walker.reading.originals()
            self._inspect(meta[132:], originals, EXPLICIT_VR_LITTLE_ENDIAN)
        return meta


def rewritten_instance(data: bytes | memoryview, policy: Decisions) -> bytes:
    """De-identify the attributes of a whole instance, with unchanged pixels. Raises as `InstanceRewriter`."""
    rewriter = InstanceRewriter(policy)
    return b"".join([*rewriter.feed(data), *rewriter.close()])
