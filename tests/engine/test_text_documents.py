"""Encapsulated documents: what comes out of reports in XML and with separators, and what is not read."""

from __future__ import annotations

import base64

import pytest

from dicomveil_engine import deidentify_instance, deidentify_metadata, load_policy
from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.clean_document import BUILDER, CleanDocument
from dicomveil_engine.methods.dummy import constant
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.documents import clean_document
from dicomveil_engine.text.documents.markup import DEEPEST, MOST_ELEMENTS
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.words import IdentifyingWords
from engine.datasets import KEY, element, instance, preset, read

OPEN = '<ClinicalDocument xmlns="urn:hl7-org:v3">'
CDA = """<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet href="https://example.org/doe.xsl"?>
<h:ClinicalDocument xmlns:h="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xmlns:own="urn:example:hospital">
  <!-- typed by Zebedyah Quarnstrom -->
  <h:typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <h:templateId root="1.2.3.4.5"/>
  <h:id root="1.2.3.999" extension="REP-77341"/>
  <h:code code="18748-4" codeSystem="2.16.840.1.113883.6.1" displayName="Diagnostic imaging report"/>
  <h:title>CT chest of Jane Doe</h:title>
  <h:effectiveTime value="20240229101500"/>
  <h:recordTarget><h:patientRole>
    <h:id root="1.2.3" extension="HX 55-1234"/>
    <h:addr><h:streetAddressLine>12 Wobblethorpe</h:streetAddressLine><h:state>CT</h:state></h:addr>
    <h:telecom value="tel:+1-555-010-9999"/>
    <h:patient><h:name><h:given>Jane</h:given><h:family>Doe</h:family></h:name>
      <h:birthTime value="19480503"/></h:patient>
  </h:patientRole></h:recordTarget>
  <h:author><h:time value="20240229"/><h:assignedAuthor><h:assignedPerson>
    <h:name><h:given>Zebedyah</h:given><h:family>Quarnstrom</h:family></h:name></h:assignedPerson></h:assignedAuthor>
  </h:author>
  <h:custodian><h:assignedCustodian><h:representedCustodianOrganization>
    <h:name>Vexbury Clinic</h:name></h:representedCustodianOrganization></h:assignedCustodian></h:custodian>
  <h:legalAuthenticator><h:assignedEntity><h:id extension="ZQ1"/></h:assignedEntity></h:legalAuthenticator>
  <own:ward>Wobblethorpe East</own:ward>
  <h:component><h:structuredBody><h:component><h:section>
    <h:code code="121070" codeSystem="1.2.840.10008.2.16.4" displayName="Findings"/>
    <h:text>
      <h:paragraph>Nodule of 8 mm, seen by <h:content styleCode="Bold">Quarnstrom</h:content> with Jane.</h:paragraph>
      <h:paragraph>Dr. <h:content>Wintershall</h:content> agrees, <h:linkHtml href="tel:1">x</h:linkHtml>
      </h:paragraph>
      <h:table><h:tbody><h:tr><h:td>MRN</h:td><h:td>4471</h:td></h:tr></h:tbody></h:table>
    </h:text>
    <h:entry><h:observation classCode="OBS" moodCode="EVN">
      <h:id root="1.2.3.4"/>
      <h:value xsi:type="h:PQ" value="8.5" unit="mm"/>
      <h:value xsi:type="h:TS" value="20240229"/>
      <h:value xsi:type="h:ED" mediaType="application/pdf" representation="B64">SmFuZSBEb2U=</h:value>
    </h:observation></h:entry>
  </h:section></h:component></h:structuredBody></h:component>
</h:ClinicalDocument>"""
GONE = (
    *("Jane", "Doe", "Zebedyah", "Quarnstrom", "77341", "1234", "Wobblethorpe", "555", "19480503", "20240229"),
    *("Vexbury", "ZQ1", "Wintershall", "4471", "SmFuZS", "example", "1.2.3", "stylesheet", "href", "ward"),
)
STAYS = (
    *('code="18748-4"', 'displayName="Diagnostic imaging report"', "CT chest of", "Nodule of 8 mm, seen by", "agrees"),
    *('value="8.5"', 'unit="mm"', 'xsi:type="PQ"', 'extension="POCD_HD000040"', 'classCode="OBS"', ">MRN<"),
    *('<recordTarget nullFlavor="MSK"><patientRole nullFlavor="MSK"><id nullFlavor="MSK"/>', "<custodian", "<author"),
)
HL7 = (
    b"MSH|^~\\&|RIS|Vexbury Clinic|PACS|X|20240229||ORU^R01^ORU_R01|MSG-1|P|2.5.1\r"
    b"PID|1||HX551234^^^V||Quarnstrom^Jane^^||19480503|F|||12 Wobblethorpe^^Town\r"
    b"NK1|1|Vinterholm^Zebedyah|BRO\r"
    b"PV1|1|I|W4^12||||4711^Ottokarsen^Ida\r"
    b"ZXY|1|Jane\r"
    b"OBR|1|ORD-1|FIL-9|71250^CT chest^L|||202402291015||||||||4711^Ottokarsen|||||||||CT|F\r"
    b"OBX|1|TX|FIND^Findings||Nodule 8 mm. Seen with Vinterholm~by Ottokarsen \\T\\ team.\\.br\\Dr. Wintershall agrees"
    b"||||||F|||20240229\r"
    b"OBX|2|NM|SIZE||8.5|mm|||||F\r"
    b"OBX|3|XPN|WHO||Quarnstrom^Jane||||||F\r"
    b"OBX|4|ED|PDF||^application^pdf^Base64^SmFuZSBEb2U=||||||F\r"
    b"NTE|1|L|Read for Zebedyah\r"
)


