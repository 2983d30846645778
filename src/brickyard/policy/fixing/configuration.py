"""The catalog of configuration: a variable with a value per target, in a file of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from brickyard.policy.accesses import Access
from brickyard.policy.fixing.draft import VARIABLE, Draft, replaced
from brickyard.policy.fixing.task_files import FLAG

INCLUDED: Final = "policy_catalog.yml"


def configuration(
    draft: Draft, access: Access, lines: list[str], at: int | None, catalog: str
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
        draft.texts[access.file] = replaced(lines, number, at, len(whole), f'"{new}{rest}"')
    else:
        draft.texts[access.file] = replaced(lines, number, at, len(catalog), new)
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


def included(draft: Draft, catalogs: Mapping[str, str]) -> str:
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
        if draft.jobs or draft.tasks:
            lines += ["    resources:", "      jobs:"]
        for job in sorted({*draft.jobs, *(job for job, _ in draft.tasks)}):
            lines += [f"        {job}:"]
            if job in draft.jobs:
                lines += ["          parameters:", f"            - name: {VARIABLE}"]
                lines += [f"              default: ${{var.{VARIABLE}}}"]
            keys = sorted(key for of, key in draft.tasks if of == job)
            if keys:
                lines += ["          tasks:"]
            for key in keys:
                lines += [f"            - task_key: {key}", "              spark_python_task:"]
                lines += [f'                parameters: ["{FLAG}", "${{var.{VARIABLE}}}"]']
    return "\n".join(lines) + "\n"


def including(root: str) -> str:
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
