"""The small process that owns one child of the workspace, so that no child outlives its workspace.

Started as `python -I -S supervisor.py` with one JSON line on standard input. Standard input then
stays open: end of file means that the workspace died or asked for an end, and everything started
here is killed. A byte on it asks for an end, as SIGTERM does, which is passed on to the child's
group, with SIGKILL after `grace_s`. The exit status is the child's own (128 + N for signal N); 126
means that the child could not be started, 124 that it used more than `timeout_s`. A log with
`log_bytes` is written here: of more than that, the older half goes. With `ports`, the child has
ports of its own (`ports.py`). Standard library only, and few modules of it: this file is on the way
of every task's start. Works on Linux and macOS.
"""

# Paths are plain text here: pathlib costs start-up time and adds nothing.
# ruff: noqa: PTH100, PTH105, PTH120

import json
import os
import resource
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CANNOT_START = 126
TIMED_OUT = 124
POLL_S = 0.5
CHUNK_BYTES = 65536
LIMITS = {
    "memory_bytes": resource.RLIMIT_AS,
    "data_bytes": resource.RLIMIT_DATA,
    "cpu_s": resource.RLIMIT_CPU,
}


def main(run: "Callable[[dict[str, Any]], None] | None" = None) -> int:
    """The exit status. `run` is what the child does; without it, it becomes its command."""
    spec = json.loads(_line(0))
    terminate_requested, wake = _signals()
    output = os.pipe() if spec.get("log") and spec.get("log_bytes") else None
    channel = _channel() if spec.get("ports") else None
    child = os.fork()
    if child == 0:
        _become_child(spec, output, channel[1].detach() if channel else None)
        (run or _execute)(spec)
        os._exit(0)
    if channel is not None:
        channel[1].close()
        _answer_for_ports(channel[0], spec)
    log = None
    if output is not None:
        os.close(output[1])
        log = Log(spec["log"], spec["log_bytes"], output[0])
    return _watch(child, spec, terminate_requested, wake, log)


def _channel() -> "tuple[Any, Any]":
    import socket

    return socket.socketpair()


def _answer_for_ports(way: "Any", spec: "dict[str, Any]") -> None:
    told = {int(port): real for port, real in spec["ports"].items()}

    def say(port: int, real: int) -> None:
        if spec.get("log"):
            with open(spec["log"], "a") as log:  # noqa: PTH123
                log.write(f"[brickyard] port {port} of this process is {real} on the machine\n")

    _sibling("ports").answer(way, told, say)


def _sibling(name: str) -> "Any":
    """A module beside this file: there is no package in a supervisor."""
    folder = os.path.dirname(os.path.abspath(__file__))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return __import__(name)


def _line(fd: int) -> bytes:
    """One line from the file descriptor, unbuffered: what follows must stay in the pipe."""
    data = bytearray()
    while not data.endswith(b"\n"):
        chunk = os.read(fd, 1 if data else 65536)
        if not chunk:
            break
        data += chunk
    return bytes(data)


def _signals() -> tuple[list[int], int]:
    """Wake the loop below by a pipe; the list gets an element when an end is asked for."""
    asked: list[int] = []
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    return asked, read_end


