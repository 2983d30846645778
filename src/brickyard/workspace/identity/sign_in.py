"""Signing in with a browser: the form that takes a token, and the session it begins.

Every page of the workspace sends strangers here and is where they are led afterwards.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from brickyard.workspace.kernel import ApiError, Call, Reply, Route, WorkspaceInfo

LOGIN: Final = "/login"
HTML: Final = "text/html; charset=utf-8"
# Of every page: nothing from elsewhere, and in nobody else's frame.
GUARDED: Final[Mapping[str, str]] = {
    "Content-Type": HTML,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
}
FORM: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in to {title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto }}
body {{ padding: 0 1rem }}
input {{ font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin: .5rem 0 }}
button {{ font: inherit; padding: .5rem 1rem }}
.fault {{ color: #b00020 }}
</style></head><body><h1>Sign in to {title}</h1>{told}
<p>Paste a token of workspace <b>{workspace}</b>. Yours is what
<code>brickyard env --workspace {workspace}</code> prints as <code>DATABRICKS_TOKEN</code>.</p>
<form method="post" action="{action}">
<input type="hidden" name="next" value="{after}">
<label>Token<input type="password" name="token" autocomplete="off" autofocus required></label>
<button>Sign in</button></form>{script}</body></html>
"""
# What follows '#' never reaches the server: only the browser can say where it was going.
SCRIPT: Final = """<script>
const next = document.querySelector("[name=next]");
if (!next.value) next.value = location.pathname + location.search + location.hash;
</script>"""


def form(title: str, workspace: str, action: str, *, after: str = "", fault: str = "") -> str:
    """A page that takes a token; without `after` it leads back to where the browser is."""
    return FORM.format(
        title=html.escape(title),
        workspace=html.escape(workspace),
        action=action,
        after=html.escape(after, quote=True),
        told=f'<p class="fault" role="alert">{html.escape(fault)}</p>' if fault else "",
        script="" if after else SCRIPT,
    )


def inside(address: str) -> str:
    """The address if it leads to a path of the same server; else '/'."""
    is_here = address.startswith("/") and not address.startswith(("//", "/\\"))
    try:
        is_here = is_here and not urlsplit(address).netloc
    except ValueError:
        return "/"
    return address if is_here and address.isascii() and address.isprintable() else "/"


def asked_of(workspace: WorkspaceInfo) -> Reply:
    """The form, in place of a page that nobody has signed in for."""
    return page(form(_title(workspace), workspace.name, LOGIN), status=401)


def wants_html(call: Call) -> bool:
    return "text/html" in call.header("accept")


def page(text: str, *, status: int = 200) -> Reply:
    return Reply(status=status, body=text.encode(), headers=dict(GUARDED))


def led_to(address: str) -> Reply:
    return Reply(status=303, headers={"Location": address})


def log_in(call: Call) -> Reply:
    given = {name: values[-1] for name, values in parse_qs(call.body().decode("latin-1")).items()}
    sessions, token = call.engines.identity.sessions, given.get("token", "").strip()
    after = inside(given.get("next", ""))
    try:
        cookie = sessions.begin(call.headers, call.workspace, token)
    except ApiError as refused:
        if not wants_html(call):
            raise
        text = form(
            _title(call.workspace), call.workspace.name, LOGIN, after=after, fault=refused.message
        )
        return page(text, status=refused.status)
    reply = led_to(after)
    reply.headers["Set-Cookie"] = cookie
    return reply


def log_out(call: Call) -> Reply:
    reply = led_to("/")
    reply.headers["Set-Cookie"] = call.engines.identity.sessions.end(call.workspace)
    return reply


def _title(workspace: WorkspaceInfo) -> str:
    return f"workspace {workspace.name}"


ROUTES: Final = (
    Route("POST", LOGIN, log_in, auth=False),
    Route("POST", "/logout", log_out, browser=True),
)
