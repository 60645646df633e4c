"""Rendering parameters are obeyed as PS3.18 Section 8.3.5 and PS3.3 Section C.11.2 have them, or refused."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from dicomveil_proxy.errors import BadRequest
from dicomveil_proxy.pixels.looks import Looks, Viewport
from dicomveil_proxy.pixels.render import render
from proxy.fakes import instance

VALUES = np.array([-100.0, 0, 49, 50, 51, 100, 200])


@pytest.mark.parametrize(
    ("window", "greys"),
    [
        ("50,101", [0, 1.275, 126.225, 128.775, 131.325, 255, 255]),
        ("50,101,LINEAR", [0, 1.275, 126.225, 128.775, 131.325, 255, 255]),
        ("50,100,linear-exact", [0, 0, 124.95, 127.5, 130.05, 255, 255]),
        ("50,100,sigmoid", [0.63, 30.4, 124.95, 127.5, 130.05, 224.6, 254.37]),
        ("50,1", [0, 0, 0, 255, 255, 255, 255]),
    ],
)
def test_functions_of_a_window(window: str, greys: list[float]) -> None:
    """Each has its own formula."""
    found = Looks.parse({"window": window}).window

    assert found
    assert found.greys(VALUES) == pytest.approx(greys, abs=0.06)


@pytest.mark.parametrize(
    "params",
    [
        {"window": "50,0"},
        {"window": "50,0.5"},
        {"window": "50,0,sigmoid"},
        {"window": "50,-1,linear-exact"},
        {"window": "50,100,cubic"},
        {"viewport": "10,10,-1,0"},
        {"viewport": "10,10,0,0,-5,5"},
        {"viewport": "10,10,0,0,5,0"},
        {"annotation": "patient"},
        {"iccprofile": "srgb"},
    ],
)
def test_what_is_not_obeyed(params: dict[str, str]) -> None:
    """It is refused: the picture would be another one."""
    with pytest.raises(BadRequest):
        Looks.parse(params)


@pytest.mark.parametrize(
    ("viewport", "size", "corner"),
    [
        ("8,4", (8, 4), 0),
        ("80,80", (80, 40), 0),
        ("4,2,4,2", (4, 2), 20),
        ("2,2,2,1,2,2", (2, 2), 10),
        ("2,2,,,2,2", (2, 2), 0),
        ("2,2,6,2,9,9", (2, 2), 22),
    ],
)
def test_source_of_a_viewport(viewport: str, size: tuple[int, int], corner: int) -> None:
    """A part of the image is shown, as large as fits, in its own shape; what it leaves out goes to the edge."""
    image = Image.fromarray(np.arange(32, dtype=np.uint8).reshape(4, 8))
    found = Looks.parse({"viewport": viewport}).viewport
    assert found
    shown = found.show(image)

    assert shown.size == size
    assert shown.getpixel((0, 0)) == corner


def test_a_viewport_beside_the_image() -> None:
    """There is nothing to be shown."""
    with pytest.raises(BadRequest):
        Viewport(8, 8, 100, 0).show(Image.new("L", (8, 4)))


@pytest.mark.parametrize(
    ("params", "are_common"),
    [
        ({}, True),
        ({"window": "1,2,linear", "viewport": "3,4", "quality": "5"}, True),
        ({"window": "1,2,sigmoid"}, False),
        ({"viewport": "3,4,1,1"}, False),
    ],
)
def test_what_origin_servers_obey(params: dict[str, str], are_common: bool) -> None:
    """What they would ignore is drawn here."""
    assert Looks.parse(params).are_common is are_common


def test_a_wide_window_is_not_stretched() -> None:
    """Values in the middle of a window are grey, whatever the image has besides."""
    picture = render(BytesIO(instance(pixels=bytes([50] * 15 + [60]))), 1, "image/png", {"window": "50,1000"})

    assert set(np.asarray(Image.open(BytesIO(picture))).ravel()) <= {127, 128, 129, 130}
