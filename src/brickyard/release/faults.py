"""Why a release stops: a step that did not do its work, a gate that is closed, an approval."""

from __future__ import annotations

from collections.abc import Sequence

from brickyard.values import Diagnostic


class PromotionRefused(Exception):
    """The promotion may not begin; `diagnostics` say more where a file is to blame."""

    def __init__(self, message: str, diagnostics: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.diagnostics = tuple(diagnostics)


class StepFailed(Exception):
    """A step did not do its work; the release ends here."""


class GateFailed(StepFailed):
    """A gate's requirements don't hold, or can't be computed."""
