"""The change that mends breaches of the data policy: a catalog per target as a bundle variable,
reads from production, writes to one's own catalog.

Pure: files in, changed files out. What is changed by hand only is said so. Three ways:

- a forbidden read of a name that is written out: the same name in production's catalog;
- a forbidden write in configuration: `${var.catalog}` instead of the name;
- a forbidden write in a notebook or SQL of a job: the job gets a parameter `catalog`, and the code
  takes its name from there.

Variable, values per target and job parameters stand in a file of their own, which `include` names.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from brickyard.policy.accesses import Access, Mode, Verdict
from brickyard.policy.notebooks import MARKER

VARIABLE: Final = "catalog"
INCLUDED: Final = "policy_catalog.yml"
WIDGET: Final = 'dbutils.widgets.get("catalog")'
NO_NEWLINE: Final = "\n\\ No newline at end of file\n"
NAME: Final = re.compile(r"(?:`[^`]+`|\w+)(?:\.(?:`[^`]+`|\w+))*")
YAML: Final = (".yml", ".yaml")
SQL: Final = ".sql"
SEPARATOR: Final = "# COMMAND ----------"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """New texts by file, how many breaches they mend, and what is left, with the reason."""

    texts: Mapping[str, str]
    before: Mapping[str, str]
    mended: tuple[Access, ...] = ()
    by_hand: tuple[tuple[Access, str], ...] = ()

    def patch(self) -> str:
        """The change as a unified diff, as `git apply` and `patch -p1` take it."""
        parts: list[str] = []
        for path, text in sorted(self.texts.items()):
            old = self.before.get(path, "")
            lines = difflib.unified_diff(
                old.splitlines(keepends=True),
                text.splitlines(keepends=True),
                f"a/{path}" if path in self.before else "/dev/null",
                f"b/{path}",
            )
            parts += [line if line.endswith("\n") else line + NO_NEWLINE for line in lines]
        return "".join(parts)


@dataclass(slots=True)
class _Draft:
    files: Mapping[str, bytes]
    texts: dict[str, str] = field(default_factory=dict)
    jobs: set[str] = field(default_factory=set)  # keys of jobs that need the parameter
    needs_variable: bool = False
    variables: set[str] = field(default_factory=set)  # existing ones that targets must set

    def text(self, path: str) -> str | None:
        if path not in self.texts and path in self.files:
            return self.files[path].decode("utf-8", errors="replace")
        return self.texts.get(path)


def propose(
    accesses: Iterable[Access],
    files: Mapping[str, bytes],
    *,
    root_file: str,
    production: str,
    catalogs: Mapping[str, str],
) -> Fix:
    """What mends these accesses' violations. `catalogs` is the own catalog of each target."""
    draft = _Draft(files)
    mended, by_hand = [], []
    broken = [one for one in accesses if one.verdict is Verdict.VIOLATION]
    # From the end of each file to its start: places before a change stay what they are.
    for access in sorted(broken, key=lambda one: (one.file, -one.line, -one.column)):
        why = _mend(draft, access, production)
        if why:
            by_hand.append((access, why))
        else:
            mended.append(access)
    for path, text in list(draft.texts.items()):
        draft.texts[path] = _with_widget(path, text)
    if draft.needs_variable or draft.variables:
        draft.texts[INCLUDED] = _included(draft, catalogs)
        root = draft.text(root_file)
        if root is not None:
            draft.texts[root_file] = _including(root)
    before = {path: draft.files[path].decode("utf-8", "replace") for path in draft.texts
              if path in draft.files}  # fmt: skip
    return Fix(texts=draft.texts, before=before, mended=tuple(mended), by_hand=tuple(by_hand))


def _mend(draft: _Draft, access: Access, production: str) -> str:
    """Change the draft; why not, where that can't be done."""
    text = draft.text(access.file)
    if text is None or access.evidence != "static":
        return "it is not written in a file of the bundle"
    lines = text.splitlines(keepends=True)
    if not 0 < access.line <= len(lines):
        return "its place is not known"
    catalog = access.full_name.split(".")[0]
    at = _literal(lines[access.line - 1], access.column - 1, catalog)
    if access.mode is Mode.READ:
        if at is None:
            return "the catalog's name is put together elsewhere"
        draft.texts[access.file] = _replaced(lines, access.line, at, len(catalog), production)
        return ""
    if access.file.endswith(YAML):
        return _configuration(draft, access, lines, at, catalog)
    if not access.resource.startswith("resources.jobs."):
        return "no job hands a catalog to this code"
    return _code(draft, access, lines, at, catalog)


