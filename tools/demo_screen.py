# SPDX-License-Identifier: Apache-2.0
"""What tools/demo shows: lines that stay, and below them a region that is redrawn while something is going on. Without
a terminal there is no such region, no colour and no escape sequence; each line then comes once, when it is final."""
import os
import shutil
import sys
import unicodedata

SIGNS = {"good": ("✓", "32"), "busy": ("●", "33"), "bad": ("✗", "31"), "idle": ("○", "2")}


def width_of(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Screen:
    def __init__(self, stream=sys.stdout):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
        self._stream = stream
        self.is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self.is_terminal and "NO_COLOR" not in os.environ
        self._drawn = 0

    def columns(self):
        return shutil.get_terminal_size((110, 40)).columns if self.is_terminal else 110

    def paint(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def bold(self, text):
        return self.paint("1", text)

    def faint(self, text):
        return self.paint("2", text)

    def sign(self, kind):
        character, colour = SIGNS[kind]
        return self.paint(colour, character)

    def line(self, text=""):
        """A line that stays."""
        self._erase()
        self._stream.write(text + "\n")
        self._stream.flush()

    def heading(self, text):
        self.line()
        self.line(self.bold(text))

    def live(self, lines):
        """Replaces the region below the lines that stay. `lines` are (text, painted text), cut to the terminal."""
        if not self.is_terminal:
            return
        columns, rows = self.columns(), shutil.get_terminal_size((110, 40)).lines
        self._erase()
        shown = lines[:max(1, rows - 2)]
        for plain, painted in shown:
            # A line that wraps would spoil the count; cut it, without its colours.
            self._stream.write((painted if width_of(plain) < columns else plain[:columns - 2] + "…") + "\n")
        self._drawn = len(shown)
        self._stream.flush()

    def _erase(self):
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}A\x1b[0J")
            self._drawn = 0

    def table(self, header, rows):
        """`rows` hold cells (text, painted text)."""
        widths = [max(width_of(row[i][0]) for row in rows + [[(cell, cell) for cell in header]])
                  for i in range(len(header))]
        self.line("  " + "   ".join(self.bold(cell) + " " * (widths[i] - width_of(cell))
                                    for i, cell in enumerate(header)).rstrip())
        self.line("  " + self.faint("─" * (sum(widths) + 3 * (len(widths) - 1))))
        for row in rows:
            self.line("  " + "   ".join(painted + " " * (widths[i] - width_of(plain))
                                        for i, (plain, painted) in enumerate(row)).rstrip())