class Log:
    """What a child writes, kept in two halves: `path` and, before it, `path` + `.1`."""

    def __init__(self, path: str, size: int, source: int) -> None:
        self.source = source
        self._path = path
        self._half = max(size // 2, CHUNK_BYTES)
        self._file = self._open()
        os.set_blocking(source, False)

    def drain(self) -> None:
        """What the ended child left behind. Bounded: an orphan may go on writing."""
        for _ in range(self._half // CHUNK_BYTES):
            if not self.take():
                return

    def take(self) -> bool:
        """Write a chunk of what is there. False when there is none."""
        try:
            data = os.read(self.source, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:
            return False
        try:
            if os.fstat(self._file).st_size + len(data) > self._half:
                os.close(self._file)
                os.replace(self._path, self._path + ".1")
                self._file = self._open()
            os.write(self._file, data)
        except OSError:
            pass  # a full disk costs the log, not the child
        return True

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _watch(
    child: int,
    spec: "dict[str, Any]",
    terminate_requested: list[int],
    wake: int,
    log: "Log | None",
) -> int:
    """Until the child has ended: pass on an asked-for end, notice the workspace's death."""
    deadline = time.monotonic() + spec["timeout_s"] if spec.get("timeout_s") else None
    kill_at = None
    timed_out = False
    inputs = [0, wake, *([log.source] if log else [])]
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _kill_rest(child)
            if log is not None:
                log.drain()
            if timed_out:
                return TIMED_OUT
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        now = time.monotonic()
        if deadline is not None and now >= deadline and not timed_out:
            timed_out = True
            terminate_requested.append(signal.SIGTERM)
        if terminate_requested and kill_at is None:
            kill_at = now + spec.get("grace_s", 5.0)
            _kill_group(child, signal.SIGTERM)
        if kill_at is not None and now >= kill_at:
            _kill_group(child, signal.SIGKILL)
        waiting = POLL_S
        for moment in (deadline if not timed_out else None, kill_at):
            if moment is not None:
                waiting = max(0.01, min(waiting, moment - now))
        ready, _, _ = select.select(inputs, [], [], waiting)
        if wake in ready:
            os.read(wake, 4096)
        if log is not None and log.source in ready and not log.take():
            inputs.remove(log.source)
        if 0 in ready:
            if os.read(0, 4096):
                terminate_requested.append(signal.SIGTERM)
                continue
            _kill_group(child, signal.SIGKILL)
            inputs.remove(0)


def _kill_group(child: int, number: int) -> None:
    try:
        os.killpg(child, number)
    except ProcessLookupError:
        _kill_one(child, number)  # it has not called setsid yet, or is gone
    except PermissionError:
        pass  # macOS, for a group of zombies


def _kill_rest(child: int) -> None:
    """Whatever the ended child left running in its group. Its own number may be reused already."""
    try:
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _kill_one(child: int, number: int) -> None:
    try:
        os.kill(child, number)
    except ProcessLookupError:
        pass


def _become_child(
    spec: "dict[str, Any]", output: "tuple[int, int] | None", channel: "int | None"
) -> None:
    """In the forked child: session, limits, log, mounts, folder, ports."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        _redirect(spec.get("log"), output, channel)
        for name, value in spec.get("limits", {}).items():
            _limit(name, value)
        os.umask(0o077)
        ports = _sibling("ports") if channel is not None else None  # before files are out of sight
        if spec.get("sandbox"):
            _sibling("sandbox").enter(spec["sandbox"])
        os.chdir(spec["cwd"])
        if ports is not None:
            ports.give_up(channel)
    except BaseException as fault:
        _cannot_start(spec, fault)


def _execute(spec: "dict[str, Any]") -> None:
    try:
        os.execve(spec["command"][0], spec["command"], spec["environment"])
    except BaseException as fault:
        _cannot_start(spec, fault)


def _cannot_start(spec: "dict[str, Any]", fault: BaseException) -> None:
    os.write(2, f"cannot start {spec['command'][0]}: {fault}\n".encode())
    os._exit(CANNOT_START)


def _redirect(log: "str | None", output: "tuple[int, int] | None", channel: "int | None") -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    if output is not None:
        out = output[1]
    elif log:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    else:
        out = nothing
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    kept = 3 if channel is None else channel
    os.closerange(3, kept)
    os.closerange(kept if channel is None else kept + 1, 256)


def _limit(name: str, value: int) -> None:
    kind = LIMITS[name]
    try:
        resource.setrlimit(kind, (value, value))
    except (ValueError, OSError):
        pass  # macOS refuses RLIMIT_AS; the parent's own limit may be lower


if __name__ == "__main__":
    sys.exit(main())
