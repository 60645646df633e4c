"""The gate decides from the header alone, and believes nothing that makes an instance look safe."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.configuration.pixels import PixelSettings, read_pixels
from dicomveil_engine.pixels import gate as gate_module
from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.gate import Condition, PixelAction, gate
from dicomveil_engine.pixels.header import PixelHeader

CLEAN = read_pixels("clean")
CT = PixelHeader(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
    transfer_syntax_uid="1.2.840.10008.1.2.1",
    modality="CT",
    image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
    photometric_interpretation="MONOCHROME2",
    rows=512,
    columns=512,
    bits_allocated=16,
    bits_stored=12,
    has_pixel_data=True,
)
US = replace(CT, sop_class_uid="1.2.840.10008.5.1.4.1.1.6.1", modality="US", bits_allocated=8, bits_stored=8)


@pytest.mark.parametrize(
    ("header", "action"),
    [
        (CT, PixelAction.NOTHING),
        (replace(CT, burned_in_annotation="NO"), PixelAction.NOTHING),
        (replace(CT, burned_in_annotation="YES"), PixelAction.LOOK),
        (replace(CT, burned_in_annotation="MAYBE"), PixelAction.LOOK),
        (replace(CT, image_type=("DERIVED", "SECONDARY")), PixelAction.LOOK),
        (replace(CT, image_type=("ORIGINAL", "PRIMARY", "SCREEN SAVE")), PixelAction.LOOK),
        (replace(CT, image_type=()), PixelAction.LOOK),
        (replace(CT, modality="OT"), PixelAction.LOOK),
        (replace(CT, frames=2), PixelAction.LOOK),
        (replace(CT, samples_per_pixel=3), PixelAction.LOOK),
        (replace(CT, bits_allocated=8), PixelAction.LOOK),
        (replace(CT, conversion_type="WSD"), PixelAction.LOOK),
        (replace(CT, sop_class_uid="1.2.840.10008.5.1.4.1.1.7"), PixelAction.LOOK),
        (replace(CT, sop_class_uid="1.2.840.10008.5.1.4.1.1.20", modality="NM"), PixelAction.LOOK),
        (
            replace(CT, sop_class_uid="1.2.840.10008.5.1.4.1.1.20", modality="NM", rows=64, columns=64, frames=60),
            PixelAction.NOTHING,
        ),
        (US, PixelAction.LOOK),
        (replace(US, burned_in_annotation="NO"), PixelAction.LOOK),
        (replace(US, modality="", sop_class_uid="1.2.3", image_type=()), PixelAction.LOOK),
        (replace(US, transfer_syntax_uid="1.2.840.10008.1.2.4.102"), PixelAction.REFUSE),
        (replace(US, has_pixel_data=False), PixelAction.NOTHING),
        (replace(US, has_pixel_data=False, has_float_pixels=True), PixelAction.NOTHING),
        (replace(CT, sop_class_uid="1.2.840.10008.5.1.4.1.1.66.4"), PixelAction.NOTHING),
    ],
)
def test_actions(header: PixelHeader, action: PixelAction) -> None:
    """A row each: the SOP class, the modality, the image type, the conversion, what the instance says of itself."""
    assert gate(header, CLEAN).action is action


@pytest.mark.parametrize(
    ("kind", "action"),
    [("LABEL", PixelAction.REFUSE), ("OVERVIEW", PixelAction.REFUSE), ("VOLUME", PixelAction.NOTHING),
     ("THUMBNAIL", PixelAction.LOOK), ("", PixelAction.LOOK)],
)  # fmt: skip
def test_whole_slide_images(kind: str, action: PixelAction) -> None:
    """The label of a slide names the patient."""
    slide = replace(US, sop_class_uid="1.2.840.10008.5.1.4.1.1.77.1.6", image_type=("ORIGINAL", "PRIMARY", kind))

    assert gate(slide, CLEAN).action is action
    assert gate(slide, replace(CLEAN, gate=read_pixels({"gate": "look"}).gate)).action is not PixelAction.NOTHING


@pytest.mark.parametrize(
    ("name", "action", "condition", "claims"),
    [
        ("trust", PixelAction.NOTHING, Condition.ALWAYS, False),
        ("sample", PixelAction.LOOK, Condition.SAMPLE, True),
        ("strokes", PixelAction.LOOK, Condition.STROKES, True),
        ("look", PixelAction.LOOK, Condition.ALWAYS, True),
    ],
)
def test_ways_for_slices(name: str, action: PixelAction, condition: Condition, claims: bool) -> None:
    """Nothing is claimed for slices that pass without a look."""
    verdict = gate(CT, read_pixels({"gate": name}))

    assert (verdict.action, verdict.condition, verdict.claims) == (action, condition, claims)


def test_pdf() -> None:
    """A document is left to the profile unless the policy asks for it."""
    pdf = PixelHeader(sop_class_uid="1.2.840.10008.5.1.4.1.1.104.1", mime_type="application/pdf")

    assert gate(pdf, CLEAN).action is PixelAction.NOTHING
    assert gate(pdf, read_pixels({"documents": "clean"})).is_document


def test_refuse_and_keep() -> None:
    """The two settings that look at nothing."""
    assert gate(US, read_pixels("refuse")).action is PixelAction.REFUSE
    assert gate(CT, read_pixels("refuse")).action is PixelAction.NOTHING
    assert gate(US, PixelSettings()).action is PixelAction.NOTHING


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would have to be looked at is refused, and the message says how to install what is missing."""
    monkeypatch.setattr(gate_module, "can_clean", lambda: False)

    verdict = gate(US, CLEAN)

    assert verdict.action is PixelAction.REFUSE
    assert "pip install 'dicomveil-engine[pixels]'" in verdict.reason
    assert '"pixels": "keep"' in verdict.reason
    assert gate(CT, CLEAN).action is PixelAction.NOTHING


