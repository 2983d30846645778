"""Ports of one child's own: those it binds by number are others on the machine.

Two programs can't have port 8000 of one machine, and programs have such numbers in their code. A
network namespace of its own would cut a child off from the workspace and the network, so only the
two calls that name a port are looked at: bind(2) and connect(2) of the child and of whatever it
starts stop at a seccomp filter and are answered by its supervisor. A port that it binds is one of
the loopback interface, given in the launch or free at that time; connecting to the same number on
loopback reaches it. All other connections, and all else of a socket, are the kernel's business as
ever. `getsockname` tells the machine's port.

This is no guard: what may reach a port is not decided here. Linux on x86-64 and ARM64, with the
standard library alone (it runs inside the supervisor). Follows seccomp_unotify(2), pidfd_getfd(2).
"""

# Paths are plain text here: pathlib costs start-up time and adds nothing.
# ruff: noqa: PTH123

import array
import ctypes
import errno
import fcntl
import os
import socket
import struct
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# machine -> its name for audits, the numbers of bind, connect, seccomp
MACHINES = {"x86_64": (0xC000003E, 49, 42, 317), "aarch64": (0xC00000B7, 200, 203, 277)}
SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 434, 438  # the same on every architecture
PR_SET_NO_NEW_PRIVS, SET_MODE_FILTER, NEW_LISTENER = 38, 1, 8
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06  # of BPF
ALLOW, NOTIFY = 0x7FFF0000, 0x7FC00000
RECEIVE, SEND, IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
CONTINUE = 1
ASKED = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif
ANSWER = struct.Struct("=QqiI")
ADDRESS_BYTES = 28
ANY4, HOME4 = b"\0\0\0\0", b"\x7f\0\0\1"
ANY6, HOME6 = bytes(16), bytes(15) + b"\1"
MAPPED = bytes(10) + b"\xff\xff"  # an IPv4 address as one of IPv6

_libc = ctypes.CDLL(None, use_errno=True)


