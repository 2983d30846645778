"""The few pages that an app's door shows itself."""

from __future__ import annotations

import html

FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 32rem; margin: 15vh auto; padding: 0 1rem }}
input {{ font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin: .5rem 0 }}
button {{ font: inherit; padding: .5rem 1rem }}
.fault {{ color: #b00020 }}
</style></head><body>{body}</body></html>
"""


def sign_in(app: str, workspace: str, after: str, fault: str = "") -> str:
    """The form that takes a token of the workspace."""
    told = f'<p class="fault" role="alert">{html.escape(fault)}</p>' if fault else ""
    body = f"""<h1>Sign in to {html.escape(app)}</h1>{told}
<p>Paste a token of workspace <b>{html.escape(workspace)}</b>. Yours is what
<code>brickyard env</code> prints as <code>DATABRICKS_TOKEN</code>.</p>
<form method="post" action="/.auth/login">
<input type="hidden" name="next" value="{html.escape(after, quote=True)}">
<label>Token<input type="password" name="token" autocomplete="off" autofocus required></label>
<button>Sign in</button></form>"""
    return FRAME.format(title=html.escape(app), body=body)


def note(text: str) -> str:
    """One sentence, which is HTML already."""
    return FRAME.format(title="App", body=f"<p>{text}</p>")
