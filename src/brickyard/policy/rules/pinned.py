"""Requirements in production name one version each.

An unpinned requirement installs something else tomorrow: what was evaluated is not what serves.

Bad:

    dependencies: [pandas, "requests>=2"]

Good:

    dependencies: [pandas==2.2.3, requests==2.32.3]
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from typing import Final

from brickyard.bundle import Declared
from brickyard.policy.rule_names import PINNED as ID
from brickyard.policy.rules.subject import Finding, Subject, at_text, at_value
from brickyard.values import Value

PACKAGE: Final = re.compile(r"^[A-Za-z0-9][\w.-]*(\[[\w, .-]*\])?")
PINNED: Final = re.compile(r"===?\s*[^\s*,;]+(?:\s*(?:;|#|--hash|$))|@\s*\S+@[0-9a-f]{7,40}\b"
                           r"|@\s*\S+\.(?:whl|zip|tar\.gz)(?:#|$|\s)")  # fmt: skip
LOCAL: Final = ("/", "./", "../", "~", "${", "dbfs:", "s3:", "abfss:", "gs:", "file:", "{{")
FILES: Final = re.compile(r"^(?:-r|--requirement)[ =]*(\S+)")
PIP: Final = re.compile(r"(?m)^(?:# MAGIC )?\s*[%!]?(?:%pip|pip) install (.+)$")
MODEL_KEYWORDS: Final = frozenset({"pip_requirements", "extra_pip_requirements"})
FIX: Final = "name one version: `package==1.2.3`"
# Where lists of requirements stand, by resource type; `[]` goes through a list.
LISTS: Final = {
    "jobs": ("environments[].spec.dependencies[]", "tasks[].libraries[].pypi.package"),
    "pipelines": ("environment.dependencies[]", "libraries[].pypi.package"),
}
REQUIREMENT_FILES: Final = {"jobs": ("tasks[].libraries[].requirements",), "pipelines": ()}


def check(subject: Subject) -> Iterator[Finding]:
    if not subject.is_production:
        return
    for declared in subject.resources():
        for path in LISTS.get(declared.type, ()):
            for value in _through(declared.value, path):
                yield from _value(subject, declared, value)
        for path in REQUIREMENT_FILES.get(declared.type, ()):
            for value in _through(declared.value, path):
                yield from _file(subject, subject.text(value))
        if declared.type == "apps":
            yield from _app(subject, declared)
    for path, text in subject.texts():
        if path.endswith((".py", ".ipynb")):
            yield from _code(path, text)


def unpinned(requirement: str) -> bool:
    """Whether a line of requirements leaves the version open. Paths and options are no packages."""
    line = requirement.split(" #", maxsplit=1)[0].strip().strip("'\"")
    if not line or line.startswith(("#", "-", *LOCAL)) or line.endswith(".whl"):
        return False
    return PACKAGE.match(line) is not None and not PINNED.search(line)


def _value(subject: Subject, declared: Declared, value: Value) -> Iterator[Finding]:
    text = subject.text(value)
    if found := FILES.match(text):
        yield from _file(subject, found[1])
    elif unpinned(text):
        reason = f"`{text}` names no single version"
        yield at_value(ID, value, reason, FIX, resource=declared.address)


def _file(subject: Subject, path: str) -> Iterator[Finding]:
    """A requirements file of the bundle, local or as it is deployed."""
    remote = subject.resolved.tree.get("workspace.file_path")
    prefix = remote.text.rstrip("/") + "/" if remote is not None and remote.text else "\0"
    inner = posixpath.normpath(path.removeprefix(prefix).replace("${workspace.file_path}/", ""))
    content = subject.files.get(inner)
    if content is None:
        return
    text = content.decode("utf-8", errors="replace")
    offset = 0
    for line in text.splitlines(keepends=True):
        if unpinned(line):
            reason = f"`{line.strip()}` names no single version"
            yield at_text(ID, inner, text, offset, reason, FIX)
        offset += len(line)


def _app(subject: Subject, declared: Declared) -> Iterator[Finding]:
    folder = declared.value.get("source_code_path")
    if folder is not None and folder.text:
        yield from _file(subject, posixpath.join(subject.text(folder), "requirements.txt"))


def _code(path: str, text: str) -> Iterator[Finding]:
    """Requirements of notebooks (`%pip install`) and of models (`pip_requirements=[…]`)."""
    for found in PIP.finditer(text):
        for word in re.findall(r"\"[^\"]+\"|'[^']+'|\S+", found[1].split("\\n")[0]):
            if unpinned(word) and not word.startswith("$"):
                reason = f"`{word}` names no single version"
                yield at_text(ID, path, text, found.start(1), reason, FIX)
    if not path.endswith(".py") or "pip_requirements" not in text:
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    lines = text.splitlines(keepends=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in MODEL_KEYWORDS:
            for one, text_of in _texts(node.value):
                if unpinned(text_of):
                    offset = sum(map(len, lines[: one.lineno - 1])) + one.col_offset
                    reason = f"`{text_of}` names no single version"
                    yield at_text(ID, path, text, offset, reason, FIX)


def _texts(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """The requirements in an expression; a version that the code looks up is one version.

    Of a comprehension its element counts: what it runs over are no requirements yet.
    """
    match node:
        case ast.Constant():
            if isinstance(node.value, str):
                yield node, node.value
        case ast.JoinedStr():
            parts = (one.value if isinstance(one, ast.Constant) else "0" for one in node.values)
            yield node, "".join(map(str, parts))
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            yield from _texts(node.elt)
        case _:
            for one in ast.iter_child_nodes(node):
                yield from _texts(one)


def _through(value: Value, path: str) -> Iterator[Value]:
    """Every value at a path whose `[]` go through lists."""
    start, through, rest = path.partition("[]")
    found = value.get(start) if start else value
    if found is None:
        return
    if not through:
        yield found
        return
    for one in found.elements:
        yield from _through(one, rest.removeprefix(".")) if rest else iter([one])
