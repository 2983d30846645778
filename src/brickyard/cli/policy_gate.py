"""The data policy in front of a deployment: enforced, reported or off, as brickyard.yml says.

A bundle without a brickyard.yml has declared no policy; `policy check` still judges it by the
default one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from brickyard.deploy import Project

FILE: Final = "brickyard.yml"


def hold_policy(project: Project, say: Callable[[str], None]) -> None:
    """Raises `Refused` when brickyard.yml has errors or the policy it enforces is broken."""
    content = project.disk.get(FILE)
    if content is not None:
        _hold(project, content, say)


def _hold(project: Project, content: bytes, say: Callable[[str], None]) -> None:
    """The rooms that judge are imported only here: most bundles have no policy."""
    from brickyard.cli.diagnostics import show_diagnostics
    from brickyard.cli.failures import Refused
    from brickyard.cli.policy_facts import git_of, today
    from brickyard.deploy import source_paths
    from brickyard.policy import check
    from brickyard.release import read_settings
    from brickyard.values import has_errors

    settings = read_settings(content)
    show_diagnostics(settings.diagnostics, project.disk)
    if has_errors(settings.diagnostics):
        raise Refused(f"{FILE} has errors; nothing was deployed")
    report = check(
        project.resolved,
        project.disk,
        sources=source_paths(project),
        settings=settings.plain,
        git=git_of(project, settings.plain),
        today=today(),
    )
    count = len(report.broken)
    if not count:
        return
    times = "once" if count == 1 else f"{count} times"
    more = f"see `brickyard policy check -t {project.resolved.target}`"
    if report.blocks:
        show_diagnostics(report.diagnostics(), project.disk)
        raise Refused(f"the data policy is broken {times}; nothing was deployed; {more}")
    say(f"The data policy is broken {times} (mode {report.mode}): {more}")
