"""Findings on a terminal: the source is shown, a secret in it is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from brickyard.cli.bundle_commands import validate

SECRET = """
resources:
  secrets:
    s: {catalog_name: c, schema_name: s, name: n, value: hunter2}
"""
PLAINTEXT = """
resources:
  model_serving_endpoints:
    e:
      name: e
      nme: unknown, and so the lines around are shown
      config:
        served_entities:
          - external_model:
              openai_config: {openai_api_key_plaintext: hunter2}
              nmee: likewise
  jobs:
    j: {name: not hunter2}
"""


@pytest.mark.parametrize(
    ("text", "said", "shown"),
    [
        (SECRET, "Secret value must be a variable reference", "in databricks.yml:4:58"),
        (PLAINTEXT, "unknown field: nmee", "openai_api_key_plaintext: [redacted]"),
    ],
)
@pytest.mark.parametrize("output", ["text", "json", "github", "sarif"])
def test_no_finding_shows_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str, shown: str, output: str
) -> None:
    (tmp_path / "databricks.yml").write_text("bundle: {name: shop}" + text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    done = CliRunner().invoke(validate, ["--offline", "-o", output])
    assert said in done.stderr
    assert shown in done.stderr
    assert "hunter" not in done.stderr + done.stdout
