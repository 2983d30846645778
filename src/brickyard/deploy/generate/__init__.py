"""`bundle generate`: configuration, and the files it needs, for objects that exist already.

What is written is what the official CLI (1.14.0) writes for the same object: the same fields in the
same order, the same files at the same places.
"""

from brickyard.deploy.generate.documents import (
    DASHBOARD,
    GENIE_SPACE,
    dashboard_at,
    follower,
    generate_document,
)
from brickyard.deploy.generate.generated import Cannot, Generated, is_included, not_included
from brickyard.deploy.generate.places import Places
from brickyard.deploy.generate.sources import (
    generate_alert,
    generate_app,
    generate_job,
    generate_pipeline,
)

__all__ = [
    "DASHBOARD",
    "GENIE_SPACE",
    "Cannot",
    "Generated",
    "Places",
    "dashboard_at",
    "follower",
    "generate_alert",
    "generate_app",
    "generate_document",
    "generate_job",
    "generate_pipeline",
    "is_included",
    "not_included",
]
