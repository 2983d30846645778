"""Catalogs in plain Python files: a task hands `--catalog` to the file that it starts.

The argument is added behind those that the task has, so that positions stay what they are; an
argparse parser of the file is told of it. A file that counts its arguments otherwise, or that is
imported too, is left to a person.
"""

from __future__ import annotations

import ast
import posixpath
import re
from typing import Final

from brickyard.policy.fixing.code import python
from brickyard.policy.fixing.draft import VARIABLE, Draft

FLAG: Final = "--catalog"
ARGUMENT: Final = f'sys.argv[sys.argv.index("{FLAG}") + 1]'
OTHER_PARSERS: Final = ("click", "typer", "fire", "docopt", "absl")


def in_task_file(draft: Draft, path: str, text: str, line: int, catalog: str) -> str:
    """Change the draft; why not, where that can't be done."""
    tasks = draft.starts.get(path)
    if not tasks:
        return "no task starts this file: it gets no argument"
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return "it can't be parsed"
    why = "" if path in draft.given else _obstacle(draft, path, tree, text)
    if why:
        return why
    changed = python(text, line, catalog, ARGUMENT)
    if changed is None:
        return "the catalog's name is put together elsewhere"
    draft.texts[path] = changed
    draft.given.add(path)
    draft.tasks.update(tasks)
    draft.needs_variable = True
    return ""


def finished(text: str) -> str:
    """The file with what its new expressions need: argument, module, variable."""
    text = _declared(text)
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    added = []
    if not any(isinstance(one, ast.Import) and _imports_sys(one) for one in tree.body):
        added.append("import sys\n")
    if f"{{{VARIABLE}}}" in text and not re.search(rf"(?m)^{VARIABLE}\s*=", text):
        added.append(f"\n{VARIABLE} = {ARGUMENT}\n")
    at = _behind_imports(tree)
    return "".join([*lines[:at], *added, *lines[at:]])


def _obstacle(draft: Draft, path: str, tree: ast.Module, text: str) -> str:
    nodes = list(ast.walk(tree))
    names = {one.id for one in nodes if isinstance(one, ast.Name)}
    names |= {one.arg for one in nodes if isinstance(one, ast.arg)}
    if VARIABLE in names or FLAG in text:
        return f"`{VARIABLE}` means something in this file already"
    imported = {
        alias.name.split(".")[0]
        for one in nodes
        if isinstance(one, ast.Import | ast.ImportFrom)
        for alias in (one.names if isinstance(one, ast.Import) else [ast.alias(one.module or "")])
    }
    if found := imported & set(OTHER_PARSERS):
        return f"its arguments are read by {', '.join(sorted(found))}"
    if not _counts_from_the_start(tree):
        return "it counts its arguments from the end, or takes them all"
    stem = posixpath.basename(path).removesuffix(".py")
    pattern = re.compile(rf"(?m)^\s*(?:import|from)\s[\w., ]*\b{re.escape(stem)}\b".encode())
    if any(name != path and name.endswith(".py") and pattern.search(content)
           for name, content in draft.files.items()):  # fmt: skip
        return "other files import it: it has not always a task's arguments"
    return ""


def _counts_from_the_start(tree: ast.Module) -> bool:
    """Whether `sys.argv` is only asked for places that a new last argument does not move."""
    known = {
        id(one.value)
        for one in ast.walk(tree)
        if isinstance(one, ast.Subscript)
        and isinstance(one.slice, ast.Constant)
        and isinstance(one.slice.value, int)
    }
    return all(
        id(one) in known
        for one in ast.walk(tree)
        if isinstance(one, ast.Attribute)
        and one.attr == "argv"
        and isinstance(one.value, ast.Name)
        and one.value.id == "sys"
    )


def _declared(text: str) -> str:
    """The file with the argument declared at its argparse parser, if it has one."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.stmt) or not hasattr(node, "value"):
            continue
        call = node.value
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in {"parse_args", "parse_known_args"}
            and isinstance(call.func.value, ast.Name)
        ):
            lines = text.splitlines(keepends=True)
            indent = " " * node.col_offset
            new = f'{indent}{call.func.value.id}.add_argument("{FLAG}")\n'
            return "".join([*lines[: node.lineno - 1], new, *lines[node.lineno - 1 :]])
    return text


def _imports_sys(node: ast.Import) -> bool:
    return any(alias.name == "sys" and alias.asname is None for alias in node.names)


def _behind_imports(tree: ast.Module) -> int:
    """The line behind the imports at the file's beginning."""
    at = 0
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_text and not isinstance(node, ast.Import | ast.ImportFrom):
            break
        at = node.end_lineno or at
    return at
