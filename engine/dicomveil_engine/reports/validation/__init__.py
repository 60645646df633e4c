"""Say where an instance breaks the rules of PS3.5 and PS3.6: VR, length, characters, format, multiplicity.

    instance: elements and where they are → value: what is wrong with one → problem

The same for input and output. Nothing here changes a byte, and no message holds a value.
"""

from __future__ import annotations

from dicomveil_engine.reports.validation.instance import validate_instance, validate_output
from dicomveil_engine.reports.validation.problem import Problem

__all__ = ["Problem", "validate_instance", "validate_output"]
