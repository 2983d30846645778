"""The data policy over a resolved bundle and its code: who may read and write which catalog.

Pure: data in, findings out. Nothing is run, nothing is asked; what can't be resolved is `unknown`.
"""

from brickyard.policy.accesses import Access, Mode, Securable, Verdict
from brickyard.policy.check import PolicyMode, PolicyReport, check
from brickyard.policy.environments import Environment, environment
from brickyard.policy.rules import Finding, Git

__all__ = [
    "Access",
    "Environment",
    "Finding",
    "Git",
    "Mode",
    "PolicyMode",
    "PolicyReport",
    "Securable",
    "Verdict",
    "check",
    "environment",
]
