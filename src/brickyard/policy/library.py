"""Calls out of the bundle whose result is known without following them: strings, paths, files of
the bundle, environment variables, widgets. What they touch on the way goes to `Effects`.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from brickyard.policy.abstract_values import (
    External,
    IniFile,
    Instance,
    Known,
    Module,
    OpenFile,
    Option,
    Parser,
    PathText,
    Template,
    Unknown,
    each,
    items_of,
    join,
    text_of,
    texts_of,
)
from brickyard.policy.accesses import Mode
from brickyard.policy.command_lines import declare, option_of, parsed
from brickyard.policy.config_files import decoded, ini, rendered, substituted, with_attributes
from brickyard.policy.containers import container_call
from brickyard.policy.effects import At, Effects, open_mode
from brickyard.policy.sinks import PATH_READS, PATH_WRITES
from brickyard.policy.sql_session import HOLE

STRING_METHODS: Final[frozenset[str]] = frozenset(
    [
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "title",
        "replace",
        "split",
        "rsplit",
        "removeprefix",
        "removesuffix",
        "join",
        "startswith",
        "endswith",
        "splitlines",
        "partition",
        "rpartition",
        "capitalize",
        "zfill",
        "format",
        "casefold",
        "center",
        "ljust",
        "rjust",
        "swapcase",
        "translate",
        "expandtabs",
        "count",
        "find",
        "index",
        "isdigit",
        "encode",
        "decode",
    ]
)
NOTHING: Final = object()
SPARK_SESSIONS: Final = (
    "getOrCreate",
    "getActiveSession",
    "newSession",
    "active",
    "create",
)
DECODERS: Final[Mapping[str, str]] = {
    "json.loads": "json",
    "json.load": "json",
    "yaml.safe_load": "yaml",
    "yaml.load": "yaml",
    "yaml.full_load": "yaml",
    "tomllib.load": "toml",
    "tomllib.loads": "toml",
    "tomli.load": "toml",
    "tomli.loads": "toml",
    "toml.load": "toml",
    "toml.loads": "toml",
    "ast.literal_eval": "json",
}
RESULTS_UNKNOWN: Final = frozenset(
    [
        "print",
        "isinstance",
        "issubclass",
        "hasattr",
        "callable",
        "id",
        "hash",
        "input",
        "super",
        "type",
        "format",
    ]
)


@dataclass(frozen=True, slots=True)
class Task:
    """With what a piece of code is started: widgets of a notebook, arguments of a file, variables
    of its environment, and the values that tasks of one job hand on: (task, key) -> value."""

    widgets: Mapping[str, Known] = field(default_factory=dict)
    arguments: tuple[Known, ...] = ()
    environment: Mapping[str, Known] = field(default_factory=dict)
    settings: Mapping[str, Known] = field(default_factory=dict)  # spark.conf
    catalog: str = ""
    schema: str = ""
    task_key: str = ""
    values: dict[tuple[str, str], Known] = field(default_factory=dict)


class Files(Protocol):
    """The bundle's files, as code in one of them finds them (`reader`)."""

    def read(self, path: str, reader: str) -> str | None:
        """The text of a file."""

    def listed(self, folder: str, pattern: str, reader: str) -> list[str]:
        """The paths of the files in a folder that fit a pattern."""


class NoFiles:
    """A bundle without files."""

    def read(self, path: str, reader: str) -> str | None:
        return None

    def listed(self, folder: str, pattern: str, reader: str) -> list[str]:
        return []


NO_FILES: Final = NoFiles()


