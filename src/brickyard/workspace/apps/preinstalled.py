"""What Databricks has installed for every app that gets its packages by pip, and at which version.

Follows the page "Manage dependencies for a Databricks app": what `requirements.txt` says of a
package wins, what it leaves open stays at the version installed. Where there is no such file and a
`pyproject.toml`, nothing is there but what that declares.

The page names no version of what those libraries need in turn. `AROUND` has versions of the same
time that are known to work with them; which ones the image has is a belief.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

# Module -> requirement. Installed where an app's code imports the module or runs it.
BY_MODULE: Final[Mapping[str, str]] = {
    "dash": "dash",
    "dash_ag_grid": "dash-ag-grid",
    "dash_bootstrap_components": "dash-bootstrap-components",
    "dash_mantine_components": "dash-mantine-components",
    "databricks.sdk": "databricks-sdk",
    "databricks.sql": "databricks-sql-connector",
    "fastapi": "fastapi",
    "flask": "flask",
    "gradio": "gradio",
    "gunicorn": "gunicorn",
    "huggingface_hub": "huggingface-hub",
    "mlflow": "mlflow-skinny",
    "plotly": "plotly",
    "plotly_resampler": "plotly-resampler",
    "shiny": "shiny",
    "streamlit": "streamlit",
    "uvicorn": "uvicorn[standard]",
}
DOCUMENTED: Final[Mapping[str, str]] = {
    "dash": "2.18.1",
    "dash-ag-grid": "31.2.0",
    "dash-bootstrap-components": "1.6.0",
    "dash-mantine-components": "0.14.4",
    "databricks-sdk": "0.33.0",
    "databricks-sql-connector": "3.4.0",
    "fastapi": "0.115.0",
    "flask": "3.0.3",
    "gradio": "4.44.0",
    "gunicorn": "23.0.0",
    "huggingface-hub": "0.35.3",
    "mlflow-skinny": "2.16.2",
    "plotly": "5.24.1",
    "plotly-resampler": "0.10.0",
    "shiny": "1.1.0",
    "streamlit": "1.38.0",
    "uvicorn": "0.30.6",
}
AROUND: Final[Mapping[str, str]] = {
    "altair": "5.5.0",
    "anyio": "4.11.0",
    "cachetools": "5.5.2",
    "click": "8.1.8",
    "gradio-client": "1.3.0",
    "htmltools": "0.6.0",
    "httpx": "0.28.1",
    "jinja2": "3.1.6",
    "markupsafe": "2.1.5",
    "matplotlib": "3.10.7",
    "numpy": "1.26.4",
    "packaging": "24.2",
    "pandas": "2.2.3",
    "pillow": "10.4.0",
    "protobuf": "5.29.5",
    "pyarrow": "16.1.0",
    "pydantic": "2.10.6",
    "pydantic-core": "2.27.2",
    "python-multipart": "0.0.20",
    "requests": "2.32.5",
    "starlette": "0.38.6",
    "tornado": "6.5.2",
    "typer": "0.15.4",
    "urllib3": "2.5.0",
    "websockets": "12.0",
    "werkzeug": "3.0.6",
}
VERSIONS: Final[Mapping[str, str]] = {**AROUND, **DOCUMENTED}
NAMED: Final = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def used_modules(code: str) -> Iterator[str]:
    """What some Python imports, with all that is above it: `databricks`, `databricks.sql`."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return  # the app itself will tell
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{one.name}" for one in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def added(modules: Iterable[str], lines: Iterable[str]) -> Iterator[str]:
    """Requirements for the used modules that are preinstalled and that no line names already."""
    named = {match[1].lower().replace("_", "-") for line in lines if (match := NAMED.match(line))}
    for module in sorted(BY_MODULE.keys() & set(modules)):
        package = BY_MODULE[module]
        bare = package.partition("[")[0]
        if not named & {bare, bare.removesuffix("-skinny")}:
            yield package
