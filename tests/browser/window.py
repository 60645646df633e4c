"""A browser window with the viewer in it: what is done in it, what it shows, and all that it was told.

Nothing here knows what is right: tests say that.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Error, Locator, Page, Response, expect

_WIDTH, _HEIGHT = 1600, 900
"""Wide enough for the study list's column of patients' IDs."""
PATIENCE = 30_000
"""Milliseconds: the viewer is large, and other tests may run beside it."""
_SEEN_BEFORE = """
localStorage.setItem('shownTours', JSON.stringify(['basicViewerTour']));
sessionStorage.setItem('investigationalUseDialog', 'hidden');
"""
"""What the viewer remembers of one who has closed its tour and its notice."""
_FILTERS = "tbody tr[data-filter-row]"
_ROW = "tbody tr:not([data-filter-row]):not(.rdp-week)"


class Column(IntEnum):
    """Of the study list, by its place from the left."""

    PATIENT_NAME = 0
    PATIENT_ID = 1


class Window:
    """One user's window. It remembers every answer that the page got, until it is closed."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._url = url
        # Of its own, so that no answer comes out of what an earlier test left.
        self._context = browser.new_context(
            viewport={"width": _WIDTH, "height": _HEIGHT}, service_workers="block", locale="en-US"
        )
        self._context.set_default_timeout(PATIENCE)
        self._context.add_init_script(_SEEN_BEFORE)
        self.page: Page = self._context.new_page()
        self._responses: list[Response] = []
        self.page.on("response", self._note)

    def close(self) -> None:
        """Close the window and forget what it saw."""
        self._context.close()

    def list_studies(self) -> Locator:
        """Open the study list; its rows."""
        self.page.goto(self._url)
        return self.page.locator(_ROW)

    def filter_by(self, column: Column, text: str) -> None:
        """Type into the filter of a column of the study list, and into no other."""
        for each in Column:
            self.page.locator(f"{_FILTERS} input").nth(each).fill(text if each is column else "")

    def filter_by_date(self, date: str) -> None:
        """Type a day (YYYYMMDD) into both ends of the study list's range of dates."""
        for end in ("start", "end"):
            field = self.page.locator(f"{_FILTERS} [data-cy=input-date-range-{end}]")
            field.fill(f"{date[:4]}-{date[4:6]}-{date[6:]}")
            field.press("Escape")

    def open_study(self, study_instance_uid: str) -> None:
        """Open a study in the viewer."""
        self.page.goto(f"{self._url}/viewer?StudyInstanceUIDs={study_instance_uid}")

    def likeness(self, picture: NDArray[np.float64], at_least: float) -> float:
        """Wait until the viewport shows something like `picture` (rows, columns); their correlation then, or last.

        0 is what an empty viewport has in common with any picture.
        """
        return self._awaited(lambda shown: _correlation(shown, picture), at_least)

    def contrast(self, at_least: float) -> float:
        """Wait until the viewport is not of one colour; the standard deviation of its grey values then, or last."""
        return self._awaited(lambda shown: float(np.asarray(shown).std()), at_least)

    def text(self) -> str:
        """All that can be read on the page."""
        return self.page.inner_text("body")

    def leaks(self, secrets: Iterable[bytes]) -> list[str]:
        """Where one of these is found: in the page's text, or in a request or an answer of DICOMweb, whole."""
        places = {"the page": self.text().encode()}
        for number, response in enumerate(self._responses):
            if "/dicom-web/" in response.url:
                headers = [*response.request.all_headers().items(), *response.all_headers().items()]
                body = self._body(response)
                places[f"answer {number}"] = b"\n".join([response.url.encode(), repr(headers).encode(), body])
        wanted = list(secrets)
        return [f"{place}: {secret!r}" for place, content in places.items() for secret in wanted if secret in content]

    def strangers(self) -> list[str]:
        """Requests to anybody but the server under test."""
        urls = [response.url for response in self._responses]
        return [url for url in urls if not url.startswith((f"{self._url}/", "data:", "blob:"))]

    def keep_picture(self, name: str, height: int = _HEIGHT) -> None:
        """Write what the window shows, down to `height`, into the folder that PICTURES names (`make pictures`)."""
        folder = os.environ.get("PICTURES")
        if folder:
            shown = Image.open(io.BytesIO(self.page.screenshot())).crop((0, 0, _WIDTH, height))
            shown.convert("RGB").quantize(128).save(Path(folder) / f"{name}.png", optimize=True)

    def _awaited(self, measure: Callable[[Image.Image], float], at_least: float) -> float:
        canvas = self.page.locator("canvas").first
        expect(canvas).to_be_visible()
        found = 0.0
        for _ in range(PATIENCE // 500):
            found = measure(Image.open(io.BytesIO(canvas.screenshot())).convert("L"))
            if found >= at_least:
                break
            self.page.wait_for_timeout(500)
        return found

    def _body(self, response: Response) -> bytes:
        try:
            return response.body()
        except Error:
            # The browser keeps bodies as long as it likes. The same request gives the same answer.
            return self.page.request.fetch(response.request).body()

    def _note(self, response: Response) -> None:
        self._responses.append(response)


def _correlation(shown: Image.Image, picture: NDArray[np.float64]) -> float:
    """Of the picture with the middle of the viewport, into which the viewer fits it whole."""
    rows, columns = picture.shape
    scale = min(shown.width / columns, shown.height / rows)
    width, height = columns * scale, rows * scale
    left, top = (shown.width - width) / 2, (shown.height - height) / 2
    cut = shown.crop((round(left), round(top), round(left + width), round(top + height)))
    size = (64, 64)
    here = np.asarray(cut.resize(size, Image.Resampling.BOX), dtype=float).ravel()
    there = np.asarray(Image.fromarray(picture.astype(np.float32)).resize(size, Image.Resampling.BOX)).ravel()
    if here.std() == 0 or there.std() == 0:
        return 0.0
    return float(np.corrcoef(here, there)[0, 1])
