"""Restoring originals from the Encrypted Attributes Sequence with a recipient's private key (PS3.15 Section E.1.2)."""

from __future__ import annotations

from io import BytesIO

from cryptography.hazmat.primitives.asymmetric import rsa
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.filereader import read_dataset

from dicomveil_engine import InvalidDataSetError
from dicomveil_proxy.jobs.cms import CMSError, unseal

_SEQUENCE = "EncryptedAttributesSequence"
_DEIDENTIFICATION = ("DeidentificationMethod", "DeidentificationMethodCodeSequence")


def restore(data: bytes, key: rsa.RSAPrivateKey) -> tuple[bytes, list[int]]:
    """The instance with its original values restored, and the tags of these.

    Other attributes remain de-identified. Raises InvalidDataSetError if this key decrypts no item.
    """
    try:
        dataset = dcmread(BytesIO(data), force=True)
        items = list(dataset.get(_SEQUENCE) or ())
    except Exception:  # noqa: BLE001 - pydicom raises many types, whose messages may quote values
        raise InvalidDataSetError("the instance cannot be read") from None
    for item in items:
        try:
            originals = _modified(unseal(bytes(item.EncryptedContent), key))
        except (AttributeError, CMSError):
            continue
        if originals is not None:
            return _restored(dataset, originals)
    raise InvalidDataSetError("the instance holds no originals that are encrypted for this key")


def _modified(content: bytes) -> Dataset | None:
    try:
        held = read_dataset(BytesIO(content), False, True)
        originals: Dataset = held.ModifiedAttributesSequence[0]
    except Exception:  # noqa: BLE001
        return None
    return originals


def _restored(dataset: Dataset, originals: Dataset) -> tuple[bytes, list[int]]:
    try:
        tags = [int(element.tag) for element in originals if element.tag != 0x00080005]
        for element in originals:
            dataset.add(element)
        del dataset[_SEQUENCE]
        dataset.PatientIdentityRemoved = "NO"
        for keyword in _DEIDENTIFICATION:
            if keyword in dataset:
                del dataset[keyword]
        file = BytesIO()
        dcmwrite(file, dataset)
    except Exception:  # noqa: BLE001
        raise InvalidDataSetError("the originals do not fit into the instance") from None
    return file.getvalue(), tags
