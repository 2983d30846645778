"""Release: environments, rollout steps, gates, approvals, promotion, rollback, records."""

from brickyard.release.approvals import Waiting
from brickyard.release.checkout import GitFault, uncommitted
from brickyard.release.faults import PromotionRefused
from brickyard.release.promote import Promotion, open_environment, promote
from brickyard.release.records import ReleaseRecord, history, live
from brickyard.release.rollback import rollback
from brickyard.release.settings import FILE, ReleaseSettings, read_settings
from brickyard.release.verification import faults_of

__all__ = [
    "FILE",
    "GitFault",
    "Promotion",
    "PromotionRefused",
    "ReleaseRecord",
    "ReleaseSettings",
    "Waiting",
    "faults_of",
    "history",
    "live",
    "open_environment",
    "promote",
    "read_settings",
    "rollback",
    "uncommitted",
]
