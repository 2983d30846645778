"""Profiles of the Databricks configuration file, as all official clients share it.

`DATABRICKS_CONFIG_FILE`, by default `~/.databrickscfg`: an INI file with a section per profile.
Only what decides who is calling is read here; profiles that log in by other means than a personal
access token are left to the SDK.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SETTINGS: Final = "__settings__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile. `token` is empty when it authenticates in another way."""

    name: str
    host: str
    token: str


def profiles(environment: Mapping[str, str]) -> Mapping[str, Profile]:
    """The profiles by name; none when there is no file or it can't be read."""
    given = environment.get("DATABRICKS_CONFIG_FILE")
    path = Path(given).expanduser() if given else Path.home() / ".databrickscfg"
    # The section DEFAULT is a profile like others here: it lends nothing to them.
    reader = configparser.ConfigParser(interpolation=None, default_section="", strict=False)
    try:
        reader.read_string(path.read_text())
    except (OSError, UnicodeError, configparser.Error):
        return {}
    return {
        name: Profile(
            name=name,
            host=reader.get(name, "host", fallback="").strip(),
            token=reader.get(name, "token", fallback="").strip(),
        )
        for name in reader.sections()
        if name != SETTINGS
    }
