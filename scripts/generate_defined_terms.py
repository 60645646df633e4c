"""Write the words of which PS3.3's defined terms and enumerated values are made.

    python scripts/generate_defined_terms.py /usr/bin/dciodvfy

dciodvfy (dicom3tools, BSD licence; Debian: dicom3tools) holds the terms as strings. Of them only the words go into the
table. The linker has merged terms that end another one: those that its merging hides are listed here.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

TARGET = Path(__file__).parents[1] / "engine" / "dicomveil_engine" / "attributes" / "_standard"

_TERM = re.compile(rb"[A-Z][A-Z0-9_ ]{0,15}")
_STRING = re.compile(rb"\0([\x20-\x7e]{1,16})(?=\0)")

MERGED = """
ABDOMEN AND ANGIO AP AR ARM AS AU AXIAL BDUS BI BMD BR BREAST CARDIAC CD CF CHEST CODE COLOR CP CR CS CT CTPROTOCOL DD
DERIVED DG DM DMS DOC DS DX EC ECG EEG EMG EOG EPS ES ESC ESP EX EXTREMITY FA FID FLOW FM FOOT FS GM GSP HAND HC HD HEAD
HF HFP HFS HIP IE IM INTERVAL INV IO IOL IVOCT IVUS KER KNEE KO L LA LEN LP LS M2D MA MEAN MG MIN MAX MPR MR MS MV NM NO
NT NUM OAM OCT OFF ON OP OPM OPR OPT OPTENF OPV ORIGINAL OSS OT OTHER PA PET PIXEL PLAN POS PR PT PX R REG RESAMPLED
RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SCAN SEG SM SMR SPINE SR SRF ST STAIN SUM
TABLE TE TEXT TG THORAX TOMO U US VA VF VOLUME W XA XC YES
"""


def words(program: bytes) -> set[str]:
    """The words of all strings that look like terms, and stand by themselves."""
    terms = {match[1] for match in _STRING.finditer(program) if _TERM.fullmatch(match[1])}
    found = {word for term in terms for word in re.split("[_ ]+", term.decode("ascii"))}
    return {word for word in found if len(word) > 1 and not word.isdecimal()} | set(MERGED.split())


def main(program: str) -> None:
    """Write defined_terms.txt."""
    found = sorted(words(Path(program).read_bytes()))
    (TARGET / "defined_terms.txt").write_text("\n".join(found) + "\n", encoding="ascii")
    print(f"defined_terms.txt: {len(found)} words")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
