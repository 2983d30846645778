"""The breaches of `breaches/*.txt`, and what the check makes of them.

A case begins with `### its name`; its text is main.py, unless `=== path` says which file follows.
A comment that begins with `!!` lists what its line does and an environment `dev`, which reads dev
and prod and writes dev, may not do:

    df.write.saveAsTable(f"{catalog}.a.b")  # !! write table prod.a.b

Words behind it: `unknown-ok` (nobody can know this one; it has to be listed as unknown there),
`anywhere` (in this file; which line is a matter of taste), `ok` (an access that is none). A line
that is `fine` has accesses, and all of them are surely allowed. For
files without comments a file `expect` has lines `path:line mode securable name`. A case without
databricks.yml is one job that runs main.py, or main.sql.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brickyard.bundle import CurrentUser, Facts, resolve
from brickyard.policy import PolicyReport, Verdict, check
from brickyard.policy.rule_names import OF_ACCESSES

VIOLATION, UNKNOWN = Verdict.VIOLATION, Verdict.UNKNOWN
FOLDER = Path(__file__).with_name("breaches")
EXPECTED = re.compile(r"!!\s*(.*?)\s*$")
NO_BUNDLE = """\
bundle: {{name: b}}
targets: {{dev: {{default: true}}}}
resources: {{jobs: {{j: {{tasks: [{{task_key: t, {task}}}]}}}}}}
"""
SETTINGS: Mapping[str, Any] = {
    "environments": {"dev": {"reads": ["prod"]}, "staging": {}, "prod": {}},
    "policy": {"mode": "enforce"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    file: str
    line: int
    mode: str
    securable: str
    full_name: str
    column: int = 0  # 0: not asked for
    may_be_unknown: bool = False
    anywhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    name: str
    files: Mapping[str, str]
    breaches: tuple[Breach, ...]
    fine: frozenset[tuple[str, int]] = frozenset()  # (file, line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the check did on one case."""

    found: tuple[Breach, ...]
    unknown: tuple[Breach, ...]  # listed as unknown
    missed: tuple[Breach, ...]
    false_alarms: tuple[str, ...]


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.txt")):
        for part in re.split(r"(?m)^### ", path.read_text())[1:]:
            name, _, text = part.partition("\n")
            yield case(f"{path.stem}: {name}", text)


def case(name: str, text: str) -> Case:
    files: dict[str, str] = {}
    pieces = re.split(r"(?m)^=== (.*)\n", text)
    if pieces[0].strip():
        files["main.py"] = pieces[0]
    files.update(zip(pieces[1::2], pieces[2::2], strict=True))
    listed = files.pop("expect", "")
    breaches = [one for path, body in files.items() for one in _marked(path, body)]
    breaches += [_listed(line) for line in listed.splitlines() if line.strip()]
    if "databricks.yml" not in files:
        files = {"databricks.yml": _bundle(files), **files}
    fine = frozenset(
        (path, number)
        for path, body in files.items()
        for number, line in enumerate(body.splitlines(), start=1)
        if line.endswith("!! fine")
    )
    return Case(name=name, files=files, breaches=tuple(breaches), fine=fine)


def _bundle(files: Mapping[str, str]) -> str:
    if "main.py" not in files:
        return NO_BUNDLE.format(task="sql_task: {warehouse_id: x, file: {path: main.sql}}")
    kind = "notebook_task: {notebook_path" if files["main.py"].startswith("# Databricks") else ""
    return NO_BUNDLE.format(task=f"{kind or 'spark_python_task: {python_file'}: main.py}}")


def _marked(path: str, body: str) -> Iterator[Breach]:
    for number, line in enumerate(body.splitlines(), start=1):
        found = EXPECTED.search(line)
        for text in found[1].split(";") if found else ():
            words = text.split()
            if "ok" in words or words == ["fine"]:
                continue
            written = line[: found.start()] if found else ""
            column = written.find(words[2]) + 1
            yield Breach(
                file=path,
                line=number,
                mode=words[0],
                securable=words[1],
                full_name=words[2],
                column=column,
                may_be_unknown="unknown-ok" in words,
                anywhere="anywhere" in words,
            )


def _listed(text: str) -> Breach:
    place, mode, securable, name = text.split()
    path, _, line = place.rpartition(":")
    return Breach(file=path, line=int(line), mode=mode, securable=securable, full_name=name)


def report_of(one: Case, settings: Mapping[str, Any] = SETTINGS) -> PolicyReport:
    content = {path: text.encode() for path, text in one.files.items()}
    facts = Facts(user=CurrentUser(user_name="someone@localhost"))
    resolved = resolve(content, facts=facts, target="dev", variables={})
    return check(resolved, content, sources=tuple(content), settings=settings)


def judged(one: Case, report: PolicyReport | None = None) -> Outcome:
    """Compare what the check lists with what the case says."""
    report = report or report_of(one)
    violations = {
        (a.file, a.line, str(a.mode), str(a.securable), a.full_name.lower().replace("`", ""))
        for a in report.accesses
        if a.verdict is VIOLATION and a.rule in OF_ACCESSES
    }
    unsure = {(a.file, a.line) for a in report.accesses if a.verdict is UNKNOWN}
    found, unknown, missed = [], [], []
    explained = set()
    for breach in one.breaches:
        key = (breach.file, breach.line, breach.mode, breach.securable, breach.full_name)
        near = {v for v in violations if v[0] == breach.file and v[2:] == key[2:]}
        if key in violations or (breach.anywhere and near):
            found.append(breach)
            explained |= {key} if key in violations else near
        elif (breach.file, breach.line) in unsure:
            unknown.append(breach)
        else:
            missed.append(breach)
    # The same breach at a second place is none: the query of a file, and the call that runs it.
    expected = {(one.mode, one.securable, one.full_name) for one in one.breaches}
    alarms = [
        f"{v[0]}:{v[1]} {' '.join(v[2:])}"
        for v in sorted(violations - explained)
        if v[2:] not in expected
    ]
    ok = {(a.file, a.line) for a in report.accesses if a.verdict is Verdict.OK}
    alarms += [f"{file}:{line} is not surely allowed" for file, line in one.fine - (ok - unsure)]
    sure = {(b.file, b.line) for b in found if not b.anywhere}
    sure -= {(b.file, b.line) for b in one.breaches if b.may_be_unknown}
    alarms += [f"{file}:{line} is unknown, too" for file, line in sure & unsure]
    return Outcome(
        found=tuple(found),
        unknown=tuple(unknown),
        missed=tuple(missed),
        false_alarms=tuple(alarms),
    )
