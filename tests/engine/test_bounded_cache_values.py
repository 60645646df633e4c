"""No value of an instance stays in the process when the policies are gone under which it was read."""

from __future__ import annotations

import functools
import gc

from dicomveil_engine import deidentify_instance, deidentify_metadata, load_policy
from dicomveil_engine.bounded_cache import drop_values
from engine.datasets import element, instance

SENTINELS = ("Kwelmondova", "kwelmondova", "PATIENT-778899", "778899", "1.2.3.778899", "20310412")
_CACHE = type(functools.lru_cache(lambda: None))


def held() -> set[str]:
    """The caches of the engine's modules that hold one of the sentinels, by name."""
    found = set()
    for one in gc.get_objects():
        if isinstance(one, _CACHE) and getattr(one, "__module__", "").startswith("dicomveil_engine"):
            seen = repr(gc.get_referents(one))
            if any(sentinel in seen for sentinel in SENTINELS):
                found.add(f"{one.__module__}.{one.__qualname__}")
    return found


def use() -> None:
    """De-identify an instance with the sentinels, in both encodings."""
    policy = load_policy({"profile": "research"}, b"k" * 32)
    deidentify_instance(
        instance(
            element(0x00080020, "DA", "20310412"),
            element(0x00081030, "LO", "CT Kwelmondova 778899"),
            element(0x00100010, "PN", "Kwelmondova^Jane"),
            element(0x00100020, "LO", "PATIENT-778899"),
        ),
        policy,
    )
    deidentify_metadata(
        [
            {
                "0020000D": {"vr": "UI", "Value": ["1.2.3.778899"]},
                "00081030": {"vr": "LO", "Value": ["CT Kwelmondova 778899"]},
                "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Kwelmondova^Jane"}]},
            }
        ],
        policy,
    )
    assert held(), "the test sees what caches hold"


def test_values_do_not_outlive_policies() -> None:
    """Whichever cache of whichever module: nothing of the values is left."""
    use()
    gc.collect()

    assert held() == set()


def test_values_can_be_dropped_at_once() -> None:
    """While the policy lives, too."""
    policy = load_policy({"profile": "research"}, b"k" * 32)
    deidentify_metadata([{"00081030": {"vr": "LO", "Value": ["CT Kwelmondova"]}}], policy)
    drop_values()

    assert not {name for name in held() if name.startswith("dicomveil_engine.text.")}
