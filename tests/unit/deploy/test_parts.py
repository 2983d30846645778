"""The small parts under a deploy: differences, references, the log, the lock, the files to send."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from fake_workspace import ROOT, MakeProject

from brickyard.bundle.notebooks import BrokenNotebook, is_notebook
from brickyard.deploy.artifacts import (
    is_local,
    is_local_dependency,
    newest_wheels,
    prepare,
)
from brickyard.deploy.connect import address, normal_host
from brickyard.deploy.difference import differences, same
from brickyard.deploy.disk import NoBundle, find_root
from brickyard.deploy.git import without_user
from brickyard.deploy.graph import Cycle, check_acyclic, run_graph
from brickyard.deploy.journal import keep_damaged, open_journal, replay
from brickyard.deploy.lock import Locked, acquire
from brickyard.deploy.references import Reference, field_of, references, substitute
from brickyard.deploy.seals import has_redactions, redact, seal
from brickyard.deploy.state import BadState, Entry, State, go_json, read_state, write_state
from brickyard.deploy.sync_set import SyncRules, sync_set
from brickyard.resources import catalogue


def paths(old: Any, new: Any, remote: Any, **keys: str) -> list[str]:
    return [difference.text for difference in differences(old, new, remote, keys)]


def test_keyed_lists_are_compared_by_key_and_printed_so() -> None:
    old = {"tasks": [{"task_key": "a", "max_retries": 1}, {"task_key": "b"}]}
    new = {"tasks": [{"task_key": "b"}, {"task_key": "a", "max_retries": 2}]}
    assert paths(old, new, old, tasks="task_key") == ["tasks[task_key='a'].max_retries"]


def test_lists_of_another_length_are_one_difference() -> None:
    assert paths({"x": [1]}, {"x": [1, 2]}, {"x": [1]}) == ["x"]
    assert paths({"x": [1, 3]}, {"x": [1, 2]}, {"x": [1, 3]}) == ["x[1]"]


def test_every_kind_of_nothing_is_the_same() -> None:
    assert same({"a": None, "b": []}, {"c": ""})
    assert not same({"a": False}, {"a": None})
    assert not same(1, True)
    assert same(1, 1.0)


def test_keys_of_the_users_own_maps_are_quoted() -> None:
    old, new = {"tags": {"x": "1"}}, {"tags": {"x": "2"}}
    assert [one.text for one in differences(old, new, new, {}, "tags".__eq__)] == ["tags['x']"]
    assert [one.text for one in differences(old, new, new, {})] == ["tags.x"]
    assert catalogue().is_map("jobs", "tags")
    assert catalogue().is_map("jobs", "tasks[*].notebook_task.base_parameters")
    assert not catalogue().is_map("sql_warehouses", "tags")


def test_of_two_lists_of_another_length_only_those_of_one_length_are_compared_inside() -> None:
    assert paths({"x": [1]}, {"x": [2]}, {"x": [1, 9]}) == ["x", "x[0]"]


def test_ids_are_text_but_where_a_number_is_wanted() -> None:
    data = {"job_id": "${resources.jobs.a.id}", "default": "${resources.jobs.a.id}"}
    assert substitute(data, lambda _: "7") == {"job_id": 7, "default": "7"}


def test_a_reference_alone_keeps_its_type_and_inside_text_becomes_text() -> None:
    data = {"id": "${resources.jobs.a.id}", "text": "run ${resources.jobs.a.id}!", "n": "${FOO}"}
    assert references(data) == (Reference("${resources.jobs.a.id}", "resources.jobs.a", "id"),)
    filled = substitute(data, lambda _: 7)
    assert filled == {"id": 7, "text": "run 7!", "n": "${FOO}"}


def test_fields_are_found_through_lists() -> None:
    assert field_of({"tasks": [{"key": "a"}]}, "tasks[0].key") == "a"
    with pytest.raises(KeyError):
        field_of({"tasks": []}, "tasks[0].key")


def test_rings_are_named() -> None:
    with pytest.raises(Cycle, match="b refers to a via "):
        check_acyclic({"a": ["b"], "b": ["a"]})


def test_independent_steps_go_on_after_a_failure() -> None:
    def work(step: str) -> None:
        if step == "bad":
            raise ValueError("no")

    outcomes = run_graph({"bad": [], "after": ["bad"], "last": ["after"], "other": []}, work)
    assert outcomes["other"].is_done
    assert outcomes["after"].blocked_by == outcomes["last"].blocked_by == "bad"


def test_a_state_survives_its_file_and_newer_ones_are_refused() -> None:
    entry = Entry(id="9007199254740993", state={"name": "<a> & b"})
    state = State(lineage="l", serial=3, entries={"resources.jobs.a": entry})
    content = write_state(state)
    assert b"\\u003ca\\u003e \\u0026 b" in content
    assert not content.endswith(b"\n")
    assert read_state(content, "f") == state
    with pytest.raises(BadState, match="upgrade"):
        read_state(b'{"state_version": 4}', "f")
    with pytest.raises(BadState, match="not a bundle state"):
        read_state(b"garbage", "f")


def test_permissions_of_older_states_are_upgraded() -> None:
    old = {
        "state_version": 1,
        "state": {
            "resources.jobs.a.permissions": {
                "__id__": "/jobs/1",
                "state": {
                    "object_id": "/jobs/1",
                    "permissions": [{"permission_level": "IS_OWNER", "user_name": "u"}],
                },
            }
        },
    }
    entry = read_state(json.dumps(old).encode(), "f").entries["resources.jobs.a.permissions"]
    assert entry.state["__embed__"] == [{"level": "IS_OWNER", "user_name": "u"}]


def test_a_log_cut_off_in_the_middle_of_a_line_is_replayed_up_to_it(tmp_path: Path) -> None:
    log = tmp_path / "resources.json.wal"
    journal = open_journal(log, State())
    journal.record("resources.jobs.a", Entry(id="1", state={}))
    journal.close()
    assert log.stat().st_mode & 0o777 == 0o600
    with log.open("ab") as file:
        file.write(b'{"k": "resources.jobs.b", "v": {"__id')
    after = replay(log, State())
    assert (after.serial, after.lineage) == (1, journal.state.lineage)
    assert list(after.entries) == ["resources.jobs.a"]
    assert replay(log, after) == after


def test_a_log_of_another_deployment_is_an_error(tmp_path: Path) -> None:
    log = tmp_path / "resources.json.wal"
    open_journal(log, State(lineage="other", serial=4)).close()
    with pytest.raises(BadState, match=r'lineage \("other"\) does not match.*\n.*move .* away'):
        replay(log, State(lineage="mine", serial=4))
    with pytest.raises(BadState, match=r"serial \(5\) is ahead of expected \(4\)"):
        replay(log, State(lineage="other", serial=3))
    log.write_bytes(b'{"linea')
    assert replay(log, State(lineage="mine")) == State(lineage="mine")
    log.write_bytes(b'{"linea\n{"k": "resources.jobs.a"}\n')
    with pytest.raises(BadState, match="failed to parse WAL header"):
        replay(log, State(lineage="mine"))


def test_damaged_lines_of_a_log_are_kept_beside_it(tmp_path: Path) -> None:
    log = tmp_path / "resources.json.wal"
    open_journal(log, State()).close()
    with log.open("ab") as file:
        file.write(b'{"k": "a", "v": {"__id\n{"k": "b", "v": {"__id__": "2"}}\nbad')
    assert list(replay(log, State()).entries) == ["b"]
    said: list[str] = []
    keep_damaged(log, said.append)
    kept = tmp_path / "resources.json.wal.corrupted"
    assert kept.read_bytes() == b'{"k": "a", "v": {"__id\nbad'
    assert [text for text in said if "Skipping corrupted WAL entry" in text and ":4" in text]
    assert "Saved 2 corrupted WAL entries" in said[-1]


def test_the_lock_of_a_dead_process_is_taken_over(make_project: MakeProject) -> None:
    files = make_project({}).files
    child = os.fork()
    if child == 0:
        acquire(files, ROOT, user="jane@x")
        os._exit(0)
    os.waitpid(child, 0)
    said: list[str] = []
    lock = acquire(files, ROOT, user="jane@x", say=said.append)
    assert len(said) == 1
    with pytest.raises(Locked):
        acquire(files, ROOT, user="bob@x")
    forced = acquire(files, ROOT, user="bob@x", force=True)
    with pytest.raises(Locked, match=r"unlock called.*\n*.*force-acquired by bob@x"):
        lock.release()
    assert files.read(f"{ROOT}/deploy.lock") is not None
    forced.release()
    assert files.read(f"{ROOT}/deploy.lock") is None


def test_files_ignored_by_git_stay_at_home(tmp_path: Path) -> None:
    for name, text in {
        ".gitignore": "*.log\nbuild/\n!keep.log\n",
        "a.py": "",
        "x.log": "",
        "keep.log": "",
        "build/out.txt": "",
        "sub/.gitignore": "secret*\n",
        "sub/secret.txt": "",
        "sub/ok.txt": "",
        ".databricks/state": "",
        ".git/config": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "link.py").symlink_to("a.py")
    usual = sync_set(SyncRules(root=tmp_path), worktree=tmp_path)
    assert usual == (".gitignore", "a.py", "keep.log", "sub/.gitignore", "sub/ok.txt")
    rules = SyncRules(root=tmp_path, include=("build/**",), exclude=("sub/*",))
    chosen = sync_set(rules, worktree=tmp_path)
    assert chosen == (".gitignore", "a.py", "build/out.txt", "keep.log")


def test_notebooks_are_told_from_files() -> None:
    assert is_notebook("a.py", b"# Databricks notebook source\nprint(1)")
    assert not is_notebook("a.py", b"print(1)\n# Databricks notebook source")
    assert is_notebook("a.SQL", b"-- Databricks notebook source\r\nselect 1")
    assert is_notebook("a.ipynb", b'{"cells": [], "metadata": {}, "nbformat": 4}')
    assert not is_notebook("a.py", b"# Databricks notebook source 2")
    for content in (b"{}", b"", b'{"cells": [', b'{"cells": [], "metadata": {}, "nbformat": 3}'):
        with pytest.raises(BrokenNotebook):
            is_notebook("a.ipynb", content)


def test_local_libraries_are_told_from_requirements() -> None:
    for text in ("./dist/*.whl", "../x.whl[dev]", "dist/a-1-py3-none-any.whl"):
        assert is_local_dependency(text)
    for text in (
        "pandas",
        "mlflow>=3,<4",
        "a[b]==1",
        "-r x.txt",
        "x @ https://y",
        "/Volumes/a.whl",
    ):
        assert not is_local_dependency(text)
    assert not is_local("dbfs:/x.jar")


def test_the_newest_wheel_wins_by_number(tmp_path: Path) -> None:
    names = ["a-0.9.0-py3-none-any.whl", "a-0.10.0-py3-none-any.whl", "b-1-py3-none-any.whl"]
    kept = newest_wheels([tmp_path / name for name in names])
    assert [file.name for file in kept] == names[1:]


def test_libraries_point_at_the_uploaded_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "dist" / "a-1-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"x")
    job = {
        "tasks": [
            {"task_key": "t", "libraries": [{"whl": "dist/*.whl"}, {"pypi": {"package": "p"}}]}
        ],
        "environments": [
            {"environment_key": "e", "spec": {"dependencies": ["./dist/*.whl[x]", "pandas"]}}
        ],
    }
    done = prepare({"jobs": {"j": job}}, {}, root=tmp_path, artifact_path="/W/artifacts")
    target = "/W/artifacts/.internal/a-1-py3-none-any.whl"
    made = done.resources["jobs"]["j"]
    assert made["tasks"][0]["libraries"][0] == {"whl": target}
    assert made["environments"][0]["spec"]["dependencies"] == [f"{target}[x]", "pandas"]
    assert [(u.source, u.target) for u in done.uploads] == [(wheel, target)]


def test_a_target_without_a_host_goes_to_the_embedded_workspace() -> None:
    def where(settings: dict[str, str], environment: dict[str, str], **more: Any) -> Any:
        return address(
            environment_name="staging", settings=settings, environment=environment, **more
        )

    assert where({}, {}).environment == "staging"
    assert where({"host": "https://x.com/"}, {}).host == "https://x.com"
    assert where({}, {"DATABRICKS_HOST": "x.com"}).host == "https://x.com"
    assert where({"host": "https://x.com"}, {}, local=True).is_embedded
    assert not where({}, {}, profile="p").is_embedded
    assert normal_host("x.com/?o=1") == "https://x.com"


def test_no_bundle_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(NoBundle, match=r"name it with DATABRICKS_BUNDLE_ROOT"):
        find_root(tmp_path, {})
    with pytest.raises(NoBundle, match=r"Invalid bundle root .*: databricks.yml not found"):
        find_root(tmp_path, {"DATABRICKS_BUNDLE_ROOT": str(tmp_path)})


def test_json_is_escaped_as_go_does() -> None:
    assert go_json({"a": "<&>"}) == '{"a":"\\u003c\\u0026\\u003e"}'


def test_whole_numbers_are_written_without_a_point() -> None:
    data = {"a": 5.0, "b": [0.5, "5.0, "], "c": 1e300}
    assert go_json(data) == '{"a":5,"b":[0.5,"5.0, "],"c":1e+300}'


def test_secrets_are_sealed_and_a_changed_one_is_noticed() -> None:
    sealed = seal({"a": [{"openai_api_key_plaintext": "sk-1"}], "b": 1})
    assert "sk-1" not in str(sealed)
    assert seal({"a": [{"openai_api_key_plaintext": "sk-1"}], "b": 1}, sealed) == sealed
    assert seal({"a": [{"openai_api_key_plaintext": "sk-2"}], "b": 1}, sealed) != sealed
    shown = redact({"openai_api_key_plaintext": "sk-1", "openai_api_key": "{{secrets/a/b}}"})
    assert shown == {
        "openai_api_key_plaintext": "[redacted]",
        "openai_api_key": "{{secrets/a/b}}",
    }
    assert has_redactions(shown)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@github.com/x/y.git", "https://github.com/x/y.git"),
        ("https://github.com/x/y@z.git", "https://github.com/x/y@z.git"),
        ("git@github.com:x/y.git", "git@github.com:x/y.git"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_user(url) == shown