def _literal(line: str, start: int, catalog: str) -> int | None:
    """Where the catalog is written at or behind a column; else anywhere in the line."""
    pattern = re.compile(rf"(?<![\w.-]){re.escape(catalog)}(?![\w-])", re.IGNORECASE)
    found = pattern.search(line, max(start, 0)) or pattern.search(line)
    return found.start() if found else None


def _replaced(lines: list[str], number: int, at: int, length: int, new: str) -> str:
    line = lines[number - 1]
    changed = [*lines]
    changed[number - 1] = line[:at] + new + line[at + length :]
    return "".join(changed)


def _configuration(
    draft: _Draft, access: Access, lines: list[str], at: int | None, catalog: str
) -> str:
    line = lines[access.line - 1]
    if at is None:
        named = re.search(r"\$\{var\.(\w+)\}", line)
        near = "".join(lines[max(access.line - 6, 0) : access.line + 5])
        named = named or re.search(r"catalog\w*:\s*[\"']?\$\{var\.(\w+)\}", near)
        if named:
            draft.variables.add(named[1])
            return ""
        at, number = _key_nearby(lines, access.line, catalog)
        if at is None:
            return "the catalog's name is put together elsewhere"
    else:
        number = access.line
    written = lines[number - 1]
    quoted = written[at - 1 : at] in {'"', "'"}
    in_flow = "{" in written[:at] or "[" in written[:at]
    new = f"${{var.{VARIABLE}}}"
    if in_flow and not quoted:
        whole = re.sub(r"[\s,}\]].*", "", written[at:], flags=re.DOTALL)
        rest = whole[len(catalog) :]
        draft.texts[access.file] = _replaced(lines, number, at, len(whole), f'"{new}{rest}"')
    else:
        draft.texts[access.file] = _replaced(lines, number, at, len(catalog), new)
    draft.needs_variable = True
    return ""


def _key_nearby(lines: list[str], number: int, catalog: str) -> tuple[int | None, int]:
    """`catalog_name: prod` in the lines around the part of the name that is blamed."""
    pattern = re.compile(rf"\bcatalog\w*:\s*[\"']?({re.escape(catalog)})\b", re.IGNORECASE)
    near = sorted(range(max(number - 6, 1), min(number + 5, len(lines)) + 1),
                  key=lambda one: abs(one - number))  # fmt: skip
    for one in near:
        if found := pattern.search(lines[one - 1]):
            return found.start(1), one
    return None, number


def _code(draft: _Draft, access: Access, lines: list[str], at: int | None, catalog: str) -> str:
    text = "".join(lines)
    is_sql_cell = lines[access.line - 1].startswith(("# MAGIC", "-- MAGIC"))
    if access.file.endswith(SQL) or is_sql_cell:
        changed = _sql(lines, access, at)
    elif access.file.endswith(".py") and text.startswith(MARKER):
        changed = _python(text, access, catalog)
    else:
        return "only notebooks and SQL take a job's parameter by its name"
    if changed is None:
        return "the catalog's name is put together elsewhere"
    draft.texts[access.file] = changed
    draft.jobs.add(access.resource.removeprefix("resources.jobs."))
    draft.needs_variable = True
    return ""


def _sql(lines: list[str], access: Access, at: int | None) -> str | None:
    """`prod.a.b` as `IDENTIFIER(:catalog || '.a.b')`."""
    if at is None:
        return None
    line = lines[access.line - 1]
    found = NAME.match(line, at - (line[at - 1] == "`"))
    if found is None:
        return None
    rest = "".join(f".{part}" for part in found[0].split(".")[1:])
    new = f"IDENTIFIER(:{VARIABLE} || '{rest}')" if rest else f"IDENTIFIER(:{VARIABLE})"
    return _replaced(lines, access.line, found.start(), len(found[0]), new)


