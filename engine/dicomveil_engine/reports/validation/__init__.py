"""Find violations of PS3.5 and PS3.6 in an instance: VR, length, characters, format, multiplicity.

    instance: elements and their paths → value: the problems of one → problem

The same for input and output. No message holds a value.
"""

from __future__ import annotations

from dicomveil_engine.reports.validation.instance import validate_instance, validate_output
from dicomveil_engine.reports.validation.problem import Problem

__all__ = ["Problem", "validate_instance", "validate_output"]
