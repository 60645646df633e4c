"""Pictures: pixels and nothing else, of what was asked for."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset

from dicomveil_proxy.errors import BadRequest, NotAcceptable, OriginMalformed, UnknownResource
from dicomveil_proxy.pixels.looks import rendering_query
from dicomveil_proxy.pixels.render import render
from proxy.fakes import instance

RAMP = bytes(range(0, 160, 10))
"""Two frames of two rows of four."""


def picture(frame: int = 1, media_type: str = "image/png", pixels: bytes = RAMP, **params: str) -> Any:
    """The pixels of the picture."""
    file = BytesIO(instance(pixels=pixels, change=params.pop("change", lambda _: None)))  # type: ignore[arg-type]
    return np.asarray(Image.open(BytesIO(render(file, frame, media_type, params))))


def changed(**attributes: object) -> Any:
    """A change to the instance."""

    def change(dataset: Dataset) -> None:
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)

    return change


def test_the_whole_range() -> None:
    """Without a window, the darkest is black and the brightest white."""
    assert picture().tolist() == [[0, 36, 72, 109], [145, 182, 218, 255]]
    assert picture(2).tolist() == picture(1).tolist()


def test_a_window() -> None:
    """Of the user agent, or else of the instance; MONOCHROME1 is inverted."""
    asked = picture(window="20,2,linear")
    own = picture(change=changed(WindowCenter=20, WindowWidth=2))
    inverted = picture(change=changed(PhotometricInterpretation="MONOCHROME1"))

    assert own.tolist() == asked.tolist() == [[0, 0, 255, 255], [255] * 4]
    assert inverted.tolist() == [[255, 218, 182, 145], [109, 72, 36, 0]]


def test_a_decompression_bomb() -> None:
    """Refused by its attributes, before anything is decoded."""
    with pytest.raises(NotAcceptable, match="too large"):
        picture(change=changed(Rows=40_000, Columns=40_000))


def test_a_viewport() -> None:
    """The picture fits into it, in its own shape."""
    assert picture(viewport="8,8").shape == (4, 8)
    assert picture(viewport="1,1").shape == (1, 1)
    assert picture(viewport="99999,99999").shape == (4096, 8192)


@pytest.mark.parametrize(("media_type", "name"), [("image/jpeg", "JPEG"), ("image/png", "PNG"), ("image/gif", "GIF")])
def test_media_types(media_type: str, name: str) -> None:
    """Each is what it says."""
    assert Image.open(BytesIO(render(BytesIO(instance()), 1, media_type, {}))).format == name


def test_quality() -> None:
    """Less of it is fewer bytes."""
    data = instance(pixels=np.random.default_rng(1).bytes(16))
    sizes = [
        len(render(BytesIO(data), 1, "image/jpeg", {"viewport": "400,400", "quality": each})) for each in ("1", "95")
    ]

    assert sizes[0] < sizes[1]


def test_pixels_without_contrast() -> None:
    """A picture, and no division by zero."""
    assert picture(pixels=bytes(16)).max() == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("annotation", "patient"), ("iccprofile", "yes"), ("quality", "x"), ("viewport", "1"), ("window", "1,2,doe")],
)
def test_parameters_that_are_none(name: str, value: str) -> None:
    """An annotation would be the patient's data; the message repeats no value."""
    with pytest.raises(BadRequest) as caught:
        rendering_query({name: value})
    assert "doe" not in str(caught.value)
    with pytest.raises(BadRequest):
        render(BytesIO(instance()), 1, "image/png", {name: value})


def test_query() -> None:
    """What is legal is passed as it stands."""
    assert rendering_query({"window": "1,2,linear", "viewport": "3,4"}) == "window=1,2,linear&viewport=3,4"


@pytest.mark.parametrize(
    ("data", "frame", "media_type", "error"),
    [
        (instance(), 3, "image/png", UnknownResource),
        (instance(), 1, "image/webp", NotAcceptable),
        (instance(pixels=None), 1, "image/png", NotAcceptable),
        (instance(pixels=b"12"), 1, "image/png", NotAcceptable),
        (b"Doe", 1, "image/png", (NotAcceptable, OriginMalformed)),
    ],
)
def test_what_cannot_be_drawn(data: bytes, frame: int, media_type: str, error: type[Exception]) -> None:
    """A clear error without a value."""
    with pytest.raises(error) as caught:
        render(BytesIO(data), frame, media_type, {})
    assert "Doe" not in str(caught.value)