def cleaned(document: bytes, *values: tuple[str, str]) -> bytes | None:
    """The document, in a data set with these values."""
    words, own = IdentifyingWords(), OwnWords()
    for value, vr in values:
        words.add(value, vr)
        own.add(value, vr)
    return clean_document(document, words, own)


def clean(document: bytes) -> str:
    left = cleaned(document, ("Doe^Jane", "PN"), ("PATIENT-1", "LO"))
    assert left is not None
    return left.decode()


@pytest.mark.parametrize("gone", GONE)
def test_a_cda_loses_what_identifies(gone: str) -> None:
    """Header, narrative text, entries, comments: the names are known from the document's own header."""
    assert gone in CDA
    assert gone not in clean(CDA.encode())


@pytest.mark.parametrize("stays", STAYS)
def test_a_cda_keeps_the_rest(stays: str) -> None:
    """Codes, measurements, structure and what the texts say of the images."""
    assert stays in clean(CDA.encode())


def test_names_are_those_of_the_documents_own_header() -> None:
    """Without the author in the header the word is a word like others, so that the header makes the difference."""
    section = "<component><section><text>{}</text></section></component>"
    head, tail = '<ClinicalDocument xmlns="urn:hl7-org:v3">', "</ClinicalDocument>"
    author = (
        "<author><assignedAuthor><assignedPerson><name>Ida Ottokarsen</name></assignedPerson></assignedAuthor></author>"
    )
    text = section.format("as ottokarsen said")

    assert "ottokarsen" in clean(f"{head}{text}{tail}".encode())
    assert "ottokarsen" not in clean(f"{head}{author}{text}{tail}".encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_encodings(encoding: str) -> None:
    """All that a parser knows by itself; what comes out is UTF-8."""
    text = '<?xml version="1.0" encoding="{}"?>' + OPEN + "<title>Jürgen: Thorax</title></ClinicalDocument>"

    left = cleaned(text.format(encoding).encode(encoding), ("Jürgen^Doe", "PN"))

    assert left is not None
    assert "Thorax" in left.decode()
    assert "rgen" not in left.decode()


@pytest.mark.parametrize(
    "document",
    [
        CDA.replace("<h:Clin", '<!DOCTYPE x [<!ENTITY a "b">]><h:Clin', 1),
        CDA.replace("<h:Clin", '<!DOCTYPE x SYSTEM "file:///etc/passwd"><h:Clin', 1),
        CDA.replace("CT chest of", "&undeclared;"),
        CDA[:-5],
        CDA.replace("urn:hl7-org:v3", "urn:example:other"),
        "<html><body>Jane Doe</body></html>",
        OPEN + "<component>" * DEEPEST + "</component>" * DEEPEST + "</ClinicalDocument>",
        '<ClinicalDocument xmlns="urn:hl7-org:v3">' + "<br/>" * MOST_ELEMENTS + "</ClinicalDocument>",
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>' + "a " * 150_000 + "</title></ClinicalDocument>",
        '<?xml version="1.0" encoding="x-unknown"?><ClinicalDocument xmlns="urn:hl7-org:v3"/>',
        "%PDF-1.4 Jane Doe",
        "Jane Doe",
        "MSH|#~\\&|other separators",
        "",
    ],
)  # fmt: skip
def test_what_is_not_read(document: str) -> None:
    """Document types, what is not well-formed, over a bound or of another kind has no clean form."""
    assert cleaned(document.encode()) is None


def test_names_of_elements_and_attributes() -> None:
    """Where they are not the schema's, they are looked at like words."""
    text = OPEN + '<DoeJane x="1"/><title doe="1" lang="en">T1</title></ClinicalDocument>'

    assert '<title lang="en">T1</title>' in clean(text.encode())
    assert "oe" not in clean(text.encode()).replace("version", "")


def test_codes_are_kept_by_their_systems() -> None:
    """A house's own code system is not said, and a code that is an identifier of the instance goes from any."""
    text = '<ClinicalDocument xmlns="urn:hl7-org:v3"><code code="{}" codeSystem="{}"/></ClinicalDocument>'
    loinc, house = "2.16.840.1.113883.6.1", "1.2.3.4"

    assert f'code="18748-4" codeSystem="{loinc}"' in clean(text.format("18748-4", loinc).encode())
    assert house not in clean(text.format("18748-4", house).encode())
    assert "PATIENT" not in clean(text.format("PATIENT-1", loinc).encode())


@pytest.mark.parametrize(
    "gone",
    [
        *("Vexbury", "Quarnstrom", "Jane", "Vinterholm", "Zebedyah", "Ottokarsen", "Wintershall", "1234", "4711"),
        *(
            "20240229",
            "19480503",
            "Wobblethorpe",
            "ORD-1",
            "FIL-9",
            "MSG-1",
            "SmFuZS",
            "PID",
            "NK1",
            "PV1",
            "ZXY",
            "RIS",
        ),
    ],
)
def test_a_message_loses_what_identifies(gone: str) -> None:
    """Segments that say who and where, and from the texts the names that stood there."""
    assert gone.encode() in HL7
    assert gone not in clean(HL7)


def test_a_message_keeps_the_rest() -> None:
    """What was examined, texts and values, under the separators as they were."""
    lines = clean(HL7).strip().split("\r")

    assert [line[:3] for line in lines] == ["MSH", "OBR", "OBX", "OBX", "OBX", "OBX", "NTE"]
    assert lines[0] == "MSH|^~\\&|||||||ORU^R01^ORU_R01||P|2.5.1"
    assert lines[1].startswith("OBR|1|||71250^CT chest^L|")
    assert "Nodule 8 mm. Seen with" in lines[2]
    assert "\\T\\ team.\\.br\\" in lines[2]
    assert "agrees" in lines[2]
    assert lines[3] == "OBX|2|NM|SIZE||8.5|mm|||||F"
    assert lines[4] == "OBX|3|XPN|WHO||||||||F"


def test_a_message_in_latin_1_comes_out_in_utf_8() -> None:
    """And says so (MSH-18)."""
    left = clean("MSH|^~\\&|A\rNTE|1|L|Thorax für Jane\r".encode("latin-1"))

    assert "MSH|^~\\&||||||||||||||||UNICODE UTF-8\r" in left
    assert "Thorax für" in left


@pytest.mark.parametrize("document", [CDA.encode(), HL7, b"MSH|^~\\&|A\rNTE|1|L|CT\r"])
def test_twice_is_once(document: bytes) -> None:
    """The clean document has no names in its header; it must not change for that."""
    once = cleaned(document, ("Doe^Jane", "PN"))
    assert once is not None

    assert len(once) % 2 == 0
    assert cleaned(once, ("Doe^Jane", "PN")) == once
    assert cleaned(once) == once


def test_the_method_puts_a_dummy_in_the_place_of_others() -> None:
    """What is longer than its setting says is not read either; what was empty stays so."""
    method, short = CleanDocument(), BUILDER.build({"maxBytes": 100}, Keys(KEY))

    assert method.apply(Element(0x00420011, "OB", b"%PDF"), Context()) == constant("OB")
    assert method.apply(Element(0x00420011, "OB", CDA.encode()), Context()) != constant("OB")
    assert short.apply(Element(0x00420011, "OB", CDA.encode()), Context()) == constant("OB")
    assert method.apply(Element(0x00420011, "OB", b""), Context()) == b""


def encapsulated(document: bytes) -> bytes:
    """An Encapsulated CDA instance."""
    return instance(
        element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.104.2"),
        element(0x00100010, "PN", "Doe^Jane"),
        element(0x0020000D, "UI", "1.2.3"),
        element(0x00420010, "ST", "Report of Jane Doe"),
        element(0x00420011, "OB", document + b"\0" * (len(document) % 2)),
        element(0x00420012, "LO", "text/XML"),
        element(0x00420015, "UL", len(document)),
    )


@pytest.mark.parametrize("document", [CDA.encode(), HL7, b"%PDF-1.4 Jane Doe"])
def test_part_10_and_json_agree(document: bytes) -> None:
    """Under the preset for research, in both encodings; its length is no longer said."""
    data, policy = encapsulated(document), preset("research")
    part10 = read(deidentify_instance(data, policy))
    element_in_json = read(data).to_json_dict()
    inline = deidentify_metadata([element_in_json], policy)[0]["00420011"]["InlineBinary"]

    assert base64.b64decode(str(inline)) == part10.EncapsulatedDocument
    assert b"Jane" not in part10.EncapsulatedDocument
    assert "EncapsulatedDocumentLength" not in part10
    assert part10.EncapsulatedDocument == (cleaned(document, ("Doe^Jane", "PN")) or b"\0\0")


@pytest.mark.parametrize("name", ["default", "basic"])
def test_other_presets_remove_documents(name: str) -> None:
    """As PS3.15 says, with or without the options for texts."""
    policy = load_policy({"profile": name, "options": ["cleanDescriptors", "cleanStructuredContent"]}, KEY)

    assert read(deidentify_instance(encapsulated(CDA.encode()), policy)).EncapsulatedDocument == b"\0\0"


def test_words_that_are_not_all_known() -> None:
    """A document beside a damaged part of the header may hold a name that was not read: it is replaced."""
    document = Element(0x00420011, "OB", f"{OPEN}</ClinicalDocument>".encode())
    known = CleanDocument().apply(document, Context())

    assert known not in {None, constant("OB")}
    assert CleanDocument().apply(document, Context(identifying=IdentifyingWords(is_complete=False))) == constant("OB")
