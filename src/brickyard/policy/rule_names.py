"""The names of the policy's rules, as the file, the comments and the JSON spell them.

What each asks for is the docstring of its module in `rules/`; the first two are judged access by
access, in `environments.py`.
"""

from __future__ import annotations

from typing import Final

READS: Final = "reads-only-what-it-may"
WRITES: Final = "writes-only-its-own-catalog"
BRANCHES: Final = "released-from-its-branches-or-tags"
PERSONAL_PATHS: Final = "no-personal-paths-in-production"
PERSONAL_OWNERS: Final = "no-personal-owners-in-production"
RUN_AS: Final = "runs-as-a-service-principal-in-production"
PINNED: Final = "pinned-requirements-in-production"
SECRETS: Final = "no-secrets-in-configuration"
READ_ONLY: Final = "production-is-read-only-for-people"
MODELS: Final = "models-are-promoted-only-where-declared"

OF_ACCESSES: Final = (READS, WRITES, MODELS)
OF_THE_PROJECT: Final = (
    BRANCHES,
    PERSONAL_PATHS,
    PERSONAL_OWNERS,
    RUN_AS,
    PINNED,
    SECRETS,
    READ_ONLY,
)
RULES: Final = (*OF_ACCESSES, *OF_THE_PROJECT)
