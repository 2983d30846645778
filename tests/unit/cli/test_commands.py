"""The command line itself: quick to start, clear when it refuses."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from brickyard import cli
from brickyard.cli.diagnostics import painter, render, verdict
from brickyard.cli.failures import guarded
from brickyard.cli.project_options import parse_variables
from brickyard.values import Diagnostic, Location, Severity

BUNDLE = """\
bundle:
  name: demo
targets:
  dev:
    mode: development
resources:
  schemas:
    s:
      catalog_name: dev
      name: ${var.missing}
"""


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "databricks.yml").write_text(BUNDLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRICKYARD_HOME", str(tmp_path / "home"))
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CONFIG_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def _children_s() -> float:
    """Processor time of ended children: what a command costs, whatever else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_imports_click_and_nothing_heavy() -> None:
    code = (
        "import sys; from brickyard.cli import run; run(['--help']);"
        "print(sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr);"
        "print([m for m in sys.modules if m.startswith('brickyard.')], file=sys.stderr)"
    )
    began = _children_s()
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert _children_s() - began < 1
    for heavy in (
        "databricks",
        "mlflow",
        "yaml",
        "sqlglot",
        "pandas",
        "'http'",
        "brickyard.deploy",
    ):
        assert heavy not in ended.stderr
    assert "deploy" in ended.stdout


def test_every_listed_command_loads() -> None:
    for item in (item for _, items in cli.SECTIONS for item in items):
        assert item.load().get_short_help_str()


def test_a_misspelt_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["delpoy"]) == 1
    assert "did you mean `deploy`?" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["validate"], ["bundle", "validate"]])
def test_a_broken_bundle_shows_the_source_line(
    bundle: Path, capsys: pytest.CaptureFixture[str], verb: list[str]
) -> None:
    assert cli.run([*verb, "-t", "dev"]) == 1
    shown = capsys.readouterr()
    assert "reference does not exist: ${var.missing}" in shown.err
    assert ("databricks.yml:10:" in shown.err) is (verb[0] != "bundle")
    assert ("^" in shown.err) is (verb[0] != "bundle")
    assert "Found 1 error" in shown.out


def test_validate_needs_no_workspace(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bundle / "databricks.yml").write_text(BUNDLE.replace("${var.missing}", "sales"))
    assert cli.run(["validate"]) == 0
    shown = capsys.readouterr().out
    assert "Validation OK!" in shown
    assert "embedded (dev)" in shown
    assert not (bundle / "home").exists()


def test_outside_a_bundle_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["deploy"]) == 1
    assert capsys.readouterr().err.startswith("Error: Unable to locate the bundle root")


def test_destroy_without_a_terminal_names_the_flag(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert cli.run(["destroy"]) == 1
    assert "--auto-approve" in capsys.readouterr().err


def test_variables_are_comma_separated_and_given_once() -> None:
    assert parse_variables(["a=1,b=2", '"c=x,y"', "d=k=v"]) == {
        "a": "1",
        "b": "2",
        "c": "x,y",
        "d": "k=v",
    }
    assert guarded(lambda: parse_variables(["a"])) == 1
    assert guarded(lambda: parse_variables(["a=1", "a=2"])) == 1


def test_our_own_bugs_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        guarded(lambda: 1 / 0)


def test_findings_are_shown_with_their_way_out() -> None:
    found = Diagnostic(
        severity=Severity.WARNING,
        code="x/y",
        summary="odd",
        detail="Do this.",
        path="resources.jobs.a",
        locations=(Location("databricks.yml", 2, 3), Location("b.yml", 1, 1)),
    )
    text = render(found, {"databricks.yml": b"a:\n  b: 1\n"}, painter(False))
    assert text.splitlines()[:4] == [
        "Warning: odd",
        "  at resources.jobs.a",
        "  in databricks.yml:2:3",
        "     b.yml:1:1",
    ]
    assert "    |   ^" in text
    assert text.endswith("\nDo this.\n")
    assert verdict([found, found]) == "Found 2 warnings"


def test_completion_knows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["completion", "bash"]) == 0
    assert "_BRICKYARD_COMPLETE" in capsys.readouterr().out


def test_a_wrong_call_shows_the_usage_and_where_help_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["release", "promote"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("Usage: brickyard release promote [OPTIONS]\nTry 'brickyard")
    assert shown.endswith("Error: Missing option '--to'.\n")


def test_no_help_line_is_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    for group in ([], ["policy"], ["release"], ["bundle"]):
        assert cli.run([*group, "--help"]) == 0
        assert "..." not in capsys.readouterr().out.replace("[ARGS]...", "")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("deploy extra", 'unknown command "extra" for "brickyard bundle deploy"'),
        ("deploy --nope", "unknown flag: --nope"),
        ("deploy -z", "unknown shorthand flag: 'z' in -z"),
        ("validate --var", "flag needs an argument: --var"),
        ("validate -t", "flag needs an argument: 't' in -t"),
        ("open a b", "accepts at most 1 arg(s), received 2"),
        ("deployment bind a", "accepts 2 arg(s), received 1"),
        ("generate job", 'required flag(s) "existing-job-id" not set'),
        ("-o xml validate", 'invalid argument "xml" for "-o, --output" flag: accepted arguments'),
        (
            "deploy --auto-approve=maybe",
            'invalid argument "maybe" for "--auto-approve" flag: strconv.ParseBool: parsing',
        ),
        ("plan --taget dev", 'unknown flag: --taget\n\nDid you mean "--target"?'),
        ("plan -T dev", "unknown shorthand flag: 'T' in -T\n\nDid you mean \"-t\"?"),
        ("sync --interval 5", 'invalid argument "5" for "--interval" flag: time: missing unit'),
        ("run --params a x", 'invalid argument "a" for "--params" flag: a must be formatted'),
        ("generate jb", 'unknown command "jb" for "brickyard bundle generate"'),
        ("--nope", "unknown flag: --nope"),
    ],
)
def test_a_wrong_call_below_bundle_is_said_in_one_line(
    call: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["bundle", *call.split()]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {words}")


@pytest.mark.parametrize("group", [[], ["bundle"], ["bundle", "generate"], ["ci"]])
def test_a_group_alone_shows_its_help(group: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(group) == 0
    assert capsys.readouterr().out.startswith("Usage: brickyard")


def test_what_is_on_or_off_may_be_spelled_out(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bundle / "databricks.yml").write_text("bundle: {name: b}\nno_such_key: 1\n")
    assert cli.run(["bundle", "validate", "--strict=false"]) == 0
    assert cli.run(["bundle", "validate", "--strict=true"]) == 1
    assert cli.run(["bundle", "validate", "--offline=1", "--strict=F"]) == 0
    capsys.readouterr()
