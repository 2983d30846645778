"""`bundle generate`: configuration, and the files it needs, for objects that exist already.

What is written is what the official CLI (1.14.0) writes for the same object: the same fields in the
same order, the same files at the same places.
"""

from brickyard.deploy.generate.generated import Cannot, Generated, is_included, not_included
from brickyard.deploy.generate.sources import (
    Places,
    generate_alert,
    generate_app,
    generate_job,
    generate_pipeline,
)

__all__ = [
    "Cannot",
    "Generated",
    "Places",
    "generate_alert",
    "generate_app",
    "generate_job",
    "generate_pipeline",
    "is_included",
    "not_included",
]