def _python(text: str, access: Access, catalog: str) -> str | None:
    """The literal with the catalog taken from the widget; or the constant that it comes from."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        and node.lineno <= access.line <= (node.end_lineno or node.lineno)
    ]
    for node in around:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            pattern = rf"(?i)(?<![\w.]){re.escape(catalog)}(?=\.)"
            source = ast.get_source_segment(text, node) or ""
            if re.search(pattern, source) and source[:1] in {'"', "'"} and "{" not in source:
                new = "f" + re.sub(pattern, "{" + VARIABLE + "}", source, count=1)
                return _with_segment(text, node, new)
    return _from_constant(text, tree, access, catalog)


def _from_constant(text: str, tree: ast.Module, access: Access, catalog: str) -> str | None:
    """`CATALOG = "prod"` of a name that is used in the line, taken from the widget."""
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    used = {
        node.id for node in names if node.lineno <= access.line <= (node.end_lineno or node.lineno)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            targets = {one.id for one in node.targets if isinstance(one, ast.Name)}
            if targets & used and str(node.value.value).lower() == catalog:
                return _with_segment(text, node.value, WIDGET)
    return None


def _with_segment(text: str, node: ast.expr, new: str) -> str:
    lines = text.splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: (node.end_lineno or 1) - 1])) + (node.end_col_offset or 0)
    return text[:start] + new + text[end:]


def _with_widget(path: str, text: str) -> str:
    """A notebook whose code uses the name `catalog` gets it from the job's parameter, once."""
    uses = re.search(r"\{" + VARIABLE + r"\}", text) is not None
    if not path.endswith(".py") or not uses or re.search(rf"(?m)^{VARIABLE}\s*=", text):
        return text
    lines = text.splitlines(keepends=True)
    # Behind the last cell that restarts Python: what stood before it is forgotten.
    restarts = [n for n, line in enumerate(lines) if "restartPython" in line or "%pip" in line]
    last = max(restarts, default=0)
    behind = (n for n in range(last, len(lines)) if lines[n].strip() == SEPARATOR)
    at = next(behind, 0) if last else 0
    cell = f"{VARIABLE} = {WIDGET}\n"
    if at:
        return "".join([*lines[: at + 1], cell, f"\n{SEPARATOR}\n", *lines[at + 1 :]])
    return "".join([lines[0], cell, *lines[1:]])


def _included(draft: _Draft, catalogs: Mapping[str, str]) -> str:
    """The file with the variable, its value per target, and the jobs' parameters."""
    lines = [
        "# The catalog of each target, the only one that it writes; jobs get it as a parameter.",
    ]
    names = sorted(draft.variables | ({VARIABLE} if draft.needs_variable else set()))
    if VARIABLE in names and VARIABLE not in draft.variables:
        lines += ["variables:", f"  {VARIABLE}:", "    description: Catalog of the environment."]
    lines.append("targets:")
    for target, catalog in catalogs.items():
        lines += [f"  {target}:", "    variables:"]
        lines += [f"      {name}: {catalog}" for name in names]
        if draft.jobs:
            lines += ["    resources:", "      jobs:"]
            for job in sorted(draft.jobs):
                lines += [f"        {job}:", "          parameters:"]
                lines += [f"            - name: {VARIABLE}"]
                lines += [f"              default: ${{var.{VARIABLE}}}"]
    return "\n".join(lines) + "\n"


def _including(root: str) -> str:
    """The root file with the new file among its includes."""
    if re.search(rf"\b{re.escape(INCLUDED)}\b", root):
        return root
    flow = re.search(r"(?m)^include:[ \t]*\[([^\]]*)\]", root)
    if flow:
        inside = f"{flow[1].rstrip()}, {INCLUDED}" if flow[1].strip() else INCLUDED
        return root[: flow.start(1)] + inside + root[flow.end(1) :]
    block = re.search(r"(?m)^include:[ \t]*\n((?:[ \t]*#.*\n)*)([ \t]*)-", root)
    if block:
        at = block.start(2)
        return f"{root[:at]}{block[2]}- {INCLUDED}\n{root[at:]}"
    end = "" if root.endswith("\n") else "\n"
    return f"{root}{end}\ninclude:\n  - {INCLUDED}\n"
