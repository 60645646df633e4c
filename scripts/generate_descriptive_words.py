"""Write the list of words that describe images and name nobody, for the cleaning of free text.

    python scripts/generate_descriptive_words.py

Anatomy, laterality, modality, position and view come from the context groups of PS3.16, as pydicom ships them;
the words of sequences and series from the list here. Words that are in the groups because of a person are left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts

TARGET = Path(__file__).parents[1] / "engine" / "dicomveil_engine" / "attributes" / "_standard"

CONTEXT_GROUPS = (2, 4, 19, 20, 21, 29, 33, 244, 245, 4009, 4010, 4011, 4014, 4028, 4030, 4031, 4040, 4042)

EPONYMS = "boyd dodd fallopian hunterian trendelenburg willis"

SERIES = """
abd adc angio ap arterial ax axis bold brain chamber cine complete contrast cor cr cta delayed diagnostic diffusion
dti dwi dx dynamic early ecg enhanced epi exam examination fat flair flow follow followup frontal fs fse gated gre
haste head high iv ir kernel lat late limited localizer long low lower mg mip mpr mprage mr mra mri mrv native neck
nm oblique pa perfusion pet phase plane plain portal post pre preop postop recon reformat resolution rest routine
sag sat saturation scout se series short slice soft space spin standard stir stress study survey swi thick thin
tissue tof topogram tra tse turbo unenhanced us venous vibe view views volume weighted whole window with without wo
xa xr
l r t w
"""


def descriptive_words() -> list[str]:
    """The words, in lower case and in order."""
    meanings = [
        meaning
        for group in CONTEXT_GROUPS
        for scheme, keywords in cid_concepts[group].items()
        for keyword in keywords
        for meaning, *_ in concepts[scheme].get(keyword, {}).values()
    ]
    words = {word for meaning in meanings for word in re.findall("[a-z]{2,}", meaning.lower())}
    return sorted(words.union(SERIES.split()).difference(EPONYMS.split()))


if __name__ == "__main__":
    (TARGET / "descriptive_words.txt").write_text("\n".join(descriptive_words()) + "\n", encoding="ascii")
    print(f"descriptive_words.txt: {len(descriptive_words())} words")
