"""A project as it stands in the settings: the table `[projects.NAME]`.

What a table leaves out is as it is above all tables; `projects` joins the two. Only the key is always
a project's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from dicomveil_proxy.settings.filters import FilterSettings

ProjectName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""A label of a host name, so that it may stand in a path, a log and one day a host's name."""


class ProjectTable(BaseModel):
    """One project; None stands for what is as it is above."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    key_file: Path
    """Written by `dicomveil keygen`; no other project has this key."""
    origin: Annotated[str | None, Field(min_length=1, repr=False)] = None
    profile: str | None = None
    subjects: Path | None = None
    store: Literal["deidentify", "reidentify", "refuse"] | None = None
    on_error: Literal["abort", "omit"] | None = None
    filter: FilterSettings | None = None
    """In the place of the filter above; an empty one selects all studies."""
