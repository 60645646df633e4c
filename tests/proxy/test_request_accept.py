"""Which representation the user agent wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.errors import BadRequest, NotAcceptable
from dicomveil_proxy.request.accept import (
    BULKDATA,
    FRAMES,
    INSTANCE,
    INSTANCES,
    METADATA,
    RENDERED,
    Choice,
    Offer,
    acceptable,
    choose,
    parse,
)

OFFERS = [INSTANCES, INSTANCE, METADATA, FRAMES, BULKDATA, RENDERED]


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("header", [None, "", " ", "*/*", "text/html, */*;q=0.1"])
def test_who_takes_anything_gets_the_default(header: str | None, offers: tuple[Offer, ...]) -> None:
    """An absent Accept header and `*/*` mean the first offer, and no transfer syntax."""
    assert choose(header, offers) == Choice(offers[0])


@pytest.mark.parametrize(
    "header",
    [
        "multipart/related",
        "multipart/*",
        'multipart/related; type="*/*"',
        'multipart/related; type="application/*"',
        'multipart/related; type="application/octet-stream"',
        "multipart/related; type=application/octet-stream",
        "MULTIPART/RELATED;TYPE=APPLICATION/OCTET-STREAM",
        "application/dicom;q=0.5, multipart/related;type=application/octet-stream;q=0.9",
    ],
)
def test_multipart_in_every_spelling(header: str) -> None:
    """Quotes, case, blanks and ranges make no difference."""
    assert choose(header, BULKDATA).offer == Offer("application/octet-stream", is_multipart=True)


@pytest.mark.parametrize(
    ("header", "offer", "syntaxes"),
    [
        # cornerstone, dicomweb-client, Weasis, and Orthanc's own way
        ("multipart/related; type=application/octet-stream; transfer-syntax=*", FRAMES[0], ("*",)),
        ('multipart/related; type="application/octet-stream; transfer-syntax=1.2.3"', FRAMES[0], ("1.2.3",)),
        ('multipart/related; type="*/*"; transfer-syntax=*', FRAMES[0], ("*",)),
        ("multipart/related;type=image/jpeg;transfer-syntax=1.2.3", FRAMES[1], ("1.2.3",)),
        ('multipart/related; type="image/"', FRAMES[1], ()),
        ("application/octet-stream", FRAMES[-1], ()),
    ],
)
def test_frames(header: str, offer: Offer, syntaxes: tuple[str, ...]) -> None:
    """What viewers send for frames is understood, the transfer syntax too."""
    assert choose(header, FRAMES) == Choice(offer, syntaxes)


def test_a_viewers_long_list_keeps_its_order() -> None:
    """OHIF lists types with one transfer syntax each; the first is best, and one type may have several."""
    header = ", ".join(
        f'multipart/related; type="{name}"; transfer-syntax={syntax}'
        for name, syntax in [
            ("image/jls", "1.2.80"),
            ("image/jls", "1.2.81"),
            ("application/octet-stream", "*"),
        ]
    )

    assert acceptable(header, FRAMES) == (
        Choice(Offer("image/jls", is_multipart=True), ("1.2.80", "1.2.81")),
        Choice(Offer("application/octet-stream", is_multipart=True), ("*",)),
    )


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (
            "application/dicom+json, multipart/related; type=application/octet-stream; transfer-syntax=*",
            "application/dicom+json",
        ),
        ("application/json", "application/json"),
        ("application/json, application/dicom+json", "application/json"),
        ("application/json;q=0.5, application/dicom+json;q=0.9", "application/dicom+json"),
        ("application/*", "application/dicom+json"),
        ("application/dicom+json;q=0, */*", "application/json"),
        ("rubbish, application/json", "application/json"),
        ("application/json; q=rubbish", "application/json"),
        ("application/json; q=7", "application/json"),
    ],
)
def test_metadata(header: str, name: str) -> None:
    """JSON in either name; the user agent's preference decides, what is not offered is passed over."""
    assert choose(header, METADATA).offer == Offer(name)


def test_what_is_named_and_what_is_refused() -> None:
    """Each preference is a choice of its own, best first; what has q=0 is refused with each."""
    header = ", ".join(
        f"application/dicom{rest}"
        for rest in (";q=0.2", ";transfer-syntax=*;q=0.5", ";transfer-syntax=1.2.3", ";transfer-syntax=1.2.4;q=0")
    )
    choices = acceptable(header, (Offer("application/dicom"),))

    assert [choice.transfer_syntaxes for choice in choices] == [("1.2.3",), ("*",), ()]
    assert [choice.quality for choice in choices] == [1, 0.5, 0.2]
    assert [[choice.takes(syntax) for syntax in ("1.2.3", "1.2.4", "1.2.5", None)] for choice in choices] == [
        [True, False, False, False],
        [True, False, True, True],
        [True, False, True, True],
    ]


def test_xml_is_had_in_parts_only() -> None:
    """PS3.18 Section 8.7.3: an XML document has one instance, and a resource may have many."""
    assert choose('multipart/related; type="application/dicom+xml"', METADATA).offer == METADATA[-1]
    with pytest.raises(NotAcceptable):
        choose("application/dicom+xml", METADATA)


def test_one_instance_may_come_without_multipart() -> None:
    """`application/dicom` alone is for a single instance only."""
    assert choose("application/dicom; transfer-syntax=*", INSTANCE) == Choice(Offer("application/dicom"), ("*",))
    with pytest.raises(NotAcceptable):
        choose("application/dicom", INSTANCES)


def test_a_rendered_image_in_the_wanted_format() -> None:
    """`image/*` is the default, a name is that format."""
    assert choose("image/*", RENDERED).offer == Offer("image/jpeg")
    assert choose("image/avif,image/webp,image/png,image/*;q=0.8", RENDERED).offer == Offer("image/png")


def test_the_refusal_lists_what_is_offered() -> None:
    """406 tells the user agent what it could have had, and not what it sent."""
    with pytest.raises(NotAcceptable) as refusal:
        choose("text/html", INSTANCE)

    assert str(refusal.value) == (
        'this resource is available as multipart/related; type="application/dicom", application/dicom'
    )


@pytest.mark.parametrize("parameter", ["image/png", " image/png", "image/png;q=0.4"])
def test_the_query_parameter_overrides_the_header(parameter: str) -> None:
    """PS3.18 Section 8.3.3.1."""
    assert choose("image/jpeg", RENDERED, parameter).offer == Offer("image/png")


def test_a_plus_sign_in_a_query_is_a_plus_sign() -> None:
    """`accept=application/dicom+json` decodes to a blank, and is meant all the same."""
    assert choose(None, METADATA, "application/dicom json").offer == Offer("application/dicom+json")


@given(st.text('aA/*;,=" \\q0.type-syntax', max_size=80))
def test_any_header_is_read_or_refused(header: str) -> None:
    """Rubbish gives an offer or 406, nothing else."""
    try:
        assert choose(header, FRAMES).offer in FRAMES
    except NotAcceptable:
        assert parse(header) != parse(None)


def test_a_header_over_the_limit_is_refused() -> None:
    """Nobody makes us read kilobytes of wishes."""
    with pytest.raises(BadRequest):
        choose("image/png," * 1_000, RENDERED)


@pytest.mark.parametrize("header", ['multipart/related; type="nope"', "multipart/related; type=nope", "nope"])
def test_a_type_that_is_none(header: str) -> None:
    """Parts of a type that cannot be read are not parts of any type."""
    with pytest.raises(NotAcceptable):
        choose(header, FRAMES)
