"""`gateway.yml`: what answers for which name, and keys that stay where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.workspace.gateway.configuration import (
    Configuration,
    Current,
    Fault,
    from_environment,
    key_for,
    parse,
)
from brickyard.workspace.kernel import ApiError

WORKSPACES = ("dev", "staging", "prod")
ENVIRONMENT = {"DEV_KEY": "d", "PROD_KEY": "p"}
TWO = """
providers:
  a: {url: "http://a/v1/"}
  b: {url: "http://b/v1", key: {dev: "${DEV_KEY}", prod: "${PROD_KEY}"}}
  c: {kind: anthropic, url: "http://c", key: "{{secrets/s/k}}", workspaces: [dev]}
models:
  databricks-*: {provider: a, model: small}
  databricks-gpt-*: {provider: b, model: big}
  databricks-claude-*: {provider: c, model: claude}
prices:
  databricks-*: {input: 1, output: 3}
"""


def read(text: str) -> Configuration:
    return parse(text, ENVIRONMENT, WORKSPACES)


@pytest.mark.parametrize(
    ("endpoint", "workspace", "model"),
    [
        ("databricks-gte-large-en", "dev", "small"),
        ("databricks-gpt-5", "dev", "big"),
        ("databricks-claude-opus-4-1", "dev", "claude"),
        ("databricks-claude-opus-4-1", "prod", "small"),  # not for prod: the shorter pattern
    ],
)
def test_the_longest_pattern_of_a_usable_provider_counts(
    endpoint: str, workspace: str, model: str
) -> None:
    found = read(TWO).model(endpoint, workspace)
    assert found is not None
    assert found[0].model == model


def test_without_a_file_nothing_is_configured() -> None:
    assert read("").model("databricks-gpt-5", "dev") is None


def test_a_workspace_gets_its_own_key_or_none() -> None:
    found = read(TWO)
    keys = {at: key_for(found.providers["b"], "b", at, str) for at in ("dev", "prod")}
    assert keys == {"dev": "d", "prod": "p"}
    with pytest.raises(ApiError, match="no key for workspace 'staging'"):
        key_for(found.providers["b"], "b", "staging", str)
    assert key_for(found.providers["a"], "a", "dev", str) == ""
    assert key_for(found.providers["c"], "c", "dev", lambda text: text[::-1]) == "}}k/s/sterces{{"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("providers: [", "not YAML"),
        ("nonsense: 1", "no section 'nonsense'"),
        ("models: {x: {provider: p, model: m}}", "models.x names provider 'p'"),
        ("providers: {a: {kind: telex, url: u}}", "providers.a.kind must be one of"),
        ("providers: {a: {url: u, key: '${NOBODY}', workspaces: [dev]}}", "variable NOBODY"),
        ("providers: {a: {url: u, workspaces: [moon]}}", "'moon', which is no workspace"),
        ("providers: {a: {url: u, key: k}}", "one key for dev, staging, prod"),
        ("providers: {a: {url: u, key: k, workspaces: [dev, prod]}}", "one key for dev, prod"),
        ("providers: {a: {url: u, key: {dev: k, prod: k}}}", "key of prod twice"),
        ("budgets: [{name: x}]", "budgets\\[0\\] needs tokens or cost"),
        ("embedder: /nowhere", "has no model.safetensors"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(Fault, match=message):
        read(text)


@pytest.mark.parametrize("workspaces", ["[dev, staging]", "[prod]"])
def test_a_key_that_no_two_environments_share_is_fine(workspaces: str) -> None:
    found = read(f"providers: {{a: {{url: u, key: k, workspaces: {workspaces}}}}}")
    assert found.providers["a"].key == "k"


def test_the_environment_names_one_provider_for_the_lower_workspaces() -> None:
    found = from_environment(
        {
            "BRICKYARD_PROVIDER_URL": "http://x/v1/",
            "BRICKYARD_PROVIDER_MODEL": "chat",
            "BRICKYARD_PROVIDER_EMBEDDING_MODEL": "vectors",
        }
    )
    assert found.model("databricks-gpt-5", "dev") is not None
    assert found.model("databricks-gpt-5", "prod") is None
    embedding = found.model("databricks-gte-large-en", "staging")
    assert embedding is not None
    assert (embedding[0].model, embedding[1].url) == ("vectors", "http://x/v1")


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    current = Current(tmp_path, WORKSPACES)
    assert current.changed()
    assert not current.changed()
    file = tmp_path / "gateway.yml"
    file.write_text("nonsense: 1")
    assert current.changed()
    with pytest.raises(ApiError, match="nonsense"):
        current.get()
    file.write_text("prices: {x: {input: 1}}")
    assert current.changed()
    assert current.get().price("x") is not None
    file.unlink()
    assert current.changed()
    assert current.get() == Configuration()


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\xff", "cannot be read"),
        (b"[" * 100_000, "is not YAML"),
        (b"just words", "gateway.yml"),
        (b"[1, 2]", "gateway.yml"),
        (b"prices: {", "is not YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_what_it_said_before_holds_on(
    tmp_path: Path, written: bytes, why: str
) -> None:
    current = Current(tmp_path, WORKSPACES)
    file = tmp_path / "gateway.yml"
    file.write_text("prices: {x: {input: 1}}")
    assert current.changed()
    file.write_bytes(written)
    assert current.changed()
    with pytest.raises(ApiError, match=why):
        current.get()
    assert current.usable().price("x") is not None
    started = Current(tmp_path, WORKSPACES)  # knows of nothing before
    assert started.changed()
    with pytest.raises(ApiError, match=why):
        started.usable()


def test_a_file_in_whose_place_is_a_folder_is_told(tmp_path: Path) -> None:
    current = Current(tmp_path, WORKSPACES)
    (tmp_path / "gateway.yml").mkdir()
    assert current.changed()
    with pytest.raises(ApiError, match="cannot be read"):
        current.get()
