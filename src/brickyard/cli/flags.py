"""The words of a call below `bundle`, read as the official CLI reads them.

Its flags (pflag's rules) may stand anywhere before `--`, be joined (`-qt dev`, `-t=dev`), and are
checked in the order in which they are written; the first fault is said, in its words. What comes
out is the same call as click reads it: the commands' names, options in full, then arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import click

from brickyard.cli.flag_values import BadValue, boolean, duration, integer, listed, named

LEVELS: Final = ("disabled", "trace", "debug", "info", "warn", "error")
# Flags that every command has, by long name: the short one, and whether it is on or off.
SHARED: Final = {
    "debug": ("", True),
    "environment": ("e", False),
    "help": ("h", True),
    "log-file": ("", False),
    "log-format": ("", False),
    "log-level": ("", False),
    "output": ("o", False),
    "profile": ("p", False),
    "progress-format": ("", False),
    "target": ("t", False),
    "var": ("", False),
}
OF_GENERATE: Final = {"key": ("", False)}
UNSEEN: Final = frozenset(
    {"bind", "environment", "log-file", "log-format", "log-level", "progress-format", "verbose"}
)
DEPRECATED: Final = {
    "compute-id": "use --cluster-id instead",
    "environment": "use --target flag instead",
    "progress-format": "this flag is no longer functional",
}
ANY_WORDS: Final = frozenset({"alert", "app", "dashboard", "genie-space", "job", "pipeline"})
NEAR: Final = 2  # letters that may differ in a flag that was meant


class WrongCall(click.UsageError):
    """A call that is wrong, in the official words already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    name: str
    short: str = ""
    is_switch: bool = False
    is_count: bool = False
    is_many: bool = False
    check: Callable[[str], object] = str
    is_seen: bool = True
    is_taken: bool = True  # whether the command does something with it

    @property
    def shown(self) -> str:
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


@dataclass(slots=True)
class Read:
    """What has been read so far."""

    flags: dict[str, list[str]] = field(default_factory=dict)  # as click takes them
    before: list[str] = field(default_factory=list)  # words that are no flags
    behind: list[str] | None = None  # what stands after `--`


def official_call(group: click.Group, words: Sequence[str], parent: click.Context) -> list[str]:
    """The call as click reads it. Raises `WrongCall`."""
    names, command, rest = _found(group, list(words))
    context = parent
    for name in names:
        inner = context.command
        found = inner.get_command(context, name) if isinstance(inner, click.Group) else None
        context = click.Context(found or command, info_name=name, parent=context)
    flags = _flags_of(command, names)
    read = _read(flags, rest, context)
    options = [word for given in read.flags.values() for word in given]
    if "--help" in options:
        return [*names, "--help"]
    if isinstance(command, click.Group):
        unknown = next(iter([*read.before, *(read.behind or ())]), None)
        if unknown is not None:
            raise WrongCall(_no_command(command, unknown, context), context)
        return names
    return [*names, *options, *_arguments(command, names, read, context)]


def _found(group: click.Group, words: list[str]) -> tuple[list[str], click.Command, list[str]]:
    """The command that is meant, by its names, and the words without them."""
    names: list[str] = []
    command: click.Command = group
    while isinstance(command, click.Group):
        at = _first_argument(words, _flags_of(command, names))
        inner = command.get_command(click.Context(command), words[at]) if at is not None else None
        if at is None or inner is None:
            break
        names.append(words.pop(at))
        command = inner
    return names, command, words


def _first_argument(words: Sequence[str], flags: Sequence[Flag]) -> int | None:
    """Where the first word stands that is neither a flag nor the value of one."""
    switches = {one.name for one in flags if one.is_switch or one.is_count}
    short = {one.short for one in flags if one.is_switch or one.is_count}
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return None
        if not word.startswith("-") or word == "-":
            return at
        has_value = word[2:] not in switches if word.startswith("--") else len(word) == 2
        takes_next = has_value and "=" not in word and word[1:] not in short
        at += 2 if takes_next else 1
    return None


def _flags_of(command: click.Command, names: Sequence[str]) -> list[Flag]:
    own = [
        _flag(one)
        for one in command.params
        if isinstance(one, click.Option) and any(name.startswith("--") for name in one.opts)
    ]
    known = {one.name for one in own}
    shared = {**SHARED, **(OF_GENERATE if "generate" in names[:1] else {})}
    added = [
        Flag(
            name=name,
            short=short,
            is_switch=is_switch,
            check=_check_of(name, None),
            is_seen=name not in UNSEEN,
            is_taken=name == "help",
        )
        for name, (short, is_switch) in shared.items()
        if name not in known
    ]
    return sorted([*own, *added], key=lambda one: one.name)


def _flag(option: click.Option) -> Flag:
    name = max(option.opts, key=len).removeprefix("--")
    short = next((one[1:] for one in option.opts if not one.startswith("--")), "")
    return Flag(
        name=name,
        short=short or SHARED.get(name, ("",))[0],
        is_switch=option.is_flag,
        is_count=option.count,
        is_many=option.multiple,
        check=_check_of(name, option),
        is_seen=(name in SHARED or not option.hidden) and name not in UNSEEN,
    )


def _check_of(name: str, option: click.Option | None) -> Callable[[str], object]:
    if name in ("output", "log-format"):
        return lambda text: _one_of(text, option)
    if name == "log-level":
        return _level
    if name == "var":
        return listed
    if option is None or option.is_flag or option.count:
        return str
    if option.type is click.INT:
        return integer
    if option.type.name == "duration":
        return duration
    if option.metavar == "NAME=VALUE":
        return named
    return listed if option.multiple else str


