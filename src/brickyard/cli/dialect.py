"""How much a command says: `brickyard bundle deploy` what the official CLI says, and no more.

Scripts and people that come from `databricks bundle` find its lines; the short verbs (`brickyard
deploy`) add what ours know beside them: where to, which fields and why, what each deletion loses.
"""

from __future__ import annotations

import click


def is_official() -> bool:
    """Whether the command was called below `bundle`."""
    context = click.get_current_context(silent=True)
    while context is not None and context.parent is not None:
        if context.info_name == "bundle" and context.parent.parent is None:
            return True
        context = context.parent
    return False
