"""Sessions go on when their engine does not, and are kept while their clients are only quiet.

Sail forgets a session that it did not hear of for a while, and refuses its id from then on
("session … is not running"); a task that trains a model between two queries is no reason to lose
its views. So the gateway lets the engine hear of every session whose client may come back, and
releases those that nobody used for hours. Decision 0055 has the reasons.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import grpc

from brickyard.workspace.spark.commands.namespaces import use_engine
from brickyard.workspace.spark.protocol import (
    SERVICE,
    ConfigRequest,
    Plan,
    ReleaseSessionRequest,
)
from brickyard.workspace.spark.refusals import Refusal
from brickyard.workspace.spark.sail import Sail, is_said_by_engine, session_timeout_s
from brickyard.workspace.spark.sessions import Session
from brickyard.workspace.spark.setup import FUNCTION, VIEW, Step
from brickyard.workspace.spark.turn import Turn

ABANDONED_S: Final = 8 * 3600  # as sessions of SQL drivers
TOUCHES: Final = 10  # in the time after which the engine forgets
TOUCH_LIMIT_S: Final = 10

log = logging.getLogger("brickyard.spark")


def set_up_again(turn: Turn) -> None:
    """Define in a new engine what the session had set up in its last one.

    A definition that is refused now, because a table behind it was dropped, is lost; so is what was
    uploaded to the engine.
    """
    session = turn.session
    session.remotes.clear()
    for key, value in list(session.setup.settings.items()):
        turn.configure(key, value)
    at = (turn.workspace.catalog, "default")
    for step in list(session.setup.steps):
        at = _go(turn, at, (step.catalog, step.schema))
        try:
            turn.make_known(step.remotes.values())
            turn.run_plan(Plan.FromString(step.plan))
        except (grpc.RpcError, Refusal) as fault:
            _raise_if_lost(fault)
            what = f"{step.kind} {step.name}"
            log.info("session %s goes on without its %s: %s", session.id, what, fault)
            _lose(session, step)
    _go(turn, at, (session.catalog, session.schema))


def _go(turn: Turn, at: tuple[str, str], to: tuple[str, str]) -> tuple[str, str]:
    if at != to:
        try:
            use_engine(turn, *to)
        except (grpc.RpcError, Refusal) as fault:  # dropped; the catalog refuses names in it
            _raise_if_lost(fault)
            log.info("session %s: %s.%s is gone: %s", turn.session.id, *to, fault)
    return to


def _raise_if_lost(fault: Exception) -> None:
    """This engine has ended as well: the next one is to try."""
    if isinstance(fault, grpc.RpcError) and not is_said_by_engine(fault):
        raise fault


def _lose(session: Session, step: Step) -> None:
    session.setup.steps.remove(step)
    if any((one.kind, one.name) == (step.kind, step.name) for one in session.setup.steps):
        return
    if step.kind == VIEW:
        session.temp_views.pop(step.name, None)
    elif step.kind == FUNCTION:
        session.functions.discard(step.name)


def touch(sail: Sail, session: Session) -> None:
    """Let the engine hear of a session, unless it did a moment ago."""
    now = time.monotonic()
    if now - max(session.used_at, session.kept_at) < session_timeout_s() / TOUCHES:
        return
    request = ConfigRequest(session_id=session.id)
    request.operation.get_option.keys.append("spark.sql.session.timeZone")
    _tell(sail, "Config", request)
    session.kept_at = now


def release(sail: Sail, session_id: str) -> None:
    """Have the engine forget a session."""
    _tell(sail, "ReleaseSession", ReleaseSessionRequest(session_id=session_id))


def _tell(sail: Sail, method: str, request: Any) -> None:
    """Past `Sail.busy`: this is not use."""
    ask = sail.channel.unary_unary(f"/{SERVICE}/{method}")
    try:
        ask(request.SerializeToString(), timeout=TOUCH_LIMIT_S)
    except (grpc.RpcError, ValueError) as fault:  # it ends, or its channel is closed
        log.debug("%s to %s: %s", method, sail.name, fault)
