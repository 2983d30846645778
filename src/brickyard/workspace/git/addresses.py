"""Addresses of repositories: which ones `git` may be given, and who hosts them.

Anything that `git` reaches by https, http, ssh, its own protocol, or on this machine. Refused are
what a careful person would not type either: options in disguise, transports that run programs
(`ext::`), passwords within the address, and the folders of the embedded workspace itself.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from brickyard.workspace.kernel import Principal, denied, invalid

SCHEMES: Final = frozenset({"https", "http", "ssh", "git", "file"})
SCP: Final = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:(?!:)[^\s:][^\s]*")
PROVIDERS: Final = {
    "github.com": "gitHub",
    "gitlab.com": "gitLab",
    "bitbucket.org": "bitbucketCloud",
    "dev.azure.com": "azureDevOpsServices",
    "visualstudio.com": "azureDevOpsServices",
}
KNOWN_PROVIDERS: Final = (
    "gitHub",
    "gitHubOAuth",
    "gitHubEnterprise",
    "bitbucketCloud",
    "bitbucketServer",
    "gitLab",
    "gitLabEnterpriseEdition",
    "azureDevOpsServices",
    "azureDevOpsServicesAad",
    "awsCodeCommit",
)
BAD_REFERENCE: Final = re.compile(r"^[-./]|\.\.|[\x00-\x20\x7f~^:?*\[\\]|@\{|//|\.lock$|[./]$")


def checked_url(url: str, home: Path, caller: Principal) -> str:
    """The address, when `git` may be given it. Raises INVALID_PARAMETER_VALUE.

    PERMISSION_DENIED for a repository on this machine, which the server would read as the person
    who started it, and a caller who is no administrator.
    """
    if not url or url.startswith("-") or re.search(r"[\x00-\x20\x7f]", url):
        raise invalid("url is not the address of a Git repository")
    if "::" in url.split("/", 1)[0]:
        raise invalid("url names a transport that runs a program: use https, ssh or a path")
    is_here = url.startswith(("/", "file:"))
    if is_here and not caller.is_admin:
        raise denied("Repositories on this machine are for administrators of the workspace")
    if url.startswith("/"):
        return str(_outside(Path(url), home))
    if SCP.fullmatch(url):
        return url
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or "://" not in url:
        raise invalid(f"url must begin with {', '.join(sorted(SCHEMES))}:// or be an absolute path")
    if parts.password is not None or (parts.username and parts.scheme in {"http", "https"}):
        raise invalid("url has a user or password in it: make a Git credential instead")
    if parts.scheme == "file":
        _outside(Path(parts.path), home)
    elif not parts.hostname or parts.hostname.startswith("-"):
        raise invalid("url has no host")
    return url


def _outside(path: Path, home: Path) -> Path:
    real = path.resolve()
    if real.is_relative_to(home.resolve()):
        raise invalid("url leads into the embedded workspace's own data")
    return real


def checked_reference(name: str, kind: str) -> str:
    """A branch, a tag or a commit as Git allows it. Raises INVALID_PARAMETER_VALUE."""
    if not name or len(name) > 255 or BAD_REFERENCE.search(name):
        raise invalid(f"{kind} {name[:60]!r} is not a name that Git allows")
    return name


def provider_of(url: str, given: str) -> str:
    """The provider, as given or by its host; a repository on this machine needs none."""
    if given:
        by_name = {one.lower(): one for one in KNOWN_PROVIDERS}
        if given.lower() not in by_name:
            raise invalid(f"provider must be one of {', '.join(KNOWN_PROVIDERS)}, not {given!r}")
        return by_name[given.lower()]
    host = _host(url)
    for known, provider in PROVIDERS.items():
        if host == known or host.endswith(f".{known}"):
            return provider
    if not host:
        return "gitHub"  # on this machine there is nobody to log in to
    raise invalid(f"provider is required, as it can't be told from the address {host}")


def name_of(url: str) -> str:
    """What the folder of a repository is called when nobody says."""
    return (
        url.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git") or "repository"
    )


def _host(url: str) -> str:
    if SCP.fullmatch(url):
        return url.partition("@")[2].partition(":")[0]
    return urlsplit(url).hostname or "" if "://" in url else ""
