"""PHONE_NUMBER: telephone, fax and pager numbers and extensions.

Notations that only telephone numbers have are found anywhere. Digits with blanks are found only after a cue, or if they
are a number of one of the policy's regions.
"""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text import roles
from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.patterns import late_pattern

_LISTS = word_lists("phones")
_CUES = _LISTS["cues"]
_SIZES = _LISTS["sizes"]

_EXTENSION = r"(?:[ ,;]{0,3}(?:x|ext|extn|extension|dw)\.?[ ]?\d{2,6}(?![^\W_]))?"
_NOTATIONS = late_pattern(
    r"(?=[\d(+xe])(?:"
    + "|".join(
        (
            # +49 (0)30 123-4567, 0049 30 1234567
            (
                r"(?<![^\W_])(?:\+[ ]?|00)[1-9]\d{0,2}[ ]?(?:\(0?\d{0,4}\)[ ]?)?"
                rf"\d(?:[ ./()\-]{{0,2}}\d){{5,12}}(?!\d){_EXTENSION}"
            ),
            # (883) 476-6956, 8 (918) 212-32-58, (030) 123 45 67
            rf"(?<![^\W_])(?:(?:\+?\d{{1,2}})[ \-]?)?\(\d{{2,5}}\)[ \-/]?\d(?:[ .\-]?\d){{4,9}}(?!\d){_EXTENSION}",
            # 883-476-6956, 1.883.476.6956
            (
                r"(?<![^\W_])(?<![.\-/]\d)(?<![.\-/])(?:1[ .\-])?"
                r"[2-9]\d\d(?:(?P<a>[.\-/])\d{3}(?P=a)|(?P<blank> )[2-9]\d\d )\d{4}"
                rf"(?![^\W_])(?![.\-]\d){_EXTENSION}"
            ),
            # 476-6956
            rf"(?<![^\W_])(?<![.\-/])[2-9]\d\d-\d{{4}}(?![^\W_])(?![.\-]\d){_EXTENSION}",
            # 06 12 34 56 78, 030/1234567, 0171-123 45 67
            r"(?<![^\W_])(?<![.\-/,])0[1-9](?:[ .\-]\d\d){4}(?!\d)",
            rf"(?<![^\W_])(?<![.\-/,])0[1-9]\d{{0,4}}[ ]?[/\-][ ]?\d{{2,}}(?:[ .\-]?\d{{2,}}){{0,5}}(?!\d){_EXTENSION}",
            rf"(?<![^\W_])(?<![.\-/,])0[1-9]\d{{1,4}} \d{{3,}}(?:[ .\-]?\d{{2,}}){{0,4}}(?!\d){_EXTENSION}",
            # x9131, ext. 5698
            r"(?<![^\W_])(?:x|ext|extn|extension)\.?[ ]?\d{4,6}(?![^\W_])",
        )
    )
    + ")"
)
_FEWEST_OF_MOST = 7
_SHORT = late_pattern(r"0[1-9]|(?<![^\W_])(?:x|ext)")
"""The beginnings of notations with fewer digits."""
_FEWEST_OF_GROUPED = 8
_CUED = late_pattern(
    r"(?P<cue>[^\W\d_]{2,15})[.:]?(?:[ ]?(?:no|nr|num|number|nummer|\#|n°|nº)\.?)?"
    r"(?:[ ](?:under|at|on|is|unter|au|al|ao|op|pod|en|no|na|sul|po|naar))?"
    r"[ ]?[.:=\-]?[ ]?(?P<number>\+?\(?\d(?:[ ./()\-]{0,2}\d){2,14})(?!\d)" + _EXTENSION
)
_GROUPED = late_pattern(
    r"(?=\d)(?<![^\W_])(?<![.,\-/]\d)(?<!\d[ .,\-/])\d{2,4}(?:([ .\-])\d{2,4})(?:\1\d{2,4}){1,4}(?![^\W_])(?![ .,\-]\d)"
)
_WORD_BEFORE = late_pattern(r"([^\W\d_]+)\W{0,2}\Z")
_REACH = 20


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The telephone numbers in a text."""
    text = reading.plain
    for match in _CUED.finditer(text) if reading.roles & roles.PHONE else ():
        if match["cue"] in _CUES:
            start = match.start("number")
            yield Finding(start, match.end(), Infotype.PHONE_NUMBER, Likelihood.LIKELY, "a number after a word for it")
    if reading.digits < _FEWEST_OF_MOST and not _SHORT.search(text):
        return
    for match in _NOTATIONS.finditer(text):
        if match["blank"] and _is_size(text, match.start()):
            continue
        yield Finding(*match.span(), Infotype.PHONE_NUMBER, Likelihood.LIKELY, "written like a telephone number")
    if reading.digits >= _FEWEST_OF_GROUPED:
        for match in _GROUPED.finditer(text):
            if not _is_size(text, match.start()) and _is_number_of(match[0], reading.settings.regions):
                yield Finding(*match.span(), Infotype.PHONE_NUMBER, Likelihood.POSSIBLE, "a number of the region")


def _is_size(text: str, start: int) -> bool:
    before = _WORD_BEFORE.search(text, max(0, start - _REACH), start)
    return before is not None and before[1] in _SIZES


def _is_number_of(candidate: str, regions: tuple[str, ...]) -> bool:
    """Whether it is a valid number of one of the regions."""
    import phonenumbers  # noqa: PLC0415 - it takes a tenth of a second, and most texts have no candidate

    for region in regions:
        try:
            number = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return True
    return False