def give_up(channel: int) -> None:
    """In the child: have the two calls answered by whoever holds the other end of `channel`."""
    audit, bind, connect, seccomp = MACHINES[os.uname().machine]
    steps = (
        (LOAD, 0, 0, 4),  # of struct seccomp_data: the architecture
        (JUMP_EQUAL, 0, 4, audit),
        (LOAD, 0, 0, 0),  # the number of the call
        (JUMP_EQUAL, 1, 0, bind),
        (JUMP_EQUAL, 0, 1, connect),
        (RETURN, 0, 0, NOTIFY),
        (RETURN, 0, 0, ALLOW),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    _checked(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    listener = _call(seccomp, SET_MODE_FILTER, NEW_LISTENER, ctypes.c_char_p(program))
    _checked(listener, "seccomp")
    with socket.socket(fileno=channel) as way:
        socket.send_fds(way, [b"."], [listener])
    os.close(listener)


def answer(way: socket.socket, ports: "dict[int, int]", say: "Callable[[int, int], None]") -> None:
    """In the supervisor: answer the child's calls for as long as there are any, in a thread.

    `ports` has the ports that are decided already; `say` hears of each that comes to it.
    """
    threading.Thread(target=_answer, args=(way, ports, say), daemon=True).start()


def _answer(way: socket.socket, ports: "dict[int, int]", say: "Callable[[int, int], None]") -> None:
    with way:
        found = socket.recv_fds(way, 1, 1)[1]
    if not found:
        return  # it ended before
    book = Book(ports, say)
    asked = array.array("B", bytes(ASKED.size))
    try:
        while True:
            asked[:] = array.array("B", bytes(ASKED.size))
            try:
                fcntl.ioctl(found[0], RECEIVE, asked, True)
            except OSError as fault:
                if fault.errno in (errno.EINTR, errno.ENOENT):  # the caller is gone
                    continue
                return  # all of them are
            id, pid, _, number, *rest = ASKED.unpack(asked)
            call = Call(found[0], id, pid, *rest[2:5])
            is_bind = number == MACHINES[os.uname().machine][1]
            try:
                book.bind(call) if is_bind else book.connect(call)
            except Exception:  # gone, or of a kind that is not understood: as without all this
                call.leave()
    finally:
        os.close(found[0])  # whoever would still ask is not left to wait


class Call:
    """One call that waits for its answer."""

    def __init__(self, listener: int, id: int, pid: int, fd: int, address: int, size: int) -> None:
        self._listener = listener
        self._id = id
        self._pid = pid
        self._fd = fd
        self._address = address
        self._size = size

    def address(self) -> bytes:
        """What the caller's memory says now. Raises OSError when it has gone."""
        with open(f"/proc/{self._pid}/mem", "rb", buffering=0) as memory:
            return os.pread(memory.fileno(), min(self._size, ADDRESS_BYTES), self._address)

    def socket(self) -> socket.socket:
        """The caller's own socket, in this process too."""
        with open(f"/proc/{self._pid}/status") as status:
            process = next(int(line[5:]) for line in status if line.startswith("Tgid:"))
        handle = _checked(_call(SYS_PIDFD_OPEN, process, 0), "pidfd_open")
        try:
            fd = _checked(_call(SYS_PIDFD_GETFD, handle, self._fd, 0), "pidfd_getfd")
        finally:
            os.close(handle)
        fcntl.ioctl(self._listener, IS_VALID, struct.pack("=Q", self._id))
        return socket.socket(fileno=fd)

    def leave(self) -> None:
        """Let the kernel do what was asked for."""
        self._reply(0, CONTINUE)

    def end(self, number: int) -> None:
        """It is done: with this error, or with 0."""
        self._reply(-number, 0)

    def _reply(self, error: int, flags: int) -> None:
        try:
            fcntl.ioctl(self._listener, SEND, ANSWER.pack(self._id, 0, error, flags))
        except OSError:
            pass  # the caller was interrupted, or is gone


class Book:
    """Which port of the machine stands for which of the child."""

    def __init__(self, ports: "dict[int, int]", say: "Callable[[int, int], None]") -> None:
        self._ports = ports
        self._say = say
        self._only6: set[int] = set()  # the child's ports that IPv6 alone reaches

    def bind(self, call: Call) -> None:
        host, port = _parsed(call.address())
        if host is None or not port:
            return call.leave()
        with call.socket() as sock:
            if sock.type != socket.SOCK_STREAM:
                return call.leave()
            is_only6 = _is_only6(sock)
            real = self._ports.get(port, 0)
            try:
                sock.bind(_as_python(_at_home(host, is_only6), real))
            except OSError as fault:
                return call.end(fault.errno or errno.EADDRINUSE)
            if is_only6:
                self._only6.add(port)
            if not real:
                self._ports[port] = int(sock.getsockname()[1])
                self._say(port, self._ports[port])
        return call.end(0)

    def connect(self, call: Call) -> None:
        host, port = _parsed(call.address())
        if host is None or port not in self._ports or not _is_home(host):
            return call.leave()
        sock = call.socket()
        if sock.type != socket.SOCK_STREAM:
            sock.close()
            return call.leave()
        target = _as_python(
            _at_home(host, _is_only6(sock) or port in self._only6), self._ports[port]
        )

        def finish() -> None:
            with sock:
                call.end(sock.connect_ex(target))

        if fcntl.fcntl(sock, fcntl.F_GETFL) & os.O_NONBLOCK:
            return finish()
        threading.Thread(target=finish, daemon=True).start()  # it may have to wait
        return None


def _parsed(address: bytes) -> "tuple[bytes | None, int]":
    """Host and port; no host for what is no address of the Internet."""
    family = int.from_bytes(address[:2], "little")
    port = int.from_bytes(address[2:4], "big")
    if family == socket.AF_INET and len(address) >= 8:
        return address[4:8], port
    if family == socket.AF_INET6 and len(address) >= 24:
        return address[8:24], port
    return None, port


def _is_home(host: bytes) -> bool:
    if len(host) == 4:
        return host == ANY4 or host[:1] == HOME4[:1]
    return host in (ANY6, HOME6) or (host[:12] == MAPPED and _is_home(host[12:]))


def _at_home(host: bytes, is_only6: bool) -> bytes:
    """Loopback in the place of every interface; by IPv4 where that is possible."""
    if not _is_home(host):
        return host
    if len(host) == 4:
        return HOME4 if host == ANY4 else host
    return HOME6 if is_only6 else MAPPED + HOME4


def _as_python(host: bytes, port: int) -> "tuple[str, int]":
    family = socket.AF_INET if len(host) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, host), port


def _is_only6(sock: socket.socket) -> bool:
    if sock.family != socket.AF_INET6:
        return False
    return bool(sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))


def _call(number: int, *arguments: object) -> int:
    return int(_libc.syscall(ctypes.c_long(number), *arguments))


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
