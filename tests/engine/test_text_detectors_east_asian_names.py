"""PERSON_NAME in Japanese, Chinese and Korean."""

from __future__ import annotations

import pytest

from engine.text_detection import found, left


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("山田先生に連絡", ["山田"]),
            ("担当：佐藤", ["佐藤"]),
            ("鈴木医師", ["鈴木"]),
            ("依頼医：森田", ["森田"]),
        ),
        *(("张伟医生", ["张伟"]), ("患者：李娜", ["李娜"]), ("申请医生：陈晓明", ["陈晓明"])),
        *(("이민호 교수", ["이민호"]), ("환자: 정수진", ["정수진"]), ("의뢰의: 한지우", ["한지우"])),
    ],
)
def test_beside_a_title_or_a_cue(text: str, expected: list[str]) -> None:
    """The name alone: the cue stays."""
    assert found("east_asian_names", text) == expected
    left("east_asian_names", text)


@pytest.mark.parametrize(
    "text",
    [
        "胸部CT",
        "主治医師",
        "担当医",
        "頭部MRI 造影なし",
        "主管医生",
        "报告医生",
        "움직임",
        "환자 상태",
        "조영제 없음",
        "左肺上葉結節",
        "検査技師",
    ],
)
def test_words_stay(text: str) -> None:
    """Titles without a name, parts of the body, and words that begin as a name does."""
    assert found("east_asian_names", text) == []
