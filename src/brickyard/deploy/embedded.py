"""Finding the embedded workspace of this machine, and starting it when it is not up.

The workspace writes its addresses to `<BRICKYARD_HOME>/run/workspaces.json`. We only read them and
ask over HTTP whether somebody answers; starting goes through `brickyard up --detach` in a process
of its own, as this room may not import the workspace.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from brickyard.deploy.http import ApiFailure, Unreachable, Workspace, bearer

ENVIRONMENTS: Final = ("dev", "staging", "prod")
START_TIMEOUT_S: Final = 60.0
PROBE: Final = "/.well-known/databricks-config"


class NotRunning(Exception):
    """The embedded workspace is not up and could not be started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where one embedded workspace listens and the token that opens it."""

    host: str
    token: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who deploys to an embedded workspace; fixed, so that offline work knows it too."""

    user_name: str
    display_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The embedded workspace under one home folder."""

    home: Path
    start: Callable[[], None] | None = None

    def door(self, environment: str) -> Door:
        """The door of `environment`, with somebody behind it. Raises `NotRunning`."""
        door = self._door_now(environment)
        if door is not None:
            return door
        (self.start or _start)()
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < give_up_at:
            door = self._door_now(environment)
            if door is not None:
                return door
            time.sleep(0.1)
        raise NotRunning(
            f"the embedded workspace did not answer within {START_TIMEOUT_S:.0f} s;"
            " see `brickyard logs`, or start it with `brickyard up`"
        )

    def is_up(self, environment: str) -> bool:
        """True when somebody answers at its door now."""
        return self._door_now(environment) is not None

    def known_door(self, environment: str) -> Door | None:
        """What the file says, without asking whether anybody answers."""
        try:
            recorded = json.loads((self.home / "run" / "workspaces.json").read_text())
            entry = recorded[environment]
            return Door(host=entry["host"], token=entry["token"], user=entry.get("user", ""))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _door_now(self, environment: str) -> Door | None:
        door = self.known_door(environment)
        return door if door is not None and _answers(door) else None


def home_folder(environment: Mapping[str, str]) -> Path:
    """`BRICKYARD_HOME`, by default `~/.brickyard`."""
    given = environment.get("BRICKYARD_HOME")
    return Path(given).expanduser().absolute() if given else Path.home() / ".brickyard"


def identity(environment: str, os_user: str) -> Identity:
    """The deploying identity of an embedded workspace."""
    if environment == "dev":
        name = f"{os_user}@localhost"
        return Identity(user_name=name, display_name=os_user)
    application = uuid.uuid5(uuid.NAMESPACE_DNS, f"deployer.{environment}.brickyard.localhost")
    return Identity(user_name=str(application), display_name=f"deployer-{environment}")


def _answers(door: Door) -> bool:
    client = Workspace(host=door.host, authorize=bearer(door.token), timeout_s=2.0, pause=_no_pause)
    try:
        client.get(PROBE)
    except ApiFailure:
        return True
    except Unreachable:
        return False
    return True


def _no_pause(_: float) -> None:
    return None


def _start() -> None:
    """Run `brickyard up --detach`; its own message is the reason when it fails."""
    ended = subprocess.run(
        [sys.executable, "-m", "brickyard", "up", "--detach"],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        said = (ended.stderr or ended.stdout).strip().splitlines()
        raise NotRunning(
            "cannot start the embedded workspace: "
            + (said[-1] if said else f"`brickyard up` ended with {ended.returncode}")
        )
