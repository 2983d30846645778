"""New projects from templates: questions, Go's template language, files."""

from __future__ import annotations

from brickyard.templates.go_text import TemplateFault
from brickyard.templates.inputs import (
    SCHEMA,
    BadAnswer,
    BadTemplate,
    Question,
    TemplateSchema,
    accepted,
    collect,
    read_schema,
)
from brickyard.templates.rendering import (
    Renderer,
    Surroundings,
    TemplateRefuses,
    render_project,
)
from brickyard.templates.sources import (
    BUILT_IN,
    NoTemplate,
    ProjectExists,
    opened,
    read_files,
    write_project,
)

__all__ = [
    "BUILT_IN",
    "SCHEMA",
    "BadAnswer",
    "BadTemplate",
    "NoTemplate",
    "ProjectExists",
    "Question",
    "Renderer",
    "Surroundings",
    "TemplateFault",
    "TemplateRefuses",
    "TemplateSchema",
    "accepted",
    "collect",
    "opened",
    "read_files",
    "read_schema",
    "render_project",
    "write_project",
]
