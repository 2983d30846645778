"""The committed coverage page is what the script would write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.documented
def test_the_coverage_page_is_not_stale() -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "coverage.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
