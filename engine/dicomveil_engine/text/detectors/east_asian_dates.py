"""DATE in Japanese, Chinese and Korean, with Japanese eras in full or as a letter."""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.patterns import late_pattern

_ERA = "(?:令和|平成|昭和|大正|明治|西暦|民国|民國)"
_NUMERALS = "〇零一二三四五六七八九十"
_UP_TO_31 = rf"(?:\d{{1,2}}|[{_NUMERALS}]{{1,3}})"
_DATE = late_pattern(
    "|".join(
        (
            # 2020年3月12日, 令和2年3月, 2020년 3월 12일, 二〇二〇年三月十二日
            (
                rf"(?:{_ERA}[ ]?)?(?:(?<!\d)\d{{1,4}}|元|[{_NUMERALS}]{{1,4}})[ ]?[年년][ ]?{_UP_TO_31}[ ]?[月월]"
                rf"(?:[ ]?{_UP_TO_31}[ ]?[日号號일])?"
            ),
            # 3月12日, 3월 12일
            rf"(?<!\d){_UP_TO_31}[ ]?[月월][ ]?{_UP_TO_31}[ ]?[日号號일]",
            rf"{_ERA}[ ]?(?:\d{{1,2}}|元)[ ]?年?(?:[./\-]\d{{1,2}}){{0,2}}",
            # R2.3.12, H30/4/1
            r"(?<![^\W_])[rhs]\d{1,2}([./\-])(?:1[0-2]|0?[1-9])\1(?:3[01]|[12]\d|0?[1-9])(?![\d.])",
        )
    )
)
_LOOK = late_pattern(r"[年月년월]|[和成正治暦]|(?<![^\W_])[rhstm]\d{1,2}[./\-]")


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The dates in East Asian notations in a text."""
    if _LOOK.search(reading.plain):
        for match in _DATE.finditer(reading.plain):
            yield Finding(*match.span(), Infotype.DATE, Likelihood.VERY_LIKELY, "a date in an East Asian notation")
