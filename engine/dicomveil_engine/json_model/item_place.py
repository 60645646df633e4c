"""What the elements of one item have in common while it is walked: its character set, private creators and plan."""

from __future__ import annotations

import re
from typing import NamedTuple

from dicomveil_engine.json_model.reading import CHARACTERISTICS_KEY, text_of
from dicomveil_engine.json_model.values import JSONDataSet
from dicomveil_engine.profile.private import LONGEST_CREATOR, PrivateBlock, is_declared_safe
from dicomveil_engine.structured_content.content_items import ContentPlan

CREATOR = re.compile("[0-9A-F]{3}[13579BDF]00[1-9A-F][0-9A-F]")


class ItemPlace(NamedTuple):
    """What the elements of an item have in common; the data set itself is at depth 0."""

    depth: int
    path: tuple[str, ...]
    """The path to the item: key of a sequence, number of the item, key …"""
    codecs: tuple[str, ...]
    creators: dict[str, str]
    """The private creators by their keys."""
    plan: ContentPlan | None = None
    """The plan of a content item."""


def creators_of(item: JSONDataSet) -> dict[str, str]:
    """The private creators by their keys; the members of a JSON object have no order."""
    for key in item:  # most have none; `any` of a generator would take three times as long
        if key[3:4] in "13579BDF":
            break
    else:
        return {}
    return {
        key: text_of(element)[:LONGEST_CREATOR]
        for key, element in item.items()
        if CREATOR.fullmatch(key) and isinstance(element, dict)
    }


def creator_of(key: str, here: ItemPlace, declared: tuple[PrivateBlock, ...]) -> tuple[str | None, bool]:
    """The creator of a private element, and whether the data set declares the element safe."""
    creator = here.creators.get(f"{key[:4]}00{key[4:6]}")
    if not declared or (here.path or (key,))[0] < CHARACTERISTICS_KEY:
        return creator, False
    return creator, is_declared_safe(declared, int(key, 16), creator)
