# SPDX-License-Identifier: Apache-2.0
"""Rows of the table and how it is printed."""
from figures import machine


class Row:
    """One figure. `met` is None where the goal is only to report. `load` is the load average when it was taken."""

    def __init__(self, name, measured, value, goal, met, beside=""):
        self.name, self.measured, self.value = name, measured, value
        self.goal, self.met, self.beside = goal, met, beside
        self.load = machine.load()

    def verdict(self):
        return "reported" if self.met is None else "met" if self.met else "MISSED"

    def cells(self):
        return [self.name, self.measured, self.value, self.beside, self.goal, self.verdict(), f"{self.load:.1f}"]


HEADS = ["figure", "from where to where", "Fairlead", "beside it", "goal", "result", "load"]


def markdown(rows):
    lines = ["| " + " | ".join(HEADS) + " |", "|" + "---|" * len(HEADS)]
    lines += ["| " + " | ".join(cell.replace("|", "/") for cell in row.cells()) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def text(rows):
    lines = []
    for row in rows:
        name, measured, value, beside, goal, verdict, load = row.cells()
        lines.append(f"{name}: {value}   [{verdict}; goal: {goal}; load {load}]")
        if beside:
            lines.append(f"    beside it: {beside}")
        lines.append(f"    {measured}")
    return "\n".join(lines) + "\n"
