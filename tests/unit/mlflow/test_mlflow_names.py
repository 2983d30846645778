"""What we use of MLflow beside its public API, name by name: an upgrade that moves one shows here.

The names are those of `tracking_server.py` (which sets or replaces them in the child process) and
of `child.py` and `ui/` (which rely on variables and files). Read from MLflow's source text, so that
nothing of it is imported.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

# (module, what must be defined in it; `Class.member` for members)
NAMES = (
    ("server/handlers.py", "initialize_backend_stores"),
    ("server/handlers.py", "_graphql"),
    ("server/handlers.py", "get_trace_artifact_handler"),
    ("server/workspace_helpers.py", "_get_workspace_store"),
    ("server/fastapi_app.py", "app"),
    ("store/artifact/artifact_repository_registry.py", "_artifact_repository_registry"),
    ("store/artifact/local_artifact_repo.py", "LocalArtifactRepository"),
    ("store/tracking/sqlalchemy_store.py", "SqlAlchemyStore.MODELS_FOLDER_NAME"),
    ("store/tracking/sqlalchemy_store.py", "SqlAlchemyStore.TRACE_FOLDER_NAME"),
    ("store/tracking/sqlalchemy_store.py", "SqlAlchemyStore.create_experiment"),
    (
        "store/tracking/sqlalchemy_workspace_store.py",
        "WorkspaceAwareSqlAlchemyStore.create_experiment",
    ),
    ("utils/workspace_context.py", "get_request_workspace"),
    ("entities/workspace.py", "Workspace.default_artifact_root"),
)
# (module, text that must be in it)
TEXTS = (
    ("server/constants.py", '"_MLFLOW_SERVER_FILE_STORE"'),
    ("server/constants.py", '"_MLFLOW_SERVER_REGISTRY_STORE"'),
    ("server/constants.py", '"_MLFLOW_SERVER_ARTIFACT_ROOT"'),
    ("environment_variables.py", '"MLFLOW_ENABLE_WORKSPACES"'),
    ("environment_variables.py", '"MLFLOW_SERVER_ENABLE_JOB_EXECUTION"'),
    ("environment_variables.py", '"MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE"'),
    ("utils/workspace_utils.py", '"X-MLFLOW-WORKSPACE"'),
    ("tracing/constant.py", '"mlflow.linkedPrompts"'),
    ("genai/judges/constants.py", '"gpt-oss-120b"'),
    ("genai/judges/utils/prompt_utils.py", "- {field.name} ({format_type(field.value_type)})"),
    ("server/server_info_api.py", '"/ajax-api/3.0/mlflow/server-info"'),
    ("utils/server_info.py", '"workspaces_enabled"'),
    ("utils/server_info.py", '"features_enabled"'),
    ("server/js/build/index.html", "static-files/static/js/main"),
)


@cache
def root() -> Path:
    spec = find_spec("mlflow")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


@cache
def defined(module: str) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.parse((root() / module).read_text()).body:
        found |= _named(node)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for inner in node.body for name in _named(inner)}
    return frozenset(found)


def _named(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    if isinstance(node, ast.Assign):
        return {one.id for one in node.targets if isinstance(one, ast.Name)}
    return set()


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[name for _, name in NAMES])
def test_a_private_name_is_where_it_was(module: str, name: str) -> None:
    assert name in defined(module)


@pytest.mark.parametrize(("module", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_a_text_is_where_it_was(module: str, text: str) -> None:
    assert text in (root() / module).read_text()
