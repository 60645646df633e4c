"""PERSON_NAME in Japanese, Chinese and Korean: a listed family name next to an honorific, a title or a cue."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.gazetteer import east_asian
from dicomveil_engine.text.patterns import late_pattern

_HAN = r"\u3400-\u9fff々"
_KANA = r"\u3041-\u309f\u30a1-\u30ff"
_HANGUL = r"\uac00-\ud7a3"
_LOOK = late_pattern(rf"[{_HAN}{_KANA}{_HANGUL}]")

_JAPANESE_BEHIND = late_pattern(
    rf"(?P<name>[{_HAN}]{{1,4}}(?:[ ]?[{_HAN}{_KANA}]{{1,4}})?|[\u30a1-\u30ff]{{2,8}}(?:[ ・][\u30a1-\u30ff]{{2,8}})?)"
    r"[ ]?(?:様|さま|さん|先生|医師|氏|殿|くん|君|ちゃん|技師|看護師|教授|院長|Dr)"
)
_JAPANESE_CUE = late_pattern(
    r"(?:医師|技師|担当技師|担当医|担当者|担当|執刀医?|担当技師|紹介医|主治医|依頼医|読影医?|読影者|撮影者|記載者|術者|検査者|看護師|氏名|患者名|家族|妻|夫|母|父|長男|長女|次男|次女|息子|娘|兄|弟|姉|妹)"
    rf"(?:は|の|が|[:：])?[ ]?(?P<name>[{_HAN}]{{1,3}}[ ]?[{_HAN}{_KANA}]{{0,4}})"
)
_JAPANESE_PAIR = late_pattern(
    rf"(?<![{_HAN}{_KANA}])(?P<name>[{_HAN}]{{1,3}}[ ][{_HAN}{_KANA}]{{1,4}})(?![{_HAN}{_KANA}])"
)
_CHINESE_BEHIND = late_pattern(
    rf"(?P<name>[{_HAN}]{{2,3}})(?:医生|醫生|医师|醫師|大夫|主任|护士|先生|女士|小姐|教授|技师|同志)"
)
_CHINESE_CUE = late_pattern(
    r"(?:医生|医师|患者|病人|姓名|家属|妻子|丈夫|儿子|女儿|母亲|父亲|操作者|报告医师|审核医师|审核|主管医生|主治医师|技师|护士|联系人)"
    rf"(?:[:：]|是|为|叫)?[ ]?(?P<name>[{_HAN}]{{2,3}})"
)
_KOREAN_BEHIND = late_pattern(
    rf"(?<![{_HANGUL}])(?P<name>[{_HANGUL}]{{2,4}})[ ]?(?:님|씨|선생님?|교수님?|의사|간호사|환자|원장|과장|기사|전공의)"
)
_KOREAN_CUE = late_pattern(
    r"(?:환자|보호자|의사|담당의?|주치의|아들|딸|남편|아내|어머니|아버지|판독의|판독|기사|간호사|성명|이름|교수|선생님?|의뢰의?)"
    rf"(?:는|은|이|가|[:：])?[ ](?P<name>[{_HANGUL}]{{2,4}})(?![{_HANGUL}]{{3}})"
)
_KOREAN_PARTICLES = (
    "에게",
    "에서",
    "으로",
    "님이",
    "님",
    "씨",
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "와",
    "과",
    "의",
    "도",
    "로",
)
_ERAS = frozenset(("令和", "平成", "昭和", "大正", "明治"))
_NOT_NAMES = frozenset(
    [
        "主治",
        "担当",
        "当直",
        "前医",
        "他院",
        "本人",
        "家族",
        "患者",
        "医師",
        "技師",
        "同伴",
        "付添",
        "高度",
        "高齢",
        "大腸",
        "小児",
        "左右",
        "胸部",
        "腹部",
        "申请",
        "报告",
        "审核",
        "值班",
        "责任",
        "主管",
        "手术",
        "検査",
        "依頼",
        "紹介",
        "상태",
        "정보",
        "성별",
        "나이",
        "이름",
        "자세",
        "이송",
        "요청",
        "상담",
        "전화",
        "신체",
        "지시",
        "주의",
        "안내",
    ]
)


@cache
def _surnames(language: str) -> frozenset[str]:
    return east_asian(f"surnames-{language}")


@cache
def _given(language: str) -> frozenset[str]:
    return east_asian(f"names-{language}")


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The persons' names in East Asian scripts in a text."""
    text = reading.plain
    if text.isascii() or not _LOOK.search(text):
        return
    for pattern, language, why in (
        (_JAPANESE_BEHIND, "ja", "a name before an honorific"),
        (_JAPANESE_CUE, "ja", "a name after a word for a person"),
        (_JAPANESE_PAIR, "ja", "a family name and a given name"),
        (_CHINESE_BEHIND, "zh", "a name before a title"),
        (_CHINESE_CUE, "zh", "a name after a word for a person"),
        (_KOREAN_BEHIND, "ko", "a name before a title"),
        (_KOREAN_CUE, "ko", "a name after a word for a person"),
    ):
        for match in pattern.finditer(text):
            if pattern is _JAPANESE_PAIR and not _is_pair(match["name"]):
                continue
            span = _name(match["name"], language)
            if span:
                start = match.start("name")
                yield Finding(start + span[0], start + span[1], Infotype.PERSON_NAME, Likelihood.LIKELY, why)


def _is_pair(written: str) -> bool:
    """Whether two words separated by a blank can be a family name and a given name."""
    family, _, given = written.partition(" ")
    return family in _surnames("ja") and (len(family) > 1 or given in _given("ja")) and given not in _ERAS


def _name(written: str, language: str) -> tuple[int, int] | None:
    """The span of a name in the characters; None if there is none."""
    if language == "ko":
        name = written
        for particle in _KOREAN_PARTICLES:
            if name.endswith(particle) and len(name) - len(particle) >= 2:
                name = name.removesuffix(particle)
                break
        if name in _NOT_NAMES:
            return None
        has_surname = name[:1] in _surnames("ko") or name[:2] in _surnames("ko")
        return (0, len(name)) if has_surname and 2 <= len(name) <= 4 else None
    if language == "zh":
        if written[:2] in _NOT_NAMES:
            return None
        return (0, len(written)) if written[:1] in _surnames("zh") or written[:2] in _surnames("zh") else None
    if "\u30a1" <= written[0] <= "\u30ff":
        return (0, len(written))
    # Characters before the family name are not part of it: 担当山田先生.
    for start in range(len(written) - 1):
        for length in (3, 2, 1):
            surname = written[start : start + length]
            if len(surname) == length and surname in _surnames("ja") and surname not in _NOT_NAMES:
                return (start, len(written))
    return None
