"""A bundle on disk, resolved for one target, and the workspace it goes to: the edge of this room.

Everything from outside is gathered here (files, git, environment, who is calling) and handed to the
pure rooms. Resolving is repeated when an answer changes what is known: first to learn where the
target lives, then as whoever deploys there, then with its look-ups answered. Offline, the
identities of embedded workspaces are known; for a real host a placeholder stands in, and says so.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from brickyard import bundle
from brickyard.bundle import (
    UNKNOWN_USER,
    BundleFiles,
    CurrentUser,
    Facts,
    GitFacts,
    Resolved,
    resolve,
    resolve_target,
)
from brickyard.bundle.json_faults import json_fault
from brickyard.deploy import git
from brickyard.deploy.artifact_path import CODE as ARTIFACT_PATH
from brickyard.deploy.artifact_path import check_artifact_path
from brickyard.deploy.connect import (
    Address,
    NoAuthentication,
    address,
    connect,
    wrong_profile,
)
from brickyard.deploy.disk import DiskFiles, find_root, root_file
from brickyard.deploy.embedded import Embedded, home_folder, identity
from brickyard.deploy.existing_clusters import check_existing_clusters
from brickyard.deploy.hooks import RESTRICTED, run_script_of
from brickyard.deploy.http import ApiFailure, Unreachable, Workspace
from brickyard.deploy.lookups import NoAnswer, answer
from brickyard.deploy.python import PythonRunner
from brickyard.deploy.remote_files import RemoteFiles
from brickyard.deploy.state_store import StateStore
from brickyard.deploy.sync_set import SyncRules
from brickyard.values import Diagnostic, Severity, error

# How to reach a workspace for a quick question; None when that can't be done at once.
Ask: TypeAlias = Callable[[Address, Mapping[str, str], Embedded], Workspace | None]
# What the official CLI shows of SCIM Me under `workspace.current_user`.
SCIM: Final = (
    "active",
    "displayName",
    "emails",
    "entitlements",
    "externalId",
    "groups",
    "id",
    "name",
    "roles",
    "schemas",
    "userName",
)
PLACEHOLDER: Final = CurrentUser(user_name=UNKNOWN_USER, display_name="unknown")


class BrokenBundle(Exception):
    """The bundle has errors; `diagnostics` are all findings, warnings included."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("the bundle has errors")
        self.diagnostics = tuple(diagnostics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One bundle for one target. `client` is there once the workspace was asked something."""

    root: Path
    resolved: Resolved
    facts: Facts
    address: Address
    repository: git.Repository | None
    environment: Mapping[str, str]
    embedded: Embedded
    client: Workspace | None = None
    target: str | None = None
    variables: tuple[tuple[str, str], ...] = ()
    python: PythonRunner | None = None
    sources: BundleFiles  # as they were read: a command sees one state of the files
    # Artifacts are built once per command, not once per question.
    built: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def workspace(self) -> Workspace:
        """The client; a project opened offline has none."""
        if self.client is None:
            raise RuntimeError("this project was opened offline")
        return self.client

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.resolved.diagnostics

    @property
    def user(self) -> CurrentUser:
        return self.facts.user

    @property
    def files(self) -> RemoteFiles:
        return RemoteFiles(self.workspace)

    @property
    def folder(self) -> Path:
        """Where this machine keeps what it knows of the deployment: `.databricks/bundle/<target>`.

        An embedded workspace is another deployment of the same target, and so has its own folder.
        """
        base = self.environment.get("DATABRICKS_BUNDLE_TMP")
        folder = Path(base) if base else self.root / ".databricks" / "bundle"
        folder = folder / self.resolved.target
        if not self.address.is_embedded:
            return folder
        return folder / "embedded" / _digest(str(self.embedded.home))

    @property
    def disk(self) -> DiskFiles:
        """The bundle's files as they lie on disk."""
        return DiskFiles(self.root)

    @property
    def store(self) -> StateStore:
        return StateStore(
            folder=self.folder,
            remote_folder=self.path("state_path"),
            files=self.files,
            trusts_remote=self.address.is_embedded,
        )

    @property
    def sync_rules(self) -> SyncRules:
        plan = self.resolved.sync
        return SyncRules(
            root=Path(os.path.normpath(self.root / plan.root)),
            paths=plan.paths,
            include=plan.include,
            exclude=plan.exclude,
        )

    def path(self, name: str) -> str:
        """One of the target's absolute workspace paths, such as `state_path`."""
        return self.text(f"workspace.{name}")

    def text(self, path: str) -> str:
        found = self.resolved.tree.get(path)
        return found.text if found is not None else ""


def load_project(
    root: Path | str,
    target: str | None = None,
    *,
    variables: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    environment: Mapping[str, str] | None = None,
    profile: str | None = None,
    local: bool = False,
    start: Callable[[], None] | None = None,
    ask: Ask | None = None,
    say: Callable[[str], None] | None = None,
    cluster_id: str = "",
    bad_assignment: str = "",
) -> Project:
    """The project, as far as it can be known offline. Errors of the bundle are in `diagnostics`.

    With `say` the bundle's `preinit` script runs first, and `say` is told what it prints.

    With `ask` (`connect.reach`) the workspace is asked who calls, and the look-ups, if it can be
    done at once: with credentials that are there, and a workspace that answers.
    """
    surroundings = os.environ if environment is None else environment
    folder = find_root(Path(root), surroundings)
    repository = git.look_up(folder)
    given = variables.items() if isinstance(variables, Mapping) else variables
    known = dict(given)
    facts = Facts(
        user=PLACEHOLDER,
        root=folder.resolve().as_posix(),
        git=_git_facts(repository, folder),
        host=surroundings.get("DATABRICKS_HOST"),
        environment=surroundings,
        cluster_id=cluster_id,
        bad_assignment=bad_assignment,
    )
    files = BundleFiles(DiskFiles(folder))
    if say is not None and _prepared(files, folder, surroundings, say):
        files = BundleFiles(DiskFiles(folder))
    first = resolve_target(files, facts=facts, target=target, variables=known)
    overrides = _overrides(folder, first.target, surroundings)
    problem = overrides if isinstance(overrides, Diagnostic) else None
    where = address(
        environment_name=first.environment,
        settings={
            name: value.text for name, value in _section(first, "workspace").items() if value.text
        },
        environment=surroundings,
        profile=profile,
        local=local,
    )
    runner = None if surroundings.get(RESTRICTED) else PythonRunner(folder, surroundings)
    embedded = Embedded(home=home_folder(surroundings), start=start)
    wrong = wrong_profile(where, surroundings)
    user, client, silence = _caller(where, surroundings, embedded, ask if wrong is None else None)
    facts = replace(
        facts,
        user=user,
        overrides=None if isinstance(overrides, Diagnostic) else overrides,
        overrides_problem=problem,
        profile=(where.profile or "") if client is not None else "",
        auth_problem=wrong.diagnostic() if wrong is not None else None,
        host=client.host if client else where.host,
    )
    project = Project(
        root=folder,
        resolved=resolve(files, facts=facts, target=target, variables=known, run_python=runner),
        python=runner,
        facts=facts,
        address=where,
        repository=repository,
        environment=surroundings,
        embedded=embedded,
        client=client,
        target=target,
        variables=tuple(known.items()),
        sources=files,
    )
    if client is not None and project.resolved.questions:
        project = _answered(project, client)
    if client is not None and not project.resolved.has_errors:
        found = (
            *project.diagnostics,
            *check_artifact_path(project.resolved, client),
            *check_existing_clusters(project.resolved, client, say),
        )
        project = replace(project, resolved=replace(project.resolved, diagnostics=found))
    is_known = user is not PLACEHOLDER or wrong is not None
    return project if is_known else _with_note(project, silence)


def _prepared(
    files: BundleFiles, folder: Path, environment: Mapping[str, str], say: Callable[[str], None]
) -> bool:
    """True when the bundle has a `preinit` script, which has run: files may be new."""
    read = files.parsed(root_file(folder) or "")
    return read is not None and run_script_of(read[0], "preinit", folder, environment, say)


def _caller(
    where: Address,
    environment: Mapping[str, str],
    embedded: Embedded,
    ask: Ask | None,
) -> tuple[CurrentUser, Workspace | None, str]:
    """Who calls, through which client if any was asked, and why nobody was."""
    silence = f"{where.host or 'the workspace'} was not asked"
    try:
        client = ask(where, environment, embedded) if ask is not None else None
        if client is not None:
            return who_am_i(client), client, ""
    except (NoAuthentication, ApiFailure, Unreachable, OSError) as failure:
        silence = str(failure)
    if where.environment is not None:
        who = identity(where.environment, _os_user())
        return CurrentUser(user_name=who.user_name, display_name=who.display_name), None, ""
    return PLACEHOLDER, None, silence


def settings_of(project: Project) -> Resolved:
    """All but the resources, as the files say it now."""
    return resolve_target(
        BundleFiles(project.disk),
        facts=project.facts,
        target=project.target,
        variables=dict(project.variables),
    )


def _answered(project: Project, client: Workspace) -> Project:
    """The project with its look-ups answered; one that can't be is an error of the bundle."""
    try:
        answers = answer(project.resolved.questions, client)
    except NoAnswer as failure:
        # Nothing after the settings can be trusted.
        settings = resolve_target(
            project.sources,
            facts=project.facts,
            target=project.target,
            variables=dict(project.variables),
        )
        found = (*settings.diagnostics, unanswered(failure))
        return replace(project, resolved=replace(settings, diagnostics=found))
    facts = replace(project.facts, answers=answers)
    return replace(project, facts=facts, resolved=_resolve_again(project, facts))


def connect_project(project: Project, *, tolerates: Collection[str] = ()) -> Project:
    """The project with a client, resolved as the real user and with its look-ups answered.

    Raises `BrokenBundle` when it has errors but these, and the errors of connecting.
    """
    stop_on_errors(project.resolved, but=(OFFLINE_CODE, *NAMES_USER, *tolerates))
    client = connect(project.address, project.environment, project.embedded)
    facts = replace(project.facts, user=who_am_i(client), host=client.host)
    resolved = _resolve_again(project, facts)
    if resolved.questions:
        try:
            answers = answer(resolved.questions, client)
        except NoAnswer as failure:
            raise BrokenBundle((*resolved.diagnostics, unanswered(failure))) from failure
        facts = replace(facts, answers=answers)
        resolved = _resolve_again(project, facts)
    stop_on_errors(resolved, but=tolerates)
    if ARTIFACT_PATH not in tolerates and (found := check_artifact_path(resolved, client)):
        raise BrokenBundle((*resolved.diagnostics, *found))
    if project.client is None and (found := check_existing_clusters(resolved, client)):
        raise BrokenBundle((*resolved.diagnostics, *found))
    return replace(project, facts=facts, resolved=resolved, client=client)


def open_project(
    root: Path | str,
    target: str | None = None,
    *,
    variables: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    environment: Mapping[str, str] | None = None,
    profile: str | None = None,
    local: bool = False,
    start: Callable[[], None] | None = None,
) -> Project:
    """Load and connect. Raises `BrokenBundle` when the bundle has errors."""
    return connect_project(
        load_project(
            root,
            target,
            variables=variables,
            environment=environment,
            profile=profile,
            local=local,
            start=start,
        )
    )


def unanswered(failure: NoAnswer) -> Diagnostic:
    """A look-up without an answer, at the place of the look-up."""
    question = failure.question
    return Diagnostic(
        severity=Severity.ERROR,
        code="deploy/look-up",
        summary=str(failure),
        detail=failure.way_out,
        path=question.id,
        locations=question.value.locations,
    )


def who_am_i(client: Workspace) -> CurrentUser:
    """SCIM Me."""
    me = client.get("/api/2.0/preview/scim/v2/Me")
    return CurrentUser(
        user_name=str(me.get("userName", "")),
        display_name=str(me.get("displayName") or me.get("userName", "")),
        id=str(me.get("id", "")),
        groups=tuple(str(group.get("display", "")) for group in me.get("groups") or ()),
        record={name: value for name, value in me.items() if name in SCIM and value},
    )


OFFLINE_CODE: Final = "deploy/offline"
# What stops a plan and a deploy, but nothing that is done with what is deployed already.
# Errors that say who deploys, as far as they are known.
NAMES_USER: Final = ("bundle/production-root",)
OF_DEPLOYS: Final = frozenset({*bundle.OF_DEPLOYS, ARTIFACT_PATH})


def stop_on_errors(resolved: Resolved, *, but: Collection[str] = ()) -> None:
    errors = [
        found
        for found in resolved.diagnostics
        if found.severity is Severity.ERROR and found.code not in but
    ]
    if errors:
        raise BrokenBundle(resolved.diagnostics)


def stop_on_refusals(diagnostics: Sequence[Diagnostic]) -> None:
    """Raise `BrokenBundle` when the service would refuse part of the bundle."""
    refused = [one for one in diagnostics if one.stops_deploy]
    errors = [one for one in diagnostics if one.severity is Severity.ERROR]
    if refused and not errors:
        raise BrokenBundle([replace(one, severity=Severity.ERROR) for one in refused])


def _resolve_again(project: Project, facts: Facts) -> Resolved:
    return resolve(
        project.sources,
        facts=facts,
        target=project.target,
        variables=dict(project.variables),
        run_python=project.python,
    )


def _with_note(project: Project, silence: str) -> Project:
    note = Diagnostic(
        severity=Severity.RECOMMENDATION,
        code=OFFLINE_CODE,
        summary="checked without asking the workspace who you are",
        detail=(
            f"The user stands as {PLACEHOLDER.user_name} in paths and names, because {silence}."
            " A deploy asks it."
        ),
    )
    resolved = replace(project.resolved, diagnostics=(*project.resolved.diagnostics, note))
    return replace(project, resolved=resolved)


def _section(resolved: Resolved, name: str) -> Mapping[str, Any]:
    found = resolved.tree.get(name)
    return found.items if found is not None else {}


def _git_facts(repository: git.Repository | None, folder: Path) -> GitFacts | None:
    if repository is None:
        return None
    top = repository.worktree.resolve()
    inside = folder.relative_to(top).as_posix() if folder.is_relative_to(top) else "."
    return GitFacts(
        branch=repository.branch,
        commit=repository.commit,
        origin_url=repository.origin_url,
        bundle_root_path=inside,
        worktree=str(top),
    )


def _overrides(
    folder: Path, target: str, environment: Mapping[str, str]
) -> Mapping[str, Any] | Diagnostic | None:
    """What the file of overrides says, or what is wrong with it."""
    base = environment.get("DATABRICKS_BUNDLE_TMP")
    place = Path(base) if base else folder / ".databricks" / "bundle"
    path = place / target / "variable-overrides.json"
    try:
        text = path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return None
    try:
        data = json.loads(text)
    except json.JSONDecodeError as fault:
        return error(
            "deploy/overrides-not-json",
            f"failed to parse variables file {path}: error decoding JSON at"
            f" {path}:{json_fault(text, fault)}",
            f"Mend or delete {path}.",
        )
    if not isinstance(data, dict):
        return error(
            "deploy/overrides-not-a-map",
            f"failed to parse variables file {path}: invalid format",
            'Write a JSON object: `{"name": "value"}`.',
            is_explained=True,
        )
    return data


def _os_user() -> str:
    """The name of whoever runs this; a container may give its user none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "user"


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:12]
