"""AGE: ages over 89, which are identifiers in the HIPAA safe harbor method (45 CFR 164.514(b)(2)(i)(C)).

With the setting `"ages": "all"`, every age.
"""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.patterns import late_pattern

_OLDEST_ALLOWED = 89
_OLDEST = 130

_YEARS = (
    r"(?:y(?:rs?|ears?)?[ /.\-]{0,2}o(?:ld)?(?![^\W\d_])\.?|years?[ \-]of[ \-]age|years?[ \-]old|yrs?\b"
    r"|years?(?=[ ,.;)]|\Z)"
    r"|jahrig\w{0,2}|jahre?(?:[ ]alt)?(?![^\W\d_])|j\.?(?=[ ,.;)]|\Z)"
    r"|ans\b|anos\b|anni\b|jaar\b|jarige\b|lat\b|letni\w{0,3}|letia\b|yasinda\w{0,2}|yas\b|let\b|ar gammal\b|arig\w?\b"
    r"|лет\b|летн\w{1,3}|года?\b|ετων\b|歳|才|岁|세)"
)
_FEMALE_OR_MALE = (
    r"(?:yo[ ]?)?(?:[mf](?![\w'.])|(?:male|female|man|woman|lady|gentleman|patient|patientin|patiente|paciente)\b)"
)
_AGE = late_pattern(
    "|".join(
        (
            # 95 y/o, 95-year-old, 95jährig, 95歳
            rf"(?<![\w./])(?<!\d,)(?P<a>\d{{1,3}})[ ]?-?[ ]?{_YEARS}",
            # 96Y, 096Y: the age string of VR AS
            r"(?<![\w./])(?<!\d,)(?P<b>\d{2,3})y(?![^\W_])",
            # 103F, 95 M, 92 male
            rf"(?<![\w./\-])(?<!\d,)(?P<c>\d{{2,3}})[ ]?{_FEMALE_OR_MALE}",
            # age 95, aged 95, Age: 95, Alter 95, im Alter von 95, edad 95, wiek 95
            (
                r"(?<![^\W\d_])(?:aged?|alters?|im alter von|ages? de|edad|eta|leeftijd|idade|wiek|yas|yasi|возраст"
                r"|vek|alder|年齢|年龄|나이|연령"
                r"|(?:pacjent\w{0,3}|chor[ay]|kobieta|mezczyzna)[ ,]{1,2}lat)(?:[ ]?(?:is|of|de|di|von|van|:|=|-)){0,2}"
                r"[ ]?(?P<d>\d{2,3})(?![\d%])(?![.,]\d)"
            ),
        )
    )
)
_OVER_89 = late_pattern(r"9\d|1[0-3]\d")
_DISEASE = late_pattern(r"(?:history|for|since|seit|x|over|past|last|hace|depuis|within|every|after|in)[ ]\Z")
"""Words before a number of years that is not an age, such as how long a patient had a disease."""
_REACH = 9


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The ages over 89 in a text, or all ages."""
    text = reading.plain
    if not reading.settings.all_ages and not _OVER_89.search(text):
        return
    for match in _AGE.finditer(text):
        group = match.lastgroup or "a"
        years = int(match[group])
        if years > _OLDEST or not (reading.settings.all_ages or years > _OLDEST_ALLOWED):
            continue
        if group == "a" and _DISEASE.search(text, max(0, match.start() - _REACH), match.start()):
            continue
        yield Finding(*match.span(group), Infotype.AGE, Likelihood.LIKELY, "an age")
