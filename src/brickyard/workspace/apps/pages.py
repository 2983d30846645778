"""The few pages that an app's door shows itself."""

from __future__ import annotations

FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 32rem; margin: 15vh auto; padding: 0 1rem }}
</style></head><body>{body}</body></html>
"""


def note(text: str) -> str:
    """One sentence, which is HTML already."""
    return FRAME.format(title="App", body=f"<p>{text}</p>")
