"""The `brickyard` command.

A command's code, and the rooms it needs, are imported when it runs: `brickyard --help` loads click
and the table below, nothing else.
"""

from __future__ import annotations

import sys

from brickyard.cli.commands import CommandTable, Listed

BUNDLE_COMMANDS = (
    Listed("init", "init_commands:init", "Start a project from a template."),
    Listed("validate", "bundle_commands:validate", "Check the bundle; works offline."),
    Listed("build", "build_commands:build", "Build the artifacts; deploy nothing."),
    Listed("plan", "bundle_commands:plan", "Show what a deploy would change."),
    Listed("deploy", "bundle_commands:deploy", "Make the workspace match the bundle."),
    Listed("destroy", "bundle_commands:destroy", "Delete everything the bundle deployed."),
    Listed("run", "run_commands:run", "Run a job, a script or any command."),
    Listed("summary", "bundle_commands:summary", "List deployed resources and their URLs."),
    Listed("sync", "sync_commands:sync", "Upload the changed files, once or while you edit."),
    Listed("open", "open_commands:open_", "Open a deployed resource in the browser."),
    Listed("generate", "generate_commands:generate", "Write configuration for existing objects."),
    Listed("schema", "schema_commands:schema", "Print the JSON schemas for editors."),
    Listed("deployment", "deployment_commands:deployment", "Bind existing objects, or let go."),
    Listed("state", "deployment_commands:state", "Rename what is recorded."),
)
# The official CLI lists these nowhere either.
UNLISTED_COMMANDS = (
    Listed(
        "config-remote-sync",
        "config_sync_commands:config_remote_sync",
        "Bring changes of the workspace into the files.",
    ),
    Listed("debug", "debug_commands:debug", "Say what a bundle consists of, for editors."),
)
WORKSPACE_COMMANDS = (
    Listed("up", "workspace_commands:up", "Start the embedded workspace."),
    Listed("down", "workspace_commands:down", "Stop the embedded workspace."),
    Listed("status", "workspace_commands:status", "Say what runs, where, and what is enforced."),
    Listed("logs", "workspace_commands:logs", "Show the embedded workspace's log."),
    Listed("reset", "workspace_commands:reset", "Delete everything the embedded workspace holds."),
    Listed("env", "workspace_commands:env", "Print the exports for any Databricks client."),
    Listed("exec", "workspace_commands:exec_", "Run a command against the embedded workspace."),
)
RELEASE_COMMANDS = (
    Listed(
        "environments", "environments_commands:environments", "Show environments, or make them so."
    ),
    Listed("policy", "policy_commands:policy", "Check the bundle against the data policy."),
    Listed("release", "release_commands:release", "Promote, list and roll back releases."),
    Listed("drift", "drift_commands:drift", "Say what is no longer as it was released."),
    Listed(
        "doctor", "doctor_commands:doctor", "Look at the project for what makes such ones fail."
    ),
    Listed("ci", "ci_commands:ci", "CI/CD pipelines: write, check, run here."),
)
OTHER_COMMANDS = (
    Listed("choose", "choose_commands:choose_command", "Stack or bundle, Git folder or API?"),
    Listed("git-folders", "git_folder_commands:git_folders", "Repositories in a workspace."),
    Listed("bundle", "bundle_commands:bundle", "The same verbs, as the official CLI spells them."),
    Listed("completion", "completion:completion", "Print shell completion for bash, zsh or fish."),
)

SECTIONS = (
    ("Bundle", BUNDLE_COMMANDS),
    ("Release", RELEASE_COMMANDS),
    ("Embedded workspace", WORKSPACE_COMMANDS),
    ("Other", OTHER_COMMANDS),
)


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; the exit code."""
    from brickyard.cli.dialect import remember
    from brickyard.cli.failures import guarded

    remember(official=False)

    def work() -> int:
        return guarded(lambda: root()(arguments, prog_name="brickyard", standalone_mode=False))

    try:
        if not _fails_in_json(arguments):
            return work()
        from brickyard.cli.json_failures import with_json_failures

        return with_json_failures(work)
    finally:
        remember(official=False)


def _fails_in_json(arguments: list[str]) -> bool:
    """Whether the command is one of ours, and asked for JSON."""
    from brickyard.cli.json_failures import wants_json

    ours = {one.name for one in (*RELEASE_COMMANDS, *WORKSPACE_COMMANDS, *OTHER_COMMANDS)}
    named = next((word for word in arguments if not word.startswith("-")), "")
    return named in ours - {"bundle"} and wants_json(arguments)


def root() -> CommandTable:
    """The top of the command tree."""
    return CommandTable(
        name="brickyard",
        help="Assemble and deploy generative solutions, on Databricks or on one machine.",
        sections=SECTIONS,
        has_version=True,
    )