def _one_of(text: str, option: click.Option | None) -> str:
    choices = option.type.choices if option and isinstance(option.type, click.Choice) else ()
    if text.lower() not in (*choices, "json", "text"):
        raise BadValue("accepted arguments are json and text")
    return text.lower()


def _level(text: str) -> str:
    if text.lower() not in LEVELS:
        raise BadValue(f"accepted arguments are {', '.join(LEVELS)}")
    return text.lower()


def _read(flags: Sequence[Flag], words: Sequence[str], context: click.Context) -> Read:
    """Raises `WrongCall` at the first fault."""
    by_name = {one.name: one for one in flags}
    by_short = {one.short: one for one in flags if one.short}
    read = Read()
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            read.behind = left
            break
        if not word.startswith("-") or word == "-":
            read.before.append(word)
        elif word.startswith("--"):
            _read_long(word, left, by_name, read, context)
        else:
            _read_short(word[1:], left, by_short, read, context)
    return read


def _read_long(
    word: str, left: list[str], flags: dict[str, Flag], read: Read, context: click.Context
) -> None:
    name, equals, value = word[2:].partition("=")
    if not name or name.startswith("-"):
        raise WrongCall(f"bad flag syntax: {word}", context)
    flag = flags.get(name)
    if flag is None:
        near = _near(name, flags.values())
        hint = f'\n\nDid you mean "--{near}"?' if near else ""
        raise WrongCall(f"unknown flag: --{name}{hint}", context)
    if not equals:
        if flag.is_switch or flag.is_count:
            value = "true"
        elif left:
            value = left.pop(0)
        else:
            raise WrongCall(f"flag needs an argument: --{name}", context)
    _take(flag, value, read, context)


def _read_short(
    joined: str, left: list[str], flags: dict[str, Flag], read: Read, context: click.Context
) -> None:
    while joined:
        flag = flags.get(joined[0])
        if flag is None:
            near = next((one for one in flags if one.lower() == joined[0].lower()), "")
            seen = near and flags[near].is_seen
            hint = f'\n\nDid you mean "-{near}"?' if seen else ""
            text = f"unknown shorthand flag: '{joined[0]}' in -{joined}{hint}"
            raise WrongCall(text, context)
        if len(joined) > 2 and joined[1] == "=":
            value, rest = joined[2:], ""
        elif flag.is_switch or flag.is_count:
            value, rest = "true", joined[1:]
        elif joined[1:]:
            value, rest = joined[1:], ""
        elif left:
            value, rest = left.pop(0), ""
        else:
            text = f"flag needs an argument: '{joined[0]}' in -{joined}"
            raise WrongCall(text, context)
        _take(flag, value, read, context)
        joined = rest


def _take(flag: Flag, value: str, read: Read, context: click.Context) -> None:
    try:
        checked = boolean(value) if flag.is_switch else flag.check(value)
    except BadValue as fault:
        text = f'invalid argument {_quoted(value)} for "{flag.shown}" flag: {fault}'
        raise WrongCall(text, context) from fault
    if flag.name in DEPRECATED and not (flag.name == "environment" and flag.is_taken):
        why = DEPRECATED[flag.name]  # of `-e` the command says so
        click.echo(f"Flag --{flag.name} has been deprecated, {why}", err=True)
    if not flag.is_taken:
        return
    before = read.flags.get(flag.name, [])
    if flag.is_switch:
        read.flags[flag.name] = [f"--{flag.name}"] if checked else []
    elif flag.is_count:
        read.flags[flag.name] = [*before, f"--{flag.name}"]
    else:
        shown = checked if flag.name in ("output", "log-format", "log-level") else value
        earlier = before if flag.is_many else []
        read.flags[flag.name] = [*earlier, f"--{flag.name}={shown}"]


def _arguments(
    command: click.Command, names: Sequence[str], read: Read, context: click.Context
) -> list[str]:
    """The words that are no flags, if there are as many as the command takes."""
    words = [*read.before, *(read.behind or ())]
    if names == ["run"]:
        key = read.before[:1]
        return [*key, "--", *words[len(key) :]]
    if names[0] == "generate" and names[-1] in ANY_WORDS:
        return []
    places = [one for one in command.params if isinstance(one, click.Argument)]
    needed = sum(1 for one in places if one.required)
    if not places and words:
        raise WrongCall(f'unknown command "{words[0]}" for "{context.command_path}"', context)
    if places and needed == len(places) != len(words):
        raise WrongCall(f"accepts {len(places)} arg(s), received {len(words)}", context)
    if len(words) > len(places):
        text = f"accepts at most {len(places)} arg(s), received {len(words)}"
        raise WrongCall(text, context)
    return ["--", *words] if words else []


def _no_command(group: click.Group, word: str, context: click.Context) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, group.list_commands(context), n=1)
    hint = f'\n\nDid you mean "{near[0]}"?' if near else ""
    return f'unknown command "{word}" for "{context.command_path}"{hint}'


def _near(name: str, flags: Iterable[Flag]) -> str:
    """The flag that was meant, if one is near; of several the first by name."""
    best, least = "", NEAR + 1
    for one in flags:
        apart = _distance(name, one.name)
        if one.is_seen and apart < least:
            best, least = one.name, apart
    return best


def _distance(one: str, other: str) -> int:
    """How many letters have to be put in, taken out or changed."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        made = [at]
        for place, second in enumerate(other, 1):
            changed = row[place - 1] + (letter != second)
            made.append(min(made[-1] + 1, row[place] + 1, changed))
        row = made
    return row[-1]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
