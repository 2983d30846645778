"""`brickyard doctor`: a project looked at for the seven ways in which such projects fail.

Lack of automation; data control and drift; evaluation and monitoring; quality and reliability;
MLOps infrastructure; team and governance misalignment; cost and scalability. Each is a module of
checks; a check has evidence (file and line) and the next step.
"""

from brickyard.release.doctor.checks import Check, Evidence, Health, Patient
from brickyard.release.doctor.examination import POINTS, examine, look_at

__all__ = ["POINTS", "Check", "Evidence", "Health", "Patient", "examine", "look_at"]
