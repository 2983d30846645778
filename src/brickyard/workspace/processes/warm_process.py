"""A Python that has imported what programs need, and becomes such a program when asked.

Started as `python warm_process.py MODULE...` with one end of a socket pair as standard input, whose
end of file ends it. A byte says that everything is imported; each byte that comes back carries a
connection, and a copy of this process becomes the supervisor (`supervisor.py`) at the other end of
it: reads the launch, forks the child, answers with the exit status. The child enters its mounts and
limits as any child does, and then runs its command's file in this interpreter instead of a new one.

Nothing of a launch passes through this process, so no copy can find another's secrets in memory.
Linux: copies of a process with threads are not safe elsewhere.
"""

# Paths are plain text here, as in the supervisor.
# ruff: noqa: PTH120, PTH100, PTH208

import gc
import importlib
import os
import pkgutil
import runpy
import signal
import site
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
OWN = ("sandbox", "supervisor")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Become(BaseException):
    """Unwinds the copy to the top of this file, from where it is the program."""

    def __init__(self, spec: "dict[str, Any]") -> None:
        self.spec = spec


def main() -> None:
    for name in sys.argv[1:]:
        try:
            importlib.import_module(name)
        except ImportError as fault:
            print(f"not imported: {fault}", file=sys.stderr, flush=True)
    import sandbox  # type: ignore[import-not-found]  # noqa: F401
    import supervisor  # type: ignore[import-not-found]

    gc.collect()
    gc.freeze()  # later collections leave these pages alone, so that copies share them
    _wait_in_copies()
    try:
        code = supervisor.main(_become)
    except Become as asked:
        spec = asked.spec
    else:
        os.write(0, b"%d\n" % code)
        os._exit(code)
    _run(spec)


def _wait_in_copies() -> None:
    """Returns in a copy that is to be a supervisor, its connection being standard input."""
    control = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended copies need no burial
    control.sendall(b"w")
    while True:
        message, connections, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            os.setsid()
            os.dup2(connections[0], 0)
            os.close(connections[0])
            return
        os.close(connections[0])


def _become(spec: "dict[str, Any]") -> None:
    raise Become(spec)


def _run(spec: "dict[str, Any]") -> None:
    """As the interpreter would have started: environment, arguments, import path."""
    gc.unfreeze()
    os.environ.clear()
    os.environ.update(spec["environment"])
    time.tzset()
    sys.path[:] = [path for path in sys.path if path != HERE]
    for name in OWN:
        sys.modules.pop(name, None)
    if spec.get("site"):
        _add(spec["site"])
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # or all copies would draw the same numbers
    sys.executable, file = spec["command"][:2]
    sys.argv[:] = spec["command"][1:]
    runpy.run_path(file, run_name="__main__")


def _add(folder: str) -> None:
    """A folder of packages that adds to what is there and replaces nothing."""
    before = list(sys.path)
    site.addsitedir(folder)
    sys.path[:] = [*(path for path in sys.path if path not in before), *before]
    importlib.invalidate_caches()
    for name in os.listdir(folder):
        module = sys.modules.get(name)
        if module is not None and hasattr(module, "__path__"):
            module.__path__ = pkgutil.extend_path(list(module.__path__), name)


if __name__ == "__main__":
    main()