class Library:
    """The libraries as one entry point sees them, started with its widgets and arguments."""

    def __init__(
        self,
        effects: Effects,
        task: Task,
        files: Files = NO_FILES,
    ) -> None:
        self._effects = effects
        self._task = task
        self._files = files
        self._read_file = files.read
        self._widgets: dict[str, Known] = dict(task.widgets)
        self._environment: dict[str, Known] = dict(task.environment)

    @property
    def sql_parameters(self) -> dict[str, str]:
        return {key: value for key, value in self._widgets.items() if isinstance(value, str)}

    def set_widgets(self, given: Mapping[str, Known]) -> None:
        self._widgets.update(given)

    def constant(self, chain: str) -> Known:
        """Attributes of libraries that are values: `sys.argv`; `NOTHING` for all others."""
        if chain == "sys.argv":
            return [self._effects.file, *self._task.arguments]
        return NOTHING

    def environment_variable(self, name: Known) -> Known:
        """What a variable of the environment holds."""
        known = self._environment.get(name) if isinstance(name, str) else None
        return known if known is not None else Unknown(f"the environment variable {text_of(name)}")

    def set_environment_variable(self, name: Known, value: Known, at: At) -> None:
        if isinstance(name, str):
            self._environment[name] = value
        for text in texts_of(value):
            if text.startswith(("/Volumes", "dbfs:/Volumes")):
                self._effects.doubt_path(text, at)

    def path_method(
        self,
        path: PathText,
        name: str,
        arguments: list[Known],
        named: dict[str, Known],
        node: ast.Call,
    ) -> Known:
        at = (node.func.end_lineno or node.lineno, _name_column(node))
        if name in PATH_READS:
            self._effects.touch_path(path.text, Mode.READ, at)
        elif name in PATH_WRITES:
            self._effects.touch_path(path.text, Mode.WRITE, at)
        if name in {"rename", "replace", "symlink_to"} and arguments:
            self._effects.touch_path(text_of(arguments[0]), Mode.WRITE, at)
        if name == "open":
            mode = text_of(arguments[0] if arguments else named.get("mode", "r"))
            self._effects.touch_path(path.text, open_mode(mode), at)
            return self._opened(path.text)
        if name in {"glob", "rglob", "iterdir"}:
            pattern = text_of(arguments[0]) if arguments else "*"
            return self._listed(path.text, f"**/{pattern}" if name == "rglob" else pattern)
        if name == "read_text":
            text = self._read_file(path.text, self._effects.file)
            return text if text is not None else Unknown(f"the content of {path.text}")
        if name == "joinpath":
            return PathText(posixpath.join(path.text, *(text_of(one) for one in arguments)))
        if name == "with_name" and arguments:
            parent = posixpath.dirname(path.text)
            return PathText(posixpath.join(parent, text_of(arguments[0])))
        if name in {"resolve", "absolute", "expanduser", "with_suffix"}:
            return path
        if name in {"as_posix", "__str__", "as_uri"}:
            return path.text
        return Unknown()

    def _listed(self, folder: str, pattern: str) -> list[Known]:
        """What a folder of the bundle holds; of any other, some path in it."""
        found = self._files.listed(folder, pattern, self._effects.file)
        return [PathText(one) for one in found] or [PathText(posixpath.join(folder, HOLE))]

    def parser_method(
        self, parser: Parser, name: str, arguments: list[Known], named: dict[str, Known]
    ) -> Known:
        if name == "add_argument":
            declare(parser, option_of(arguments, named))
            return None
        if name == "set_defaults":
            for key, value in named.items():
                parser.options[key] = (parser.options.get(key, (("",), None))[0], value)
            return None
        if name == "add_subparsers":
            parser.chosen = text_of(named.get("dest", ""))
            return parser
        if name == "add_parser" and arguments:
            return parser.commands.setdefault(text_of(arguments[0]), Parser())
        if name in {"parse_args", "parse_known_args"}:
            given = arguments[0] if arguments and arguments[0] is not None else None
            values = parsed(parser, list(self._task.arguments) if given is None else given)
            found = Instance(None, values)
            return found if name == "parse_args" else (found, [])
        return parser

    def command_arguments(self, parser: Parser) -> dict[str, Known]:
        """What a command line that is called without arguments gets."""
        return parsed(parser, list(self._task.arguments))

    def call(
        self, chain: str, arguments: list[Known], named: dict[str, Known], node: ast.Call
    ) -> Known:
        """Calls whose result is known without following them; `NOTHING` for all others."""
        first = arguments[0] if arguments else None
        last = chain.rsplit(".", 1)[-1]
        where = node.args[0] if node.args else node
        self._effects.at = (where.lineno, where.col_offset + 1)
        if chain in DECODERS:
            return each(first, lambda one: decoded(DECODERS[chain], self._content(chain, one)))
        if last in SPARK_SESSIONS and ("Session" in chain or chain.startswith("spark.")):
            return External("spark")
        if chain.startswith(("dbutils.", "?.widgets")) or ".dbutils." in chain:
            return self._dbutils(chain, arguments, named)
        if chain.startswith(("os.environ.", "os.getenv", "dotenv.")):
            return self._environ(last, arguments, named)
        if chain.startswith("spark.conf."):
            return self._setting(last, arguments, named)
        if last in {"log_model", "save_model"} and "model_config" in named:
            self._effects.model_configs.append(self._configuration(named["model_config"]))
            return NOTHING
        match chain:
            case "mlflow.models.ModelConfig" | "mlflow.langchain.ModelConfig" | "ModelConfig":
                return self._model_config(named.get("development_config", first))
            case "open" | "io.open" | "codecs.open":
                mode = arguments[1] if len(arguments) > 1 else named.get("mode", "r")
                path = first if arguments else named.get("file")
                for text in texts_of(path):
                    self._effects.touch_path(text, open_mode(text_of(mode)), self._effects.at)
                return each(path, lambda one: self._opened(text_of(one)))
            case "str" | "os.fspath" | "os.fsdecode":
                return each(first, text_of)
            case "Path" | "pathlib.Path" | "pathlib.PurePosixPath" | "pathlib.PosixPath":
                if not arguments:
                    return PathText(".")
                head = [text_of(one) for one in arguments[1:]]
                return each(first, lambda one: PathText(posixpath.join(text_of(one), *head)))
            case "Path.cwd" | "pathlib.Path.cwd" | "os.getcwd":
                return PathText("") if "Path" in chain else ""
            case "os.path.join" | "posixpath.join":
                return join(_joined(arguments)) if arguments else ""
            case "os.path.dirname" | "os.path.basename" | "os.path.abspath" | "os.path.realpath":
                return each(first, lambda one: _path_function(last, text_of(one)))
            case "os.path.normpath" | "os.path.expanduser" | "os.path.expandvars":
                return each(first, text_of)
            case "glob.glob" | "glob.iglob" | "glob" | "iglob" if isinstance(first, str):
                return self._files.listed(*posixpath.split(first), self._effects.file) or NOTHING
            case "os.listdir" if isinstance(first, str | PathText):
                found = self._files.listed(text_of(first), "*", self._effects.file)
                return [posixpath.basename(one) for one in found] or NOTHING
            case "argparse.ArgumentParser":
                return Parser()
            case "click.option" | "click.argument":
                return option_of(arguments, named)
            case "string.Template" | "Template" | "jinja2.Template":
                return Template(text_of(first), is_jinja="jinja2" in chain)
            case "functools.wraps" | "functools.update_wrapper" | "wraps":
                return External("functools.wraps()")
            case "textwrap.dedent" | "inspect.cleandoc" | "sqlalchemy.text":
                return NOTHING if last == "text" else first
            case "configparser.ConfigParser" | "configparser.RawConfigParser":
                return IniFile()
            case "types.SimpleNamespace" | "argparse.Namespace":
                return Instance(None, dict(named))
            case "omegaconf.OmegaConf.load" | "OmegaConf.load":
                content = self._read_file(text_of(first), self._effects.file)
                return with_attributes(decoded("yaml", content))
            case "omegaconf.OmegaConf.create" | "box.Box" | "munch.Munch":
                return with_attributes(first)
            case "importlib.resources.files" | "importlib_resources.files":
                package = first.file if isinstance(first, Module) else text_of(first)
                folder = posixpath.dirname(package) if package.endswith(".py") else package
                return PathText(folder.replace(".", "/") if isinstance(first, str) else folder)
            case "pkgutil.get_data" | "importlib.resources.read_text":
                folder = text_of(first).replace(".", "/")
                path = posixpath.join(folder, text_of(arguments[1] if len(arguments) > 1 else ""))
                content = self._read_file(path, self._effects.file)
                return content if content is not None else Unknown()
            case "vars" | "dataclasses.asdict" | "asdict" if isinstance(first, Instance):
                return first.attributes
            case "setattr" if len(arguments) == 3 and isinstance(first, Instance):
                first.attributes[text_of(arguments[1])] = arguments[2]
                return None
            case "asyncio.run" | "copy.copy" | "copy.deepcopy" | "typing.cast" | "asyncio.wait_for":
                return arguments[-1] if last == "cast" and arguments else first
            case "databricks.sql.connect" | "sql.connect" | "dbsql.connect":
                catalog, schema = (text_of(named.get(key, "")) for key in ("catalog", "schema"))
                return External(f"{chain}()", f"session:{catalog}.{schema}")
            case _ if chain in RESULTS_UNKNOWN:
                return Unknown() if chain != "super" else External("super()")
            case _ if chain.startswith("str.") and isinstance(first, str) and arguments:
                return string_method(first, last, arguments[1:])
            case _:
                found = container_call(chain, arguments, named)
                return NOTHING if found is container_call else found

    def _configuration(self, given: Known) -> Known:
        """The configuration of a model: a mapping, or the YAML file that a text names."""
        if isinstance(given, str | PathText):
            return decoded("yaml", self._read_file(text_of(given), self._effects.file))
        return given

    def _model_config(self, development: Known) -> Known:
        """`mlflow.models.ModelConfig`: what the model is logged with counts where it is served,
        `development_config` where its code is tried."""
        given = [self._configuration(development), *self._effects.model_configs]
        known = [one for one in given if isinstance(one, dict)]
        keys = {key for one in known for key in one if isinstance(key, str)}
        unknown = (
            [] if len(known) == len(given) or not known else [Unknown("a model's configuration")]
        )
        if not known:
            return Unknown("a model's configuration")
        return {
            key: join([*(one[key] for one in known if one.get(key) not in (None, "")), *unknown])
            for key in keys
        }

    def _content(self, chain: str, value: Known) -> str | None:
        """The text behind what a decoder is given; `toml.load` takes a path, too."""
        if chain == "toml.load" and isinstance(value, str | PathText):
            return self._read_file(text_of(value), self._effects.file)
        return _content(value)

    # -- files -------------------------------------------------------------------------------------

    def _opened(self, path: str) -> Known:
        return OpenFile(path, self._read_file(path, self._effects.file))

    def file_method(self, file: OpenFile, name: str, arguments: list[Known]) -> Known:
        if file.text is None:
            return Unknown(f"the content of {file.path}")
        if name == "read":
            return file.text
        if name in {"readlines", "__iter__"}:
            return file.text.splitlines(keepends=True)
        return Unknown() if name != "readline" else (file.text.splitlines() or [""])[0]

    def ini_method(self, file: IniFile, name: str, arguments: list[Known]) -> Known:
        texts = [text_of(one) for one in arguments]
        if name == "read" and texts:
            for one in items_of(arguments[0]) or [arguments[0]]:
                file.sections |= ini(self._read_file(text_of(one), self._effects.file))
        elif name == "read_string" and texts:
            file.sections |= ini(texts[0])
        elif name == "read_file" and isinstance(arguments[0], OpenFile):
            file.sections |= ini(arguments[0].text)
        elif name == "get" and len(texts) >= 2:
            section = file.sections.get(texts[0], {})
            return section.get(texts[1].lower(), Unknown()) if isinstance(section, dict) else None
        elif name == "items" and texts:
            section = file.sections.get(texts[0], {})
            return list(section.items()) if isinstance(section, dict) else Unknown()
        return None

    def template_method(self, template: Template, name: str, named: dict[str, Known],
                        arguments: list[Known]) -> Known:  # fmt: skip
        values = {**(arguments[0] if arguments and isinstance(arguments[0], dict) else {}), **named}
        if name in {"substitute", "safe_substitute"}:
            return substituted(template.text, values)
        return rendered(template.text, values) if name == "render" else Unknown()

    # -- what the task is started with -------------------------------------------------------------

    def _environ(self, last: str, arguments: list[Known], named: dict[str, Known]) -> Known:
        name = arguments[0] if arguments else named.get("key")
        default = arguments[1] if len(arguments) > 1 else named.get("default")
        if last in {"get", "getenv", "pop", "setdefault"}:
            known = self.environment_variable(name)
            if not isinstance(known, Unknown):
                return known
            # The default counts where nobody sets the variable, which isn't known here.
            return join([default, known]) if default is not None else known
        if last == "update" and isinstance(name, dict):
            self._environment |= {str(key): value for key, value in name.items()}
        return None

    def _setting(self, last: str, arguments: list[Known], named: dict[str, Known]) -> Known:
        settings = self._effects.session.settings
        name = text_of(arguments[0] if arguments else named.get("key"))
        value = arguments[1] if len(arguments) > 1 else named.get("value", named.get("default"))
        if last == "set":
            settings[name] = value
            return None
        if last != "get":
            return Unknown()
        if name in settings:
            return settings[name]
        unknown = Unknown(f"the setting {name}")
        return join([value, unknown]) if value is not None else unknown

    def _dbutils(self, chain: str, arguments: list[Known], named: dict[str, Known]) -> Known:
        last = chain.rsplit(".", 1)[-1]
        first = arguments[0] if arguments else None
        if ".widgets." in chain or chain.startswith("?.widgets"):
            return self._widget(last, arguments, named)
        if ".taskValues." in chain:
            return self._task_value(last, arguments, named)
        if ".secrets." in chain:
            return Unknown("a secret")
        if chain.endswith(("notebook.exit", "library.restartPython")):
            return None
        if ".fs." in chain and last == "ls":
            self._effects.touch_path(text_of(first), Mode.READ, self._effects.at)
            return [Instance(None, {"path": f"{text_of(first).rstrip('/')}/{HOLE}", "name": HOLE})]
        return NOTHING

    def _widget(self, last: str, arguments: list[Known], named: dict[str, Known]) -> Known:
        name = text_of(arguments[0] if arguments else named.get("name"))
        match last:
            case "get" | "getArgument":
                why = Unknown(f"widget {name} has no value in the bundle")
                return self._widgets.get(name, why)
            case "getAll":
                return dict(self._widgets)
            case "text" | "dropdown" | "combobox" | "multiselect":
                given = arguments[1] if len(arguments) > 1 else ""
                default = named.get("defaultValue", named.get("default_value", given))
                self._widgets.setdefault(name, default)
        return None

    def _task_value(self, last: str, arguments: list[Known], named: dict[str, Known]) -> Known:
        texts = [text_of(one) for one in arguments]
        if last == "set":
            key = text_of(named["key"]) if "key" in named else (texts or [HOLE])[0]
            value = named.get("value", arguments[1] if len(arguments) > 1 else None)
            name = (self._task.task_key, key)
            known = self._task.values
            known[name] = join([known[name], value]) if name in known else value
            return None
        task = text_of(named["taskKey"]) if "taskKey" in named else (texts or [HOLE])[0]
        key = text_of(named["key"]) if "key" in named else (texts[1] if len(texts) > 1 else HOLE)
        return self._task.values.get((task, key), Unknown("a value of another task"))