@pytest.mark.parametrize("sop_class", [CT.sop_class_uid, US.sop_class_uid])
def test_a_reason_has_no_value(sop_class: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in messages to clients, in logs and in reports, and Modality may hold a name."""
    header = replace(US, modality="DOE JANE 1970", sop_class_uid=sop_class)

    assert "DOE" not in gate(header, CLEAN).reason
    assert "US" in gate(replace(header, modality="US"), CLEAN).reason
    monkeypatch.setattr(gate_module, "can_clean", lambda: False)
    assert "DOE" not in gate(header, CLEAN).reason
    assert "DOE" not in gate(header, read_pixels("refuse")).reason


def test_faces() -> None:
    """Flagged or refused, whatever is done about text."""
    assert gate(CT, read_pixels({"text": "keep", "faces": "flag"})).has_face
    assert not gate(US, read_pixels({"faces": "flag"})).has_face
    assert gate(CT, read_pixels({"faces": "refuse"})).action is PixelAction.REFUSE


def test_masks() -> None:
    """The device table decides whether the rest is looked at; an unknown size is looked at or refused."""
    match = 'match = {Manufacturer = "ACME*", Rows = 512, Columns = 512}'
    entry = f"[[device]]\n{match}\nmask = [[0, 0, 512, 30]]\nlook = false\n"
    acme = replace(US, manufacturer="Acme Medical")
    settings = read_pixels({"deviceTable": entry})
    strict = read_pixels({"deviceTable": 'unmatched = "refuse"\n' + entry})

    verdict = gate(acme, settings)

    assert (verdict.action, verdict.masks, verdict.claims) == (PixelAction.MASKS, (Box(0, 0, 512, 30),), True)
    assert gate(replace(acme, rows=300), settings).action is PixelAction.LOOK
    assert gate(replace(acme, rows=300), strict).action is PixelAction.REFUSE
    assert gate(US, strict).action is PixelAction.LOOK


@given(
    st.builds(
        PixelHeader,
        modality=st.sampled_from(["", "CT", "US", "XX"]),
        burned_in_annotation=st.sampled_from(["", "YES", "NO", "?"]),
        sop_class_uid=st.sampled_from(["", CT.sop_class_uid, US.sop_class_uid, "1.2.3"]),
        image_type=st.lists(st.sampled_from(["ORIGINAL", "PRIMARY", "DERIVED"]), max_size=3).map(tuple),
        has_pixel_data=st.just(True),
    ),
    st.sampled_from(["trust", "sample", "strokes", "look"]),
)
def test_total_and_never_safer_by_silence(header: PixelHeader, name: str) -> None:
    """Every header has a verdict; only a whole description of a slice passes without a look."""
    verdict = gate(header, read_pixels({"gate": name}))

    if verdict.action is PixelAction.NOTHING:
        assert name == "trust"
        assert header.image_type[:2] == ("ORIGINAL", "PRIMARY")
    assert verdict.reason
