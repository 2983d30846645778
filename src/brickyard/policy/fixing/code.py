"""Catalogs in SQL and Python: a name that is written out becomes one that the code is given."""

from __future__ import annotations

import ast
import re
from typing import Final

from brickyard.policy.fixing.draft import VARIABLE, replaced

WIDGET: Final = 'dbutils.widgets.get("catalog")'
NAME: Final = re.compile(r"(?:`[^`]+`|\w+)(?:\.(?:`[^`]+`|\w+))*")
SEPARATOR: Final = "# COMMAND ----------"


def sql(lines: list[str], number: int, at: int | None) -> str | None:
    """`prod.a.b` as `IDENTIFIER(:catalog || '.a.b')`."""
    if at is None:
        return None
    line = lines[number - 1]
    found = NAME.match(line, at - (line[at - 1] == "`"))
    if found is None:
        return None
    rest = "".join(f".{part}" for part in found[0].split(".")[1:])
    new = f"IDENTIFIER(:{VARIABLE} || '{rest}')" if rest else f"IDENTIFIER(:{VARIABLE})"
    return replaced(lines, number, found.start(), len(found[0]), new)


def python(text: str, line: int, catalog: str, source: str) -> str | None:
    """The literal with the catalog taken from a variable; or the constant that it comes from.

    `source` is the expression that gives the catalog.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    for node in around:
        new = _literal(ast.get_source_segment(text, node) or "", catalog)
        if new:
            return _with_segment(text, node, new)
    return _from_constant(text, tree, line, catalog, source)


def _literal(written: str, catalog: str) -> str:
    """A text of the code with the catalog taken from the variable; nothing if that can't be."""
    is_formatted = written[:1] in {"f", "F"}
    if written[is_formatted : is_formatted + 1] not in {'"', "'"}:
        return ""
    if not is_formatted and "{" in written:
        return ""
    for found in re.finditer(rf"(?i)(?<![\w.]){re.escape(catalog)}(?=\.)", written):
        before, behind = written[: found.start()], written[found.end() :]
        if before.count("{") == before.count("}"):
            return ("" if is_formatted else "f") + before + f"{{{VARIABLE}}}" + behind
    return ""


def _from_constant(text: str, tree: ast.Module, line: int, catalog: str, source: str) -> str | None:
    """`CATALOG = "prod"` of a name that is used in the line, taken from where the task has it."""
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    used = {node.id for node in names if node.lineno <= line <= (node.end_lineno or node.lineno)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            targets = {one.id for one in node.targets if isinstance(one, ast.Name)}
            if targets & used and str(node.value.value).lower() == catalog:
                return _with_segment(text, node.value, source)
    return None


def _with_segment(text: str, node: ast.expr, new: str) -> str:
    """The text with another expression in a node's place."""
    lines = text.splitlines(keepends=True)

    def offset(number: int, column: int) -> int:
        # The syntax tree counts columns in bytes.
        before = lines[number - 1].encode()[:column].decode(errors="ignore")
        return sum(map(len, lines[: number - 1])) + len(before)

    start = offset(node.lineno, node.col_offset)
    end = offset(node.end_lineno or 1, node.end_col_offset or 0)
    return text[:start] + new + text[end:]


def with_widget(path: str, text: str) -> str:
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
