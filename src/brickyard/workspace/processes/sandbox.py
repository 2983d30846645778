"""A mount view of its own for one child: what it may not write is not writable, for any code.

Linux only, with the standard library alone (it runs inside the supervisor). In the forked child:
unshare a user, a mount and a process-id namespace; build a fresh root of binds in which the data
directory is hidden except for what the view names, `/Volumes`, `/Workspace` and the like are
mounted, devices are the harmless few and kernel settings are read-only; enter it; drop every
capability and set no_new_privs, so that nothing can be undone from inside, as root as well as
unprivileged.

Kept shared with the machine: the network, `/tmp`, every folder outside the data directory. The
parts that talk to the kernel follow mount(2), pivot_root(2), mount_setattr(2), capabilities(7).
"""

# Paths are plain text here: pathlib costs start-up time and adds nothing.
# ruff: noqa: PTH102, PTH103, PTH110, PTH112, PTH114, PTH115, PTH116, PTH120, PTH208, PTH211

import ctypes
import os
import signal
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_SLAVE = 32, 4096, 16384, 1 << 19
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 24, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
SYS_MOUNT_SETATTR = 442  # the same number on every architecture
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = -100, 0x8000, 1
CAPABILITY_VERSION_3 = 0x20080522
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}

# What the view brings itself, whatever the machine has there.
OWN_ROOTS = ("proc", "dev", "Volumes", "Workspace", "dbfs", "databricks")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "shm", "dri", "kfd")
DEVICE_PREFIXES = ("nvidia",)
# statvfs flag -> mount flag: a bind that is remounted must keep what the outer namespace locked.
KEPT_FLAGS = (
    (os.ST_NOSUID, MS_NOSUID),
    (os.ST_NODEV, MS_NODEV),
    (os.ST_NOEXEC, MS_NOEXEC),
    (os.ST_NOATIME, 1024),
    (os.ST_NODIRATIME, 2048),
    (os.ST_RELATIME, 1 << 21),
)

_libc = ctypes.CDLL(None, use_errno=True)


def enter(view: "dict[str, Any]") -> None:
    """Put this process's future into the view. Returns only in the process that runs the program.

    The calling process stays outside the new process-id namespace, waits, and exits as the
    program did. Raises OSError when the kernel refuses a step.
    """
    uid, gid = os.geteuid(), os.getegid()
    _check(_libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")
    _relay(os.fork())
    # Process 1 of the new namespace: when it ends, the kernel kills whatever else runs there.
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    _build(view)
    _drop_privileges()
    _reap(os.fork())


def _relay(child: int) -> None:
    """In the outer process: wait for process 1 and end as it did."""
    if child == 0:
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the group got it; process 1 answers
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _reap(child: int) -> None:
    """In process 1: collect orphans until the program has ended, then end as it did."""
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return
    while True:
        done, status = os.waitpid(-1, 0)
        if done == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _build(view: "dict[str, Any]") -> None:
    """The new root: `/tmp` of the old one carries it until pivot_root makes it the only one."""
    _mount("none", "/", None, MS_REC | MS_SLAVE)
    _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")
    os.chdir("/tmp")
    os.mkdir("old")
    os.mkdir("new")
    _pivot_root(".", "old")
    os.chdir("/")
    _mount("tmpfs", "/new", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")
    _bind_system()
    _hide(view["hidden"])
    for source, target, mode in view["binds"]:
        _place("/old" + source, "/new" + target, read_only=mode == "ro")
    for link, target in view["links"]:
        os.makedirs(os.path.dirname("/new" + link), exist_ok=True)
        os.symlink(target, "/new" + link)
    for path in view["hidden"]:
        _read_only("/new" + path, recursive=False)
    os.umask(0o077)
    os.chdir("/new")
    _pivot_root(".", ".")
    _check(_libc.umount2(b".", MNT_DETACH), "umount2")
    os.chdir("/")
    _read_only("/", recursive=False)


def _bind_system() -> None:
    """The top of the machine's root as it is, with devices and kernel settings guarded."""
    for name in sorted(os.listdir("/old")):
        source, target = "/old/" + name, "/new/" + name
        if name in OWN_ROOTS:
            continue
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
        elif os.path.isdir(source):
            os.mkdir(target)
            _mount(source, target, None, MS_BIND | MS_REC)
    _devices()
    os.mkdir("/new/proc")
    _mount("proc", "/new/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for path in ("/new/proc/sys", "/new/proc/sysrq-trigger", "/new/proc/irq", "/new/proc/bus"):
        if os.path.exists(path):
            _mount(path, path, None, MS_BIND | MS_REC)
            _read_only(path, recursive=True)
    if os.path.isdir("/new/sys"):
        _read_only("/new/sys", recursive=True)


def _devices() -> None:
    os.mkdir("/new/dev")
    for name in sorted(os.listdir("/old/dev")):
        if name in DEVICES or name.startswith(DEVICE_PREFIXES):
            _place("/old/dev/" + name, "/new/dev/" + name, read_only=False)
    for name, target in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ):
        os.symlink(target, "/new/dev/" + name)


def _hide(paths: "list[str]") -> None:
    for path in paths:
        if os.path.isdir("/new" + path):
            _mount("tmpfs", "/new" + path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")


def _place(source: str, target: str, *, read_only: bool) -> None:
    """Bind a file or folder, making the mount point when it is missing."""
    if stat.S_ISDIR(os.stat(source).st_mode):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    _mount(source, target, None, MS_BIND | MS_REC)
    if read_only:
        _read_only(target, recursive=True)


def _read_only(path: str, *, recursive: bool) -> None:
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    failed = _libc.syscall(
        ctypes.c_long(SYS_MOUNT_SETATTR),
        ctypes.c_int(AT_FDCWD),
        ctypes.c_char_p(path.encode()),
        ctypes.c_uint(flags),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    if failed == 0:
        return
    # Before Linux 5.12: remount this mount alone.
    found = os.statvfs(path).f_flag
    kept = sum(mount_flag for statvfs_flag, mount_flag in KEPT_FLAGS if found & statvfs_flag)
    _mount("none", path, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def _drop_privileges() -> None:
    """No capability left in any set, and none to be gained: mounts can no longer be changed."""
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for number in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            break
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(nothing)), "capset")


def _mount(source: str, target: str, kind: "str | None", flags: int, data: str = "") -> None:
    done = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )
    _check(done, f"mount {source} on {target}")


def _pivot_root(new: str, old: str) -> None:
    number = PIVOT_ROOT[os.uname().machine]
    _check(_libc.syscall(ctypes.c_long(number), new.encode(), old.encode()), "pivot_root")


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def probe() -> None:
    """Try it all on an empty view in this process, which then exits 0. Raises when refused."""
    enter({"hidden": [], "binds": [], "links": []})
    os._exit(0)


if __name__ == "__main__":
    try:
        probe()
    except OSError as fault:
        sys.stderr.write(f"{fault}\n")
        sys.exit(1)
