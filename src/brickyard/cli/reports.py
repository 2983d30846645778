"""Findings for other tools: annotations of GitHub and Azure Pipelines, SARIF 2.1.0, JUnit XML.

`validate -o FORMAT` prints one of them on stdout; what people read stays on stderr. Paths are those
of the repository, not of the bundle, as that is what such tools show. Formats followed: GitHub's
workflow commands, Azure's `task.logissue`, the OASIS SARIF 2.1.0 schema, the JUnit schema that
Jenkins, GitLab and Azure read (`failure` and `system-out` within `testcase`).
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from brickyard import __version__
from brickyard.values import Diagnostic, Location, Severity

SARIF_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
GITHUB_WORDS: Final = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.RECOMMENDATION: "notice",
}
SARIF_LEVELS: Final = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.RECOMMENDATION: "note",
}
NOT_XML: Final = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a report is made of. `folder` is the bundle's, within its repository."""

    findings: Sequence[Diagnostic]
    title: str
    folder: str = ""
    is_strict: bool = False

    def file(self, place: Location) -> str:
        return posixpath.normpath(posixpath.join(self.folder, place.file))

    def fails(self, found: Diagnostic) -> bool:
        """Whether this finding alone ends `validate` with 1."""
        return found.severity is Severity.ERROR or (
            self.is_strict and found.severity is Severity.WARNING
        )


def write_report(kind: str, report: Report) -> str:
    """The report in one of `FORMATS`; without a line break at its end."""
    return FORMATS[kind](report)


def github(report: Report) -> str:
    """One workflow command a line."""
    return "\n".join(_github_line(report, found) for found in report.findings)


def _github_line(report: Report, found: Diagnostic) -> str:
    place = _place(found)
    names = {"title": found.summary.splitlines()[0] if found.summary else found.code}
    if place is not None:
        names = {"file": report.file(place), **_numbers(place, "line", "col"), **names}
    shown = ",".join(f"{name}={_github(value, ':,')}" for name, value in names.items())
    return f"::{GITHUB_WORDS[found.severity]} {shown}::{_github(_message(found), '')}"


def _github(text: str, more: str) -> str:
    return "".join(
        f"%{ord(letter):02X}" if letter in "%\r\n" or letter in more else letter for letter in text
    )


def azure(report: Report) -> str:
    """One logging command a line; Azure knows errors and warnings, advice is a line of the log."""
    return "\n".join(_azure_line(report, found) for found in report.findings)


def _azure_line(report: Report, found: Diagnostic) -> str:
    if found.severity is Severity.RECOMMENDATION:
        return f"Recommendation: {' '.join(_message(found).split())}"
    place = _place(found)
    names = {"type": found.severity.value}
    if place is not None:
        numbers = _numbers(place, "linenumber", "columnnumber")
        names = {**names, "sourcepath": report.file(place), **numbers}
    shown = ";".join(
        f"{name}={_azure(value)}" for name, value in {**names, "code": found.code}.items()
    )
    return f"##vso[task.logissue {shown}]{_azure(_message(found), is_property=False)}"


def _azure(text: str, *, is_property: bool = True) -> str:
    text = text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(";", "%3B").replace("]", "%5D") if is_property else text


def sarif(report: Report) -> str:
    """One run of one tool; a rule for each code that was found."""
    codes = sorted({found.code for found in report.findings})
    driver = {
        "name": "brickyard",
        "version": __version__,
        "rules": [{"id": code, "shortDescription": {"text": _title(code)}} for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(report, found, codes) for found in report.findings],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(report: Report, found: Diagnostic, codes: Sequence[str]) -> Mapping[str, Any]:
    places = [_physical(report, place) for place in found.locations if place.file]
    made: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": codes.index(found.code),
        "level": SARIF_LEVELS[found.severity],
        "message": {"text": _message(found)},
        "locations": places[:1],
    }
    if found.path:
        logical = [{"fullyQualifiedName": found.path}]
        made["locations"] = [{**(places[0] if places else {}), "logicalLocations": logical}]
    if places[1:]:
        made["relatedLocations"] = places[1:]
    return made


def _physical(report: Report, place: Location) -> dict[str, Any]:
    numbers = {"startLine": place.line, "startColumn": place.column}
    region = {name: number for name, number in numbers.items() if number > 0}
    made: dict[str, Any] = {"artifactLocation": {"uri": quote(report.file(place))}}
    if "startLine" in region:
        made["region"] = region
    return {"physicalLocation": made}


def junit(report: Report) -> str:
    """One test case for each finding, failed if it fails `validate`; one that passed if there
    is none."""
    cases = [_case(report, found) for found in report.findings] or [
        '    <testcase classname="bundle" name="validate"/>'
    ]
    failures = sum(1 for found in report.findings if report.fails(found))
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f"<testsuites {counts}>",
            f"  <testsuite name={_attribute(report.title)} {counts}>",
            *cases,
            "  </testsuite>",
            "</testsuites>",
        ]
    )


def _case(report: Report, found: Diagnostic) -> str:
    place = _place(found)
    names = {"classname": found.code.replace("/", "."), "name": found.summary}
    if place is not None:
        names = {**names, "file": report.file(place), **_numbers(place, "line", "")}
    shown = " ".join(f"{name}={_attribute(value)}" for name, value in names.items() if name)
    places = "\n".join(f"in {report.file(one)}:{one.line}:{one.column}" for one in found.locations)
    text = escape(_xml(f"{_message(found)}\n{places}".strip()))
    if report.fails(found):
        kind = _attribute(found.severity.value)
        body = f"<failure type={kind} message={_attribute(found.summary)}>{text}</failure>"
    else:
        body = f"<system-out>{text}</system-out>"
    return f"    <testcase {shown}>{body}</testcase>"


def _attribute(text: str) -> str:
    return quoteattr(_xml(text))


def _xml(text: str) -> str:
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _place(found: Diagnostic) -> Location | None:
    return found.locations[0] if found.locations and found.locations[0].file else None


def _numbers(place: Location, line: str, column: str) -> dict[str, str]:
    numbers = {line: place.line, column: place.column}
    return {name: str(number) for name, number in numbers.items() if name and number > 0}


def _message(found: Diagnostic) -> str:
    at = f" ({found.path})" if found.path else ""
    return f"{found.summary}{at}" + (f"\n{found.detail}" if found.detail else "")


def _title(code: str) -> str:
    return code.rpartition("/")[2].replace("-", " ")


FORMATS: Final[Mapping[str, Callable[[Report], str]]] = {
    "github": github,
    "azure": azure,
    "sarif": sarif,
    "junit": junit,
}
