"""The page of clients: client × version × feature × result, from the results of `make clients`.

`--write` makes `docs/clients.md` anew; without it, the exit code says whether the committed page is
what would be written. Nothing is run here: `tests/clients/harness.py` does that.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "clients"))

import harness  # noqa: E402

PAGE = ROOT / "docs" / "clients.md"
HEADER = """# Official clients that work against the embedded workspace

Written by `make clients` from what it saw; do not edit. Each client is unmodified, in an
environment of its own (`tests/clients/environments`), and talks to one embedded workspace. What
each row tries is the function of that feature in `tests/clients/probes`. A dash is a feature that
was not tried yet.
"""


def main() -> int:
    page = render()
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page)
        return 0
    if not PAGE.exists() or PAGE.read_text() != page:
        print("docs/clients.md is stale; run `make docs`", file=sys.stderr)
        return 1
    return 0


def render() -> str:
    """The whole page."""
    rows = [row for probe in harness.probes() for row in _rows(probe)]
    parts = [HEADER, "| Client | Version | Feature | Result |\n|---|---|---|---|"]
    for client, version, feature, result, detail in sorted(rows, key=lambda row: row[:2]):
        shown = {True: "works", False: f"**fails**: {_cell(detail)}", None: "–"}[result]
        parts.append(f"| {client} | {version} | {_cell(feature)} | {shown} |")
    return "\n".join(parts) + "\n"


def _rows(probe: harness.Probe) -> Iterator[tuple[str, str, str, bool | None, str]]:
    """(client, version, feature, result, why not); no result for what was never tried."""
    kept = harness.kept(probe) or {"client": harness.packages(probe.client), "results": {}}
    version = next(iter(kept["client"].values()))
    for function, feature in probe.features.items():
        found = kept["results"].get(function)
        works = None if found is None else bool(found["works"])
        yield probe.client, version, feature, works, "" if found is None else found["detail"]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.exit(main())
