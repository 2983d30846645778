"""Each feature of each official client, tried in that client's own environment.

Quick clients only, unless `BRICKYARD_ALL_CLIENTS` is set, as `make clients` does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import harness
import pytest

EVERY = bool(os.environ.get("BRICKYARD_ALL_CLIENTS"))
PROBES = tuple(one for one in harness.probes() if EVERY or one.quick)
FEATURES = [
    pytest.param(probe, function, id=f"{probe.name}-{function.removeprefix(harness.PREFIX)}")
    for probe in PROBES
    for function in probe.features
]
_tried: dict[str, Mapping[str, harness.Result]] = {}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("probe", "function"), FEATURES)
def test_a_feature_works(workspace: Any, probe: harness.Probe, function: str) -> None:
    """All of a module run with the first one asked for: they share the start of their process."""
    if probe.name not in _tried:
        _tried[probe.name] = harness.run(probe, workspace)
        if EVERY:
            harness.keep(probe, _tried[probe.name])
    result = _tried[probe.name][function]
    assert result.works, result.detail
