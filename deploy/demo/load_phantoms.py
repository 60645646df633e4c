"""Send test images to an archive, so that there is something to look at: python load_phantoms.py http://orthanc:8042/dicom-web

They come with pydicom: phantoms, and patients who do not exist. Instances that the archive refuses are counted.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from importlib.resources import as_file, files

NAMES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "JPEG2000.dcm",
    "examples_overlay.dcm",
    "examples_rgb_color.dcm",
    "examples_ybr_color.dcm",
    "rtdose.dcm",
    "rtplan.dcm",
)
BOUNDARY = "phantom"


def main(url: str) -> None:
    """Store each instance by STOW-RS; say how many the archive took."""
    stored = 0
    with as_file(files("pydicom") / "data" / "test_files") as folder:
        instances = [path.read_bytes() for name in NAMES if (path := folder / name).is_file()]
    for instance in instances:
        head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        request = urllib.request.Request(  # noqa: S310 - the archive that the operator names
            f"{url.rstrip('/')}/studies",
            data=head + instance + f"\r\n--{BOUNDARY}--\r\n".encode(),
            headers={
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
                "Accept": "application/dicom+json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                stored += answer.status == 200
        except urllib.error.HTTPError:
            continue
        except urllib.error.URLError as error:
            sys.exit(f"the archive does not answer: {error.reason}")
    print(f"{stored} of {len(instances)} test images stored")
    if not stored:
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
