"""The journal: what was appended is there after a kill, in segments with numbers of their own."""

from __future__ import annotations

from pathlib import Path

from brickyard.workspace.gateway.journal import Journal, fields_of, records


def test_records_come_back_in_order_by_segment(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.open()
    journal.append(fields_of({"id": 1}))
    journal.append(fields_of({"id": 2}))
    assert journal.closed() == []
    journal.rotate()
    journal.append(fields_of({"id": 3}))
    journal.rotate()
    journal.rotate()  # nothing in it: no segment
    found = {number: [one["id"] for one in records(path)] for number, path in journal.closed()}
    assert found == {1: [1, 2], 2: [3]}


def test_numbers_never_come_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.open()
    journal.append(fields_of({"id": 1}))
    journal.rotate()
    journal.forget(1)
    journal.close()
    for file in tmp_path.glob("*.jsonl"):
        file.unlink()
    again = Journal(tmp_path)
    again.open()
    again.append(fields_of({"id": 2}))
    again.rotate()
    assert [number for number, _ in again.closed()] == [2]


def test_after_a_kill_all_is_there_but_a_torn_line(tmp_path: Path) -> None:
    killed = Journal(tmp_path)
    killed.open()
    killed.append(fields_of({"id": 1, "text": "ä\n"}))
    [file] = tmp_path.glob("*.jsonl")
    with file.open("ab") as out:
        out.write(b'{"id": 2, "te')
    again = Journal(tmp_path)
    again.open()
    [(number, path)] = again.closed()
    assert [one["id"] for one in records(path)] == [1]
    assert number == 1
    assert path.stat().st_mode & 0o077 == 0
