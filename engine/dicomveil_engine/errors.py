"""Errors of the engine.

EngineError (never raised itself)
├── ConfigurationError      the policy cannot be built; the message names the rule, the setting and how to fix it
├── InvalidDataSetError     the input cannot be read: damaged, over a limit, or in an unknown encoding
└── DeidentificationError   the input can be read, but there is no safe output for it

A message names a tag, keyword, VR, rule or limit. It never holds a value of the data set, nor key material.
"""

from __future__ import annotations


class EngineError(Exception):
    """Root of the engine's errors; never raised itself."""


class ConfigurationError(EngineError, ValueError):
    """The configuration is wrong; the message says where and how to fix it."""


class InvalidDataSetError(EngineError, ValueError):
    """The bytes or the JSON are not a data set that can be read, or exceed a limit."""


class DeidentificationError(EngineError):
    """The data set is readable, but the policy has no safe output for it."""
