"""PS3.15 Table E.3.4-1 and the list of descriptive words, as they ship."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import dicomveil_engine
from dicomveil_engine.attributes._standard import DESCRIPTIVE_WORDS
from dicomveil_engine.attributes._standard.structured_content import TABLE_E341

ROOT = Path(__file__).parents[2]
SHIPPED = Path(dicomveil_engine.__file__).parent / "attributes" / "_standard"


def test_the_table_says_what_its_source_says(shared: Path) -> None:
    """No row is lost or changed on the way into the package."""
    rows = json.loads((shared / "standard" / "ps315_sr_codes.json").read_text())["items"]

    assert len(rows) == len(TABLE_E341) == 214
    for source, row in zip(rows, TABLE_E341, strict=True):
        assert (source["code_value"], source["coding_scheme"]) == (row.code_value, row.coding_scheme)
        assert (source["value_type"], source["basic"]) == (row.value_type, row.basic)
        assert [source[name] for name in list(source)[7:] if source[name]] == list(row.options.values())


def test_the_table_is_what_the_script_writes(shared: Path) -> None:
    """Nobody edits it by hand."""
    script = runpy.run_path(str(ROOT / "scripts" / "generate_structured_content.py"))
    source = json.loads((shared / "standard" / "ps315_sr_codes.json").read_text())

    assert json.loads((SHIPPED / "structured_content.json").read_text("utf-8")) == script["table_e341"](source)


def test_the_words_are_what_the_script_writes() -> None:
    """Nor these; and the persons after whom anatomy is called are not among them."""
    script = runpy.run_path(str(ROOT / "scripts" / "generate_descriptive_words.py"))

    assert sorted(DESCRIPTIVE_WORDS) == script["descriptive_words"]()
    assert {"head", "ct", "left", "axial", "t"} <= DESCRIPTIVE_WORDS
    assert not {"willis", "doe", "patient", "of the"} & DESCRIPTIVE_WORDS
