"""Where SQL stands: from an offset in its text to line and column of a file, and accesses there."""

from __future__ import annotations

from dataclasses import dataclass

from brickyard.policy.accesses import Access, Mode, Securable
from brickyard.policy.sql_session import HOLE

STORES = ("/", "dbfs:", "s3:", "s3a:", "abfss:", "gs:", "file:", "wasbs:")
PART_UNKNOWN = "part of the name is computed while it runs"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text begins. `column` is that of its first character; later lines begin at 1.

    `is_point`: the text is not written here, so all of it is blamed on this one place.
    """

    file: str
    line: int = 1
    column: int = 1
    is_point: bool = False

    def place(self, text: str, offset: int) -> tuple[int, int]:
        if self.is_point:
            return self.line, self.column
        before = text[:offset]
        lines = before.count("\n")
        column = len(before) - (before.rfind("\n") + 1) + 1
        return self.line + lines, column if lines else column + self.column - 1

    def access(
        self, securable: Securable, name: str, mode: Mode, at: tuple[int, int], reason: str = ""
    ) -> Access:
        if HOLE in name and not reason:
            reason = PART_UNKNOWN
        return Access(
            securable=securable,
            full_name=name.replace(HOLE, "?"),
            mode=mode,
            file=self.file,
            line=at[0],
            column=at[1],
            reason=reason,
        )

    def named(self, securable: Securable, name: str, mode: Mode, at: tuple[int, int]) -> Access:
        """An access of what a name says: a path where it is one."""
        if name.startswith(STORES):
            return path_access(name, mode, self.file, *at)
        return self.access(securable, name, mode, at)


def path_access(path: str, mode: Mode, file: str, line: int, column: int = 1) -> Access:
    """A file path as an access: of a volume where it lies in one."""
    parts = path.removeprefix("dbfs:").strip("/").split("/")
    in_volume = bool(parts) and parts[0].lower() == "volumes" and len(parts) > 1
    # As far as the name is known; what is left out may be any.
    name = ".".join([*parts[1:4], HOLE, HOLE][:3]) if in_volume else path
    securable = Securable.VOLUME if in_volume else Securable.PATH
    reason = ""
    if HOLE in name:
        reason = "part of the path is computed while it runs"
    return Access(
        securable=securable,
        full_name=name.replace(HOLE, "?"),
        mode=mode,
        file=file,
        line=line,
        column=column,
        reason=reason,
    )
