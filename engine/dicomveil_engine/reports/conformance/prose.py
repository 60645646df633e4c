"""The passages of the conformance statement that are the same whatever the policy."""

from dicomveil_engine.attributes._standard import Option

INTRODUCTION = """\
# Conformance statement: de-identification

*Made by `dicomveil conformance` from the engine's own decisions; do not edit.*

dicomveil is a de-identifier in the sense of PS3.15 Annex E, for instances on their way between a DICOMweb
origin server and its user agents, and for files. It treats all SOP Classes alike, at every level of nesting.
The table is that of edition 2026d."""

RULES_FIRST = """\
{names}: rules come before the profile (section 8). Where a rule keeps what the profile would not, the claim above holds
with that exception."""

BY_TYPE = """\
Of compound codes, written with *by type* in the tables, the one is taken that the attribute's type in the instance's
IOD asks for. Of an unknown SOP Class, and in items of sequences, the type is unknown, and the choice is conformant
whatever it is:"""

_SEQUENCE = """\
An Encrypted Attributes Sequence (0400,0500) is written by `export` and `anonymize` alone, and only where recipients are
named: with the original attributes of patient and study, for the holders of their private keys."""

NO_ENCRYPTION = f"No attribute is encrypted in its own element.\n{_SEQUENCE}"

ENCRYPTION = f"""\
Encrypted attributes hold their ciphertext in their own element, Base64 in texts; `dicomveil decrypt` restores them with
the key.
{_SEQUENCE}"""

DUMMY_ITEMS = """\
Items of D for sequences. All other sequences get one code item ANONYMOUS of the private scheme `99DICOMVEIL`:"""

INTEGRITY = """\
## 2. Scope of referential integrity

Every replacement is a function of the project's key and the original value, and of nothing else: no chance, no
clock, no earlier request. The same original therefore has the same pseudonym in all instances, series and
studies of a project, in metadata, search results and instances alike, on every replica, today and tomorrow.
With another key all pseudonyms are others, and nothing relates the two.

A data set whose StudyInstanceUID carries the project's own check part was de-identified by the project before. Its
pseudonyms are recognised and stay, its dates do not move again; what is removed, emptied or cleaned is so again."""

MARKS = """\
Earlier texts and codes in (0012,0063) and (0012,0064) stay, the texts cleaned; ours are added once. The codes
are those of the profile, in the table above. Search results are not instances, and hold none of these attributes."""

FILE_META = """\
The preamble and the File Meta Information are written anew: 128 zeros, (0002,0001), (0002,0002), (0002,0003)
following the new SOPInstanceUID, (0002,0010) as it was, (0002,0012) `{implementation}` and (0002,0013)
`{version}`. Nothing else of group 0002 passes: no AE title, no private information.

Always removed, whatever the profile: group lengths, groups 0000 and 0004, Digital Signatures Sequence (FFFA,FFFA),
Data Set Trailing Padding (FFFC,FFFC), Original Attributes Sequence (0400,0561). Always kept: Specific Character
Set (0008,0005), which says how to read the text that stays."""

MODIFIED_DATES = """\
Dates that are shifted (DA and DT) move by a whole number of days that is derived from the key and the original
identifier of the scope (dateShiftScope: study, series, instance or patient; by default the study). Zero is
never drawn. The range is: {ranges}. Time of day, precision and offset from UTC of a DT stay as written, and TM
is unchanged, so that intervals within the scope are exact; StudyDate and the other attributes of patient and
study always move with their study. A data set without the identifier has no shift: its dates are emptied.
(0012,0052) and (0012,0053) are not written."""

VOCABULARY = """\
Names of the archive are found, too: words that stand in a PN attribute of some patient, by a vocabulary that was
counted beforehand, unless five times as many patients have them in a text. Its digest is in (0012,0063) as well."""

TEXT = """\
## 5. How text is cleaned

Text that is cleaned loses:

- every word of the instance's own identifying attributes, at whatever depth they stand, removed sequences included: all
  person names, with the initials beside them, and the values of a list of identifiers, institutions, addresses and
  devices (`identifying.py`); case, accents and width of letters do not count; of a UID or identifier the whole, of a
  name each part;
- the instance's own dates, in common notations;
- whatever is written like a date, a telephone number, an e-mail address, a URL, a UID or an identifier of seven or more
  digits.

Names are found in other spellings (umlauts, strokes, ligatures, apostrophes, particles) and in texts whose character
set is missing or wrong; what cannot be read is left out.

A value that is kept is looked at as well. It is emptied if it is illegal for its VR or its attribute, or if it holds a
word of the instance's own identifying attributes; defined terms, words that describe images and numbers of fewer than
six digits stay. (0008,0005) has defined terms only, a class UID is registered or well-formed, and (0008,0201) is an
offset. Values that a rule keeps are checked in the same way, but for free text.

The rest stays. A name that occurs in none of the instance's identifying attributes is not found. A short text that
holds only words of a list that describes images (from PS3.16), of which just one is also a word of a name or
identifier, stays.
Patient characteristics that are text, such as Allergies, are cleaned in the same way where their option has C."""