def _content(value: Known) -> str | None:
    """The text behind what a decoder is given."""
    if isinstance(value, OpenFile):
        return value.text
    return value if isinstance(value, str) and HOLE not in value else None


def _joined(arguments: list[Known]) -> list[str]:
    found = [""]
    for one in arguments:
        found = [posixpath.join(left, text) for left in found for text in texts_of(one)][:16]
    return found


def _path_function(name: str, path: str) -> str:
    return {"dirname": posixpath.dirname, "basename": posixpath.basename}.get(name, str)(path)


def _name_column(node: ast.Call) -> int:
    end = node.func.end_col_offset or node.col_offset
    return max(end - len(getattr(node.func, "attr", "")), 0) + 1


def format_text(text: str, arguments: list[Known], named: Mapping[Any, Known]) -> str:
    """`text.format(…)`."""
    try:
        return text.format(
            *(_formattable(one) for one in arguments),
            **{str(k): _formattable(v) for k, v in named.items()},
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return HOLE


def _formattable(value: Known) -> Any:
    """Mappings and objects may be indexed within a format; all others are texts."""
    if isinstance(value, Instance):
        return _Shown(value)
    if isinstance(value, dict):
        return {key: _formattable(one) for key, one in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return text_of(value)


class _Shown:
    """An object within a format: its attributes are known, what it looks like isn't."""

    def __init__(self, instance: Instance) -> None:
        self._attributes = instance.attributes

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._attributes:
            raise AttributeError(name)
        return _formattable(self._attributes[name])

    def __format__(self, _: str) -> str:
        return HOLE


def string_method(text: str, name: str, arguments: list[Known]) -> Known:
    if not all(isinstance(one, str | int | tuple) for one in arguments):
        return HOLE
    try:
        found = getattr(text, name)(*arguments)
    except (AttributeError, TypeError, ValueError, LookupError):
        return HOLE
    return text if isinstance(found, bytes) else found


__all__ = ["NOTHING", "STRING_METHODS", "Library", "Option", "Task", "format_text", "string_method"]
