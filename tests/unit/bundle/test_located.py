"""Places of resources for editors, in the official CLI's shape."""

from __future__ import annotations

from brickyard.bundle import BundleFiles, CurrentUser, Facts, resolve
from brickyard.bundle.located import located

ROOT = """\
bundle:
  name: b
include: [more.yml]
targets:
  dev: {}
"""
MORE = """\
resources:
  jobs:
    j:
      tasks:
        - task_key: a
        - task_key: b
"""


def test_resources_and_tasks_are_named_with_file_line_and_column() -> None:
    files = BundleFiles({"databricks.yml": ROOT.encode(), "more.yml": MORE.encode()})
    resolved = resolve(files, facts=Facts(user=CurrentUser(user_name="u@x")))
    found = located(resolved)
    assert found["version"] == 1
    assert found["files"] == ["databricks.yml", "more.yml"]
    places = found["locations"]
    assert places["bundle"][0][:2] == [0, 2]
    assert places["resources.jobs.j"] == [[1, 4, 7]]
    assert places["resources.jobs.j.tasks"] == [[1, 5, 9]]
    assert places["resources.jobs.j.tasks[1]"] == [[1, 6, 11]]
    assert "targets" not in places
