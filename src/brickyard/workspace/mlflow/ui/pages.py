"""The page that a browser sees before MLflow's own: where a token is pasted."""

from __future__ import annotations

import html

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>MLflow of {workspace}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto }}
body {{ padding: 0 1rem }}
input {{ font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin: .5rem 0 }}
button {{ font: inherit; padding: .5rem 1rem }}
.fault {{ color: #b00020 }}
</style></head><body><h1>MLflow of workspace {workspace}</h1>{told}
<p>Paste a token of this workspace. Yours is what
<code>brickyard env --workspace {workspace}</code> prints as <code>DATABRICKS_TOKEN</code>.</p>
<form method="post" action="{action}">
<input type="hidden" name="next" value="">
<label>Token<input type="password" name="token" autocomplete="off" autofocus required></label>
<button>Sign in</button></form>
<script>
const path = location.pathname;
const after = location.hash || (path.startsWith("/ml/") ? "#" + path.slice(3) : "");
document.querySelector("[name=next]").value = after;
</script>
</body></html>
"""


def sign_in(workspace: str, action: str, fault: str = "") -> str:
    told = f'<p class="fault" role="alert">{html.escape(fault)}</p>' if fault else ""
    return PAGE.format(workspace=html.escape(workspace), action=action, told=told)
