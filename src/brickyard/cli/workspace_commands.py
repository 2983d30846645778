"""`up`, `down`, `status`, `logs`, `reset`, `env`, `exec`: the embedded workspace from the shell."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from brickyard.cli import embedded
from brickyard.cli.embedded import NAMES, Address, Embedded, EmbeddedFault
from brickyard.cli.failures import Refused
from brickyard.cli.live import LiveLine

OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Output format; default: text.",
)
WORKSPACE = click.option(
    "--workspace",
    type=click.Choice(NAMES),
    default="dev",
    show_default=True,
    help="The workspace that DATABRICKS_HOST and DATABRICKS_TOKEN point to.",
)
NOT_FOUND_EXIT, NOT_EXECUTABLE_EXIT = 127, 126  # as shells say it
NO_TLS = (
    "the embedded workspace runs without TLS; start it again: brickyard down, then"
    " brickyard up --detach --tls"
)
LOGS = {"server": "server.log", "requests": "access.log", "output": "server.out"}


@click.command()
@click.option("--detach", is_flag=True, help="Start in the background and return.")
@click.option("--ports", metavar="DEV,STAGING,PROD", help="Loopback ports; 0 takes a free one.")
@click.option("--tls", is_flag=True, help="Also listen with TLS, for clients that insist on it.")
@OUTPUT
def up(detach: bool, ports: str | None, tls: bool, output: str) -> None:
    """Start the embedded workspace: dev, staging and prod over one metastore."""
    _check_ports(ports)
    with _faults():
        found = embedded.running()
        fresh = found is None
        started = time.monotonic()
        if found is None:
            with LiveLine("starting the embedded workspace", is_silent=output == "json"):
                found = embedded.start(ports=ports, tls=tls)
    if tls and not found.workspaces["dev"].tls_host:
        raise click.ClickException(NO_TLS)
    if output == "json":
        click.echo(json.dumps(_summary(found), indent=2))
    else:
        spent = f" in {time.monotonic() - started:.1f} s" if fresh else " already"
        click.echo(f"The embedded workspace is up{spent}; its data is in {embedded.home()}")
        _show_addresses(found)
        click.echo('Point any official client at it: eval "$(brickyard env)"')
        if tls:
            click.echo('One that insists on TLS: eval "$(brickyard env --tls)"')
    if detach:
        return
    if not fresh:
        click.echo("It runs in the background; stop it with: brickyard down", err=True)
        return
    click.echo("Press Ctrl-C to stop it.", err=True)
    _stay_with(found)


@click.command()
def down() -> None:
    """Stop the embedded workspace. Nothing that was acknowledged is lost."""
    with _faults(), LiveLine("stopping the embedded workspace"):
        stopped = embedded.stop()
    click.echo("The embedded workspace is stopped." if stopped else "It was not running.")


@click.command()
@OUTPUT
def status(output: str) -> None:
    """Show the embedded workspace: addresses, engines, and what this platform can't enforce.

    Exit code 3 when it is not running.
    """
    with _faults():
        found = embedded.running()
        if found is None:
            if output == "json":
                click.echo(json.dumps({"running": False, "home": str(embedded.home())}))
            else:
                click.echo("Not running. Start it with: brickyard up --detach")
            sys.exit(3)
        facts = embedded.get(found.workspaces["dev"], "/api/2.0/brickyard/status")
    if output == "json":
        click.echo(json.dumps({"running": True, **_summary(found), **facts}, indent=2))
        return
    _show_addresses(found)
    rows = {
        "Up since": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.started)),
        "Process": f"{found.pid}, {facts['memory_bytes'] / 1e6:.0f} MB",
        "Data": str(embedded.home()),
        "MLflow": facts["mlflow"],
        "Spark engines": str(facts["spark_engines"]),
        "Enforcement": facts["enforcement"],
    }
    for name, value in rows.items():
        click.echo(f"{name:<14} {value}")


@click.command(short_help="Print the embedded workspace's log.")
@click.option("-f", "--follow", is_flag=True, help="Keep printing what is added.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=1),
    default=50,
    metavar="NUMBER",
    help="Lines from the end; default: 50.",
)
@click.argument("which", type=click.Choice(list(LOGS)), default="server")
def logs(which: str, lines: int, follow: bool) -> None:
    """Print the log of the server, of its requests, or what it wrote to its terminal."""
    path = embedded.home() / "logs" / LOGS[which]
    if not path.exists():
        raise click.ClickException(f"no log yet: {path} appears when the workspace starts")
    with path.open(errors="replace") as file:
        for line in file.readlines()[-lines:]:
            click.echo(line, nl=False)
        while follow:
            line = file.readline()
            if line:
                click.echo(line, nl=False)
            else:
                time.sleep(0.2)


SETTINGS = "gateway.yml"  # which models answer: written by hand, so no data of the workspace


@click.command()
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--environments", is_flag=True, help="Also remove the cached Python environments.")
def reset(auto_approve: bool, environments: bool) -> None:
    """Delete everything that the embedded workspace holds: tables, models, files, runs, secrets."""
    root = embedded.home()
    if not (root / "brickyard.db").exists():
        click.echo(f"Nothing to delete: {root} holds no workspace.")
        return
    if not auto_approve:
        if not sys.stdin.isatty():
            raise click.ClickException("this deletes all data; pass --auto-approve to confirm")
        click.confirm(f"Delete all tables, models, files and runs in {root}?", abort=True)
    with _faults(), LiveLine("stopping the embedded workspace") as line:
        embedded.stop()
        line.doing("deleting its data")
        _delete(root, keep=(SETTINGS,) if environments else (SETTINGS, "environments"))
    click.echo(f"Deleted what was in {root}.")


def _delete(root: Path, *, keep: Collection[str]) -> None:
    for path in root.iterdir():
        if path.name in keep:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@click.command()
@WORKSPACE
@click.option("--tls", is_flag=True, help="By TLS, as Databricks Connect wants it.")
@OUTPUT
def env(workspace: str, tls: bool, output: str) -> None:
    """Print the exports that point an official client at the embedded workspace."""
    with _faults():
        found = _need(embedded.running())
    address = found.workspaces[workspace]
    if tls and not address.tls_host:
        raise click.ClickException(NO_TLS)
    variables = _tls_variables(address) if tls else _variables(address)
    if output == "json":
        click.echo(json.dumps(variables, indent=2))
        return
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command(name="exec", context_settings={"ignore_unknown_options": True})
@WORKSPACE
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(workspace: str, command: tuple[str, ...]) -> None:
    """Run a command against the embedded workspace: started before and stopped after, if need be.

    The command's exit code is passed on. DATABRICKS_HOST_DEV, _STAGING, _PROD and the tokens with
    the same suffixes are set too.
    """
    with _faults(), LiveLine("starting the embedded workspace"):
        was_up = embedded.running() is not None
        found = embedded.ensure()
    variables = _variables(found.workspaces[workspace])
    for name, address in found.workspaces.items():
        for key, value in _variables(address).items():
            variables[f"{key}_{name.upper()}"] = value
    try:
        ran = subprocess.run(command, env=_without_other_auth() | variables, check=False)
    except FileNotFoundError:
        raise Refused(f"no such command: {command[0]}", exit_code=NOT_FOUND_EXIT) from None
    except OSError as fault:
        raise Refused(
            f"cannot run {command[0]}: {fault.strerror}", exit_code=NOT_EXECUTABLE_EXIT
        ) from None
    finally:
        if not was_up:
            embedded.stop()
    code = ran.returncode
    sys.exit(code if code >= 0 else 128 - code)


def _variables(address: Address) -> dict[str, str]:
    return {"DATABRICKS_HOST": address.host, "DATABRICKS_TOKEN": address.token}


def _tls_variables(address: Address) -> dict[str, str]:
    """With the certificates to trust, ours and the usual ones, for requests, OpenSSL and gRPC."""
    bundle = str(embedded.home() / "run" / "tls-bundle.pem")
    trusting = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")
    return {**_variables(address), "DATABRICKS_HOST": address.tls_host} | dict.fromkeys(
        trusting, bundle
    )


def _without_other_auth() -> dict[str, str]:
    """The environment less what would make a client choose another workspace or method."""
    other = ("DATABRICKS_CONFIG_PROFILE", "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET")
    drop = (*other, "DATABRICKS_AUTH_TYPE", "DATABRICKS_ACCOUNT_ID")
    return {key: value for key, value in os.environ.items() if key not in drop}


def _need(found: Embedded | None) -> Embedded:
    if found is None:
        raise EmbeddedFault("the embedded workspace is not running; run: brickyard up --detach")
    return found


def _check_ports(ports: str | None) -> None:
    if ports is None:
        return
    parts = ports.split(",")
    if len(parts) != len(NAMES) or not all(p.isdigit() and int(p) < 65536 for p in parts):
        raise click.BadParameter("three port numbers, as in 8471,8472,8473", param_hint="--ports")


def _summary(found: Embedded) -> dict[str, Any]:
    """What machines may know of a running server; tokens are left to `env`."""
    return {
        "pid": found.pid,
        "home": str(embedded.home()),
        "workspaces": {
            name: {"host": one.host, "workspace_id": one.workspace_id, "user": one.user}
            for name, one in found.workspaces.items()
        },
    }


def _show_addresses(found: Embedded) -> None:
    width = max(len(one.host) for one in found.workspaces.values())
    for name, one in found.workspaces.items():
        click.echo(f"  {name:<8} {one.host:<{width}}  catalog {name:<8} deploys as {one.user}")


def _stay_with(found: Embedded) -> None:
    """Until the server ends, or Ctrl-C ends it."""
    try:
        while embedded.running() is not None:
            time.sleep(1)
        raise click.ClickException("the server ended; `brickyard logs` says why")
    except KeyboardInterrupt:
        embedded.stop()
        click.echo("\nStopped.", err=True)


@contextmanager
def _faults() -> Iterator[None]:
    """Turns an `EmbeddedFault` into a clean command-line error."""
    try:
        yield
    except EmbeddedFault as fault:
        raise click.ClickException(str(fault)) from None
