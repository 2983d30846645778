"""Release: environments, rollout steps, gates, promotion of code, rollback, release records."""

from brickyard.release.checkout import GitFault, uncommitted
from brickyard.release.promote import Promotion, PromotionRefused, open_environment, promote
from brickyard.release.records import ReleaseRecord, history, live, verify
from brickyard.release.rollback import rollback
from brickyard.release.settings import FILE, ReleaseSettings, read_settings

__all__ = [
    "FILE",
    "GitFault",
    "Promotion",
    "PromotionRefused",
    "ReleaseRecord",
    "ReleaseSettings",
    "history",
    "live",
    "open_environment",
    "promote",
    "read_settings",
    "rollback",
    "uncommitted",
    "verify",
]
