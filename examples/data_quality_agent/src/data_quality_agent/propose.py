"""The deterministic proposer: rules that the statistics of a table suggest, the same every time.

It knows nothing about flights or weather. Keys, references and dominant shapes need a few more
queries than the profile; each proposal is checked afterwards like anybody else's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product

from data_quality_agent.check import TOLERATED
from data_quality_agent.profile import Column, Profile
from data_quality_agent.rules import Rule, quoted
from data_quality_agent.tables import Tables

MOST_CATEGORIES = 20
FAR = 10.0  # how many times the spread from median to outer percentile is still plausible
FEW_NUMBERS = 100
MARGIN = 0.1  # beyond the extremes, as a share of the spread: tomorrow's data may go further
DOMINANT = 0.999  # share of rows that makes a shape the rule
MOST_KEY_COLUMNS = 5
SAMPLE_ROWS = 50_000
ALIKE = 0.05  # null counts this close together suggest one cause


def propose_rules(tables: Tables, profile: Profile) -> list[Rule]:
    if not profile.rows:
        return []
    key = find_key(tables, profile)
    return [
        *_not_null(profile),
        *_ranges(profile),
        *_categories(profile),
        *_shapes(tables, profile),
        *_null_together(profile),
        *([key] if key else []),
        *_references(tables, profile),
    ]


def _not_null(profile: Profile) -> Iterator[Rule]:
    for column in profile.columns.values():
        if column.nulls <= TOLERATED * profile.rows:
            reason = f"{column.nulls} of {profile.rows} values are missing"
            yield Rule(kind="not_null", columns=(column.name,), reason=reason)


def _ranges(profile: Profile) -> Iterator[Rule]:
    for column in profile.columns.values():
        if column.is_number and column.distinct > 1:
            q = column.quantiles
            reason = f"98 % of the values lie between {q['q01']:g} and {q['q99']:g}"
            bounds = _bounds(column)
            yield Rule(kind="range", columns=(column.name,), parameters=bounds, reason=reason)


def _bounds(column: Column) -> dict[str, int]:
    """Around what was seen, unless an extreme is implausibly far out: then it is left outside."""
    q, least, most = column.quantiles, float(column.least), float(column.most)
    furthest_low = q["q01"] - FAR * max(q["q50"] - q["q01"], q["q50"] - q["q25"])
    furthest_high = q["q99"] + FAR * max(q["q99"] - q["q50"], q["q75"] - q["q50"])
    few = column.is_whole and column.distinct <= FEW_NUMBERS  # months, hours: exactly these
    margin = 0.0 if few else MARGIN * (most - least)
    low = furthest_low if least < furthest_low else least - margin
    high = furthest_high if most > furthest_high else most + margin
    if least >= 0:
        low = max(low, 0.0)
    return {"low": math.floor(low), "high": math.ceil(high)}


def _categories(profile: Profile) -> Iterator[Rule]:
    for column in profile.columns.values():
        if not column.is_text or not column.top:
            continue
        if column.distinct <= min(MOST_CATEGORIES, profile.rows // 20):
            values = sorted(str(value) for value, _ in column.top)
            reason = f"only {column.distinct} different values"
            parameters = {"values": values}
            yield Rule(kind="in_set", columns=(column.name,), parameters=parameters, reason=reason)
        if column.distinct <= profile.rows // 20 and column.distinct <= 200:
            reason = "names of a limited set are easily spelled in several ways"
            yield Rule(kind="one_spelling", columns=(column.name,), reason=reason)


def _shapes(tables: Tables, profile: Profile) -> Iterator[Rule]:
    """The length and the first letter that nearly all texts of a column share."""
    for column in profile.columns.values():
        if not column.is_text or column.distinct <= 1:
            continue
        name = quoted(column.name)
        for kind, shape in (("length", f"length({name})"), ("prefix", f"substr({name}, 1, 1)")):
            found = tables.query(
                f"SELECT {shape} AS shape, COUNT(*) AS n FROM {quoted(profile.table)} "
                f"WHERE {name} IS NOT NULL GROUP BY {shape} ORDER BY n DESC LIMIT 1"
            )
            filled = profile.rows - column.nulls
            if found and int(found[0]["n"]) >= DOMINANT * filled:
                value = int(found[0]["shape"]) if kind == "length" else str(found[0]["shape"])
                reason = f"{int(found[0]['n']) / filled:.3%} of the values do"
                parameters = {kind: value}
                yield Rule(kind=kind, columns=(column.name,), parameters=parameters, reason=reason)


def _null_together(profile: Profile) -> Iterator[Rule]:
    """Neighbours by number of nulls: chains say it all, so not every pair is proposed."""
    sparse = [c for c in profile.columns.values() if 0 < c.nulls <= TOLERATED * profile.rows]
    sparse.sort(key=lambda column: column.nulls)
    for one, other in pairwise(sparse):
        if other.nulls - one.nulls <= max(ALIKE * other.nulls, 0.1 * one.nulls):
            columns = tuple(sorted((one.name, other.name)))
            reason = f"{one.nulls} and {other.nulls} values are missing"
            yield Rule(kind="null_together", columns=columns, reason=reason)


def find_key(tables: Tables, profile: Profile) -> Rule | None:
    """The shortest key that greedy search finds, trying identifiers before measurements."""
    candidates = _key_candidates(profile)
    for column in candidates:
        if column.distinct == profile.rows:
            reason = f"all {profile.rows} values differ"
            return Rule(kind="key", columns=(column.name,), reason=reason)
    sample = f"(SELECT * FROM {quoted(profile.table)} LIMIT {SAMPLE_ROWS}) sample_rows"
    whole = quoted(profile.table)
    for source in (sample, whole):
        chosen = _grow_key(tables, candidates, source)
        if chosen and _is_key(tables, whole, chosen):
            columns = tuple(column.name for column in chosen)
            reason = f"{len(columns)} columns that together differ in every row"
            return Rule(kind="key", columns=columns, reason=reason)
    return None


def _key_candidates(profile: Profile) -> list[Column]:
    """Without nulls and not a measurement: text, dates and whole numbers, widest first."""
    candidates = [
        column
        for column in profile.columns.values()
        if not column.nulls and column.distinct > 1 and (column.is_whole or not column.is_number)
    ]
    # A text or a date names things; a whole number may as well count or measure them.
    return sorted(candidates, key=lambda c: (c.is_number, -c.distinct))


def _grow_key(
    tables: Tables, candidates: Sequence[Column], source: str
) -> tuple[Column, ...] | None:
    rows = int(tables.query(f"SELECT COUNT(*) AS n FROM {source}")[0]["n"])
    chosen: list[Column] = []
    for _ in range(MOST_KEY_COLUMNS):
        rest = [column for column in candidates if column not in chosen]
        if not rest:
            return None
        trials = [_distinct_of([*chosen, column]) + f" AS d{i}" for i, column in enumerate(rest)]
        row = tables.query(f"SELECT {', '.join(trials)} FROM {source}")[0]
        counts = [int(row[f"d{i}"]) for i in range(len(rest))]
        chosen.append(rest[counts.index(max(counts))])
        if max(counts) == rows:
            return tuple(chosen)
    return None


def _distinct_of(columns: Sequence[Column]) -> str:
    texts = [f"CAST({quoted(c.name)} AS VARCHAR(100))" for c in columns]
    return "COUNT(DISTINCT " + " || '|' || ".join(texts) + ")"


def _is_key(tables: Tables, source: str, columns: Sequence[Column]) -> bool:
    names = ", ".join(quoted(column.name) for column in columns)
    found = tables.query(
        f"SELECT {names} FROM {source} GROUP BY {names} HAVING COUNT(*) > 1 LIMIT 1"
    )
    return not found


def _references(tables: Tables, profile: Profile) -> Iterator[Rule]:
    for other in tables.siblings(profile.table):
        types = tables.columns(other)
        texts = [column for column in profile.columns.values() if column.is_text and column.top]
        single = _text_keys(tables, other, types)
        for key, column in product(single, texts):
            if _overlaps(tables, profile, column, other, key):
                yield _reference_rule((column.name,), other, (key,), "its values are found there")
        if not single and (shared := _shared_key(tables, profile, other, types)):
            yield _reference_rule(shared, other, shared, "these columns identify a row there")


def _text_keys(tables: Tables, other: str, types: Mapping[str, str]) -> list[str]:
    texts = [name for name, kind in types.items() if kind.startswith(("string", "varchar"))]
    if not texts:
        return []
    counts = ", ".join(f"COUNT(DISTINCT {quoted(n)}) AS d{i}" for i, n in enumerate(texts))
    row = tables.query(f"SELECT COUNT(*) AS n, {counts} FROM {quoted(other)}")[0]
    return [name for i, name in enumerate(texts) if row["n"] and row[f"d{i}"] == row["n"]]


def _overlaps(tables: Tables, profile: Profile, column: Column, other: str, key: str) -> bool:
    """Most of the column's different values exist as keys of the other table."""
    name = quoted(column.name)
    row = tables.query(
        f"SELECT COUNT(*) AS n, COUNT(parent.k) AS found FROM "
        f"(SELECT DISTINCT {name} AS v FROM {quoted(profile.table)} WHERE {name} IS NOT NULL) "
        f"child LEFT JOIN (SELECT DISTINCT {quoted(key)} AS k FROM {quoted(other)}) parent "
        f"ON child.v = parent.k"
    )[0]
    return bool(row["n"]) and int(row["found"]) >= (1 - TOLERATED) * int(row["n"])


def _shared_key(
    tables: Tables, profile: Profile, other: str, types: Mapping[str, str]
) -> tuple[str, ...] | None:
    """Columns of the same name and type on both sides that identify a row of the other table."""
    mine = profile.columns
    shared = [
        mine[name]
        for name, kind in types.items()
        if name in mine and mine[name].type == kind and not kind.startswith(("float", "double"))
    ]
    shared.sort(key=lambda column: (column.is_number, -column.distinct))
    chosen = _grow_key(tables, shared, quoted(other)) if len(shared) > 1 else None
    return tuple(column.name for column in chosen) if chosen else None


def _reference_rule(
    columns: tuple[str, ...], other: str, keys: tuple[str, ...], reason: str
) -> Rule:
    parameters = {"references": {"table": other, "columns": list(keys)}}
    return Rule(kind="reference", columns=columns, parameters=parameters, reason=reason)
