"""A verdict of the gate, and settings, as JSON: for the pipe to the processes that search pixels."""

from __future__ import annotations

from typing import Any

from dicomveil_engine.configuration.pixels import PixelSettings, PixelText, read_pixels
from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.gate import Condition, PixelAction, PixelVerdict


def verdict_as_json(verdict: PixelVerdict) -> dict[str, Any]:
    """A JSON object that `verdict_of` reads again."""
    return {
        "action": verdict.action.value,
        "reason": verdict.reason,
        "masks": [list(mask) for mask in verdict.masks],
        "condition": verdict.condition.value,
        "claims": verdict.claims,
        "is_document": verdict.is_document,
        "rotated": verdict.rotated,
        "has_face": verdict.has_face,
    }


def verdict_of(value: dict[str, Any]) -> PixelVerdict:
    """The verdict that `verdict_as_json` wrote."""
    return PixelVerdict(
        **value
        | {
            "action": PixelAction(value["action"]),
            "masks": tuple(Box(*mask) for mask in value["masks"]),
            "condition": Condition(value["condition"]),
        }
    )


def settings_as_json(settings: PixelSettings) -> dict[str, Any]:
    """A JSON object that `settings_of` reads again: those of pixels, and of cleaning text."""
    return {"pixels": settings.as_json(), "regions": list(settings.regions), "all_ages": settings.all_ages}


def settings_of(value: dict[str, Any]) -> PixelSettings:
    """The settings that `settings_as_json` wrote."""
    beneath = PixelSettings(text=PixelText.KEEP, regions=tuple(value["regions"]), all_ages=bool(value["all_ages"]))
    return read_pixels(value["pixels"], beneath)
