"""The same job as our engine's, done by what people use today, each as `bytes → bytes` in memory.

Nothing here touches a disk, so no figure holds one. Every peer is called as its own documentation shows,
with its own idea of de-identification; what they do not do (nested elements, references, free text) is not
counted against them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO

import pydicom

Deidentify = Callable[[bytes], bytes | list[bytes | bytearray | memoryview]]
"""An instance in Part 10 form in, a de-identified one out, whole or in chunks."""

CHUNK_BYTES = 1 << 20
"""What a stream delivers at a time."""

CONFIGURATION = {"profile": "default", "pixels": "keep"}
"""What dicomveil and the pydicom reference apply."""
KEY = b"k" * 32


def missing(name: str) -> str:
    """Why a peer is not in the table."""
    return f"{name} is not installed (`make bench` installs it)"


def dicomveil() -> Deidentify:
    """Our engine, whole instances."""
    from dicomveil_engine import deidentify_instance, load_policy

    policy = load_policy(CONFIGURATION, KEY)
    return lambda data: deidentify_instance(data, policy)


def dicomveil_streamed() -> Deidentify:
    """Our engine as the proxy uses it: chunks in, chunks out, the instance never in one piece."""
    from dicomveil_engine import InstanceRewriter, load_policy

    policy = load_policy(CONFIGURATION, KEY)

    def deidentify(data: bytes) -> list[bytes | bytearray | memoryview]:
        rewriter = InstanceRewriter(policy)
        output = [chunk for received in _chunks(data) for chunk in rewriter.feed(received)]
        return output + rewriter.close()

    return deidentify


def pydicom_reference() -> Deidentify:
    """The same policy over pydicom: read, apply the rules, save."""
    from dicomveil_engine import load_policy
    from engine.reference import deidentify_with_pydicom

    policy = load_policy(CONFIGURATION, KEY)
    return lambda data: deidentify_with_pydicom(data, policy)


def dicognito() -> Deidentify:
    """dicognito's Anonymizer, one for all instances, as for one patient."""
    from dicognito.anonymizer import Anonymizer

    anonymizer = Anonymizer(seed="bench")

    def deidentify(data: bytes) -> bytes:
        dataset = pydicom.dcmread(BytesIO(data))
        anonymizer.anonymize(dataset)
        return _saved(dataset)

    return deidentify


def deid() -> Deidentify:
    """pydicom/deid's replace_identifiers with the recipe that it ships."""
    from deid.config import DeidRecipe
    from deid.dicom import replace_identifiers

    recipe = DeidRecipe()

    def deidentify(data: bytes) -> bytes:
        dataset = pydicom.dcmread(BytesIO(data))
        (result,) = replace_identifiers([dataset], deid=recipe, save=False, remove_private=True)
        return _saved(result)

    return deidentify


def dicom_anonymizer() -> Deidentify:
    """dicom-anonymizer's anonymize_dicom_file, between buffers."""
    from dicomanonymizer import anonymize_dicom_file

    def deidentify(data: bytes) -> bytes:
        buffer = BytesIO()
        anonymize_dicom_file(BytesIO(data), buffer)
        return buffer.getvalue()

    return deidentify


def _chunks(data: bytes) -> Iterator[bytes | memoryview]:
    """What comes at a time; views, since cutting is the network's work and not the engine's."""
    if len(data) <= CHUNK_BYTES:
        yield data
        return
    view = memoryview(data)
    for start in range(0, len(data), CHUNK_BYTES):
        yield view[start : start + CHUNK_BYTES]


def _saved(dataset: pydicom.Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()
