"""Writes the figures of both rounds of faults into `docs/guarantees.md`: ``python -m tests.faults.page``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guarantees.md"
BEGIN, END = "<!-- figures of the fault rounds -->\n", "<!-- end of the figures -->\n"
OUTCOMES = ("prediction", "dead_letter", "repeat")
COUNTED = ("entries", "receipts", *OUTCOMES)


def table(record: Mapping[str, Any]) -> str:
    """The figures as Markdown: for each fault the entries of its rounds, and the counts that prove it."""
    lines = [
        f"Seen on {record['date']} ({record['machine']}, seed {record['seed']}); none lost, none answered twice.",
        "",
        "| test | entries | predictions, dead letters, repeats | what happened |",
        "| --- | ---: | ---: | --- |",
    ]
    for test, figures in sorted(record["faults"].items()):
        entries = figures.get("entries") or figures.get("receipts", 0)
        outcomes = " / ".join(f"{figures.get(kind, 0):,}" for kind in OUTCOMES)
        happened = {name: number for name, number in figures.items() if name not in COUNTED and number}
        counts = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in sorted(happened.items()))
        lines.append(f"| `{test}` | {entries:,} | {outcomes} | {counts} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Replace the table between the marks."""
    record = json.loads((ROOT / ".tasador" / "faults.json").read_text(encoding="utf-8"))
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(record)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
