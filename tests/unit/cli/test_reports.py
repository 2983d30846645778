"""Findings as annotations, SARIF and JUnit: what the tools that read them need to find."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from brickyard.cli.bundle_commands import validate
from brickyard.cli.reports import Report, write_report
from brickyard.values import Location, error, recommendation, warning

FOUND = (
    error(
        "bundle/x",
        "50% wrong: a, b",
        "First line\nsecond <line>; ok]",
        path="resources.jobs.a",
        at=[Location("a b.yml", 3, 7), Location("b.yml", 1, 2)],
    ),
    warning("bundle/y", "hm", "bell \x07"),
    recommendation("bundle/z", "better", "Do it.", at=[Location("c.yml", 1, 1)]),
)
REPORT = Report(findings=FOUND, title="shop (dev)", folder="bundles/shop")


def test_github_gets_workflow_commands_with_paths_of_the_repository() -> None:
    lines = write_report("github", REPORT).splitlines()
    assert lines[0] == (
        "::error file=bundles/shop/a b.yml,line=3,col=7,title=50%25 wrong%3A a%2C b"
        "::50%25 wrong: a, b (resources.jobs.a)%0AFirst line%0Asecond <line>; ok]"
    )
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::notice"]


def test_azure_gets_logging_commands() -> None:
    lines = write_report("azure", REPORT).splitlines()
    assert lines[0] == (
        "##vso[task.logissue type=error;sourcepath=bundles/shop/a b.yml;linenumber=3;"
        "columnnumber=7;code=bundle/x]50%AZP25 wrong: a, b (resources.jobs.a)%0AFirst line"
        "%0Asecond <line>; ok]"
    )
    assert lines[1].startswith("##vso[task.logissue type=warning;code=bundle/y]hm")
    assert lines[2] == "Recommendation: better Do it."


def test_sarif_names_rules_and_every_place() -> None:
    document = json.loads(write_report("sarif", REPORT))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for found, result in zip(FOUND, run["results"], strict=True):
        assert rules[result["ruleIndex"]] == result["ruleId"] == found.code
    first, second, third = run["results"]
    assert [first["level"], second["level"], third["level"]] == ["error", "warning", "note"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "bundles/shop/a%20b.yml"
    assert place["region"] == {"startLine": 3, "startColumn": 7}
    assert first["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "resources.jobs.a"
    assert len(first["relatedLocations"]) == 1
    assert second["locations"] == []


@pytest.mark.parametrize(("is_strict", "failures"), [(False, 1), (True, 2)])
def test_junit_fails_what_fails_validate(is_strict: bool, failures: int) -> None:
    report = Report(findings=FOUND, title="shop", is_strict=is_strict)
    suites = ElementTree.fromstring(write_report("junit", report))
    (suite,) = suites
    assert suite.attrib == {
        "name": "shop",
        "tests": "3",
        "failures": str(failures),
        "errors": "0",
    }
    assert len(suite.findall("testcase/failure")) == failures
    assert (suite[0].get("file"), suite[0].get("line")) == ("a b.yml", "3")
    assert "second <line>; ok]" in (suite[0][0].text or "")


def test_a_bundle_without_findings_passes_one_test() -> None:
    suites = ElementTree.fromstring(write_report("junit", Report(findings=(), title="t")))
    assert suites.get("tests") == "1"
    assert suites.get("failures") == "0"
    assert write_report("github", Report(findings=(), title="t")) == ""


def test_validate_prints_the_report_alone_on_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "databricks.yml").write_text("bundle: {name: shop}\nresourcez: {}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    done = CliRunner().invoke(validate, ["--offline", "-o", "sarif"])
    results = json.loads(done.stdout)["runs"][0]["results"]
    assert [result["level"] for result in results] == ["warning"]
    assert "resourcez: {}" in done.stderr
