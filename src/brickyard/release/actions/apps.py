"""Steps about apps: deployed and started, asked over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urljoin
from urllib.request import Request, urlopen

from brickyard.deploy.app_runs import run_app
from brickyard.deploy.run import find_runnable
from brickyard.release.faults import StepFailed

if TYPE_CHECKING:
    from brickyard.release.rollout import Rollout
    from brickyard.release.step_settings import RolloutStep

LIMIT_S: Final = 60.0
MOST_BYTES: Final = 1_000_000


def start_app(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Deploy the app's source and start it; waits until it runs."""
    app = find_runnable(rollout.project, str(step.subject), ("apps",))
    url = run_app(rollout.project, app, lambda text: rollout.doing(step.name, text))
    rollout.note(apps={app.id: {"url": url}})
    rollout.say(step.name, f"app {app.id} runs at {url}")
    return {"app": app.id, "url": url}


def query_app(rollout: Rollout, step: RolloutStep) -> Mapping[str, Any]:
    """Ask the app for a page, as whoever releases."""
    app = find_runnable(rollout.project, str(step.subject), ("apps",))
    found = rollout.project.workspace.get(f"/api/2.0/apps/{quote(app.id, safe='')}")
    url = str(found.get("url") or "")
    if not url.startswith(("http://", "https://")):
        raise StepFailed(f"app {app.id} has no address yet: start it in a step before")
    page = urljoin(url.rstrip("/") + "/", str(step.options.get("path") or "").lstrip("/"))
    headers = dict(rollout.project.workspace.authorize())
    try:
        with urlopen(Request(page, headers=headers), timeout=LIMIT_S) as answer:
            status, text = answer.status, answer.read(MOST_BYTES).decode(errors="replace")
    except HTTPError as failure:
        raise StepFailed(f"{page} answered {failure.code}") from failure
    except (URLError, OSError) as failure:
        raise StepFailed(f"{page} did not answer: {failure}") from failure
    wanted = step.options.get("contains")
    if wanted and str(wanted) not in text:
        raise StepFailed(f"{page} answered without `{wanted}`")
    rollout.say(step.name, f"{page} answered {status}")
    return {"url": page, "status": status}