STRUCTURED_CONTENT = """\
{names}: Content Sequence (0040,A730), Acquisition Context Sequence (0040,0555), Specimen Preparation Sequence
(0040,0610) and Waveform Annotation Sequence (0040,B020) are kept, and each of their content items is judged by its
concept name (Table E.3.4-1, with retired codes) and value type: it is removed, gets a dummy value, is kept or
cleaned. In what is cleaned, person names are emptied or replaced, dates treated as in section 4, UIDs replaced,
and text is cleaned as in section 5."""

GRAPHICS = """\
{names}: graphic annotations (0070,0001) are kept, and the text in them is cleaned as in section 5. Overlays and
curves are removed all the same: what the bits of an overlay show is unknown."""

SAFE_PRIVATE = """\
{names}: of private attributes those are kept that Table E.3.10-1 lists (below), and those that the instance
declares safe in (0008,0300), in whichever block their creator has reserved; the creator comes out with them.
Safe is not the same as kept: UIDs are replaced, dates treated as in section 4, texts cleaned, sequences
recursed into, everything else checked as other values that are kept (section 5), and OB, OW, UN and other bytes
are removed."""

RULES = "The first rule that fits an element decides, at every depth; what no rule names is decided by the profile."

LAYER = """\
A layer by VR lies beneath the table, for PS3.6 attributes that the table does not list and for unknown ones. It
is turned off by `"unlistedAttributes": "keep"`. An attribute that is neither in PS3.6 nor in the table is
removed, and so is one whose VR in the instance is treated otherwise than its VR in PS3.6."""

NO_LAYER = "What no rule names is kept."

TRANSFER_SYNTAXES = """\
## 10. Transfer syntaxes

All of PS3.5 Annex A, in and out unchanged: implicit and explicit VR little endian, explicit VR big endian,
deflated, and every encapsulated one, whose fragments pass bit for bit. An instance whose transfer syntax does
not look like one of PS3.5's is refused. Where the bytes contradict the announced VR encoding of the two
uncompressed little endian syntaxes, the bytes decide and the File Meta Information says what is true."""

PIXELS = """\
- **Text burnt into pixels passes.** (0028,0301) Burned In Annotation is emptied unless it says YES, because nobody has
  checked it; (0028,0302) Recognizable Visual Features passes as it came. The same holds for frames, rendered pictures
  and thumbnails. Do not serve secondary captures, ultrasound, scanned documents or dose screens to people who must not
  know the patient, unless you know that they hold no text.
- Faces in head CT and MR are not removed."""

CODE_STREAMS = """\
- Metadata beside the pixels are removed from Pixel Data: application and comment segments of JPEG and JPEG-LS, comments
  and boxes of JPEG 2000 and JPEG XL, user data and SEI of video, and all that stands behind the end of a picture or the
  last native pixel. Bits above Bits Stored are cleared. No decoded pixel changes. A frame that is not a code stream of
  a known kind is refused. Not removed: user data in MPEG transport and program streams, SEI in MP4 files with sound
  between the pictures, and bytes that only a decoder can distinguish from pixels."""
PIXELS_CLEANED = """\
- Text in pixels is found by optical character recognition, which misses some: see docs/pixels.md for rates. Instances
  that are looked at, and those of a series of which samples are, leave with (0028,0301) Burned In Annotation NO and
  113101 in (0012,0064), without icons and overlays; for all others nothing is claimed. Where the extra `pixels` is not
  installed they are refused. Video, and LABEL and OVERVIEW images of slides, are always refused. Faces are never
  removed, and 113102 is never claimed."""

PIXEL_TEXT = {
    "refuse": "instances that may hold text in their pixels are refused",
    "allText": "all text in pixels that is found is covered",
    "sensitiveText": "text in pixels that is found is covered, unless it is recognised as technique",
    "sensitiveTextCleanDescriptors": "text in pixels that is found is covered, unless it is recognised as technique "
    "that no description of the header says",
}
PIXEL_GATE = {
    "trust": "ORIGINAL\\PRIMARY single-frame CT, MR and PT pass without a look, and nothing is claimed for them",
    "sample": "of ORIGINAL\\PRIMARY single-frame CT, MR and PT the first, middle and last of a series are looked at, "
    "and all if one of them holds text",
    "strokes": "of ORIGINAL\\PRIMARY single-frame CT, MR and PT those are looked at in which a fast test finds strokes",
    "look": "ORIGINAL\\PRIMARY single-frame CT, MR and PT are looked at, too",
}

WITHOUT = {
    Option.RETAIN_SAFE_PRIVATE: "private attributes are all removed, unless a rule names them.",
    Option.CLEAN_STRUCTURED_CONTENT: "structured reports lose their content: Content Sequence (0040,A730) becomes one "
    "dummy item.",
    Option.CLEAN_GRAPHICS: "overlays, curves and graphic annotations are removed.",
    Option.CLEAN_DESCRIPTORS: "descriptions that the table lists are removed, whether they identify or not.",
}
"""What a profile without an option does instead."""

CONCLUSIONS = """\
- Encapsulated documents become two zero bytes, unless a rule says otherwise.
- Nothing is done about what can be concluded from values that stay: patient characteristics outside the table, device
  parameters, the order of instances."""

TABLE = """\
In the form of PS3.2 Table N.11-6. *Comments* name the rule where it is not the table's own code for the Basic
Profile."""
