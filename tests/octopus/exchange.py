# SPDX-License-Identifier: Apache-2.0
"""Reads *.http files and compares answers with their patterns; the format is described in README.md."""
import json
import re

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
ANSWER = re.compile(r"^---> (\d{3})$")
PLACEHOLDER = re.compile(r"\{\{([A-Za-z][\w.]*)\}\}")
CAPTURE = re.compile(r"^\{\{=([A-Za-z]\w*)\}\}$")
EXPRESSION = re.compile(r"^\{\{~(.*)\}\}$", re.DOTALL)
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
KINDS = {
    "any": lambda value: True,
    "string": lambda value: isinstance(value, str),
    "text": lambda value: isinstance(value, str) and value != "",
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "time": lambda value: isinstance(value, str) and TIME.match(value) is not None,
}


class FormatError(Exception):
    """A file that breaks the format; names file and line."""


class Exchange:
    def __init__(self, line, title):
        self.line, self.title = line, title
        self.method = self.path = ""
        self.headers, self.body = {}, ""
        self.until_seconds = 0
        self.body_bytes = 0
        self.status = 0
        self.answer_headers, self.answer = {}, ""


def parse(text, name):
    """(file directives, exchanges)."""
    directives, exchanges, section = [], [], []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("### "):
            exchanges.append(Exchange(number, line[4:].strip()))
            section = []
            exchanges[-1].lines = section
        elif exchanges:
            section.append((number, line))
        elif line.startswith("@"):
            directives.append(line[1:].split())
        elif line and not line.startswith("#"):
            raise FormatError(f"{name}:{number}: only comments and @directives stand above the first ###")
    for exchange in exchanges:
        parse_exchange(exchange, name)
    return directives, exchanges


def parse_exchange(exchange, name):
    lines = [(number, line) for number, line in exchange.lines if not line.startswith("# ") and line != "#"]
    answer = next((i for i, (_, line) in enumerate(lines) if ANSWER.match(line)), None)
    if answer is None:
        raise FormatError(f"{name}:{exchange.line}: this exchange has no line '---> STATUS'")
    request, reply = lines[:answer], lines[answer + 1:]
    while request and (not request[0][1] or request[0][1].startswith("@")):
        number, line = request.pop(0)
        words = line[1:].split()
        if line and words[0] == "until":
            exchange.until_seconds = int(words[1])
        elif line and words[0] == "body-bytes":
            exchange.body_bytes = int(words[1])
        elif line:
            raise FormatError(f"{name}:{number}: there is no directive @{words[0]}")
    if not request or request[0][1].split(" ")[0] not in METHODS or len(request[0][1].split(" ")) != 2:
        raise FormatError(f"{name}:{exchange.line}: the request begins with a line METHOD PATH")
    exchange.method, exchange.path = request[0][1].split(" ")
    exchange.headers, exchange.body = headers_and_body(request[1:], name)
    exchange.status = int(ANSWER.match(lines[answer][1]).group(1))
    exchange.answer_headers, exchange.answer = headers_and_body(reply, name)


def headers_and_body(lines, name):
    headers = {}
    for i, (number, line) in enumerate(lines):
        if not line:
            return headers, "\n".join(line for _, line in lines[i + 1:]).strip()
        key, colon, value = line.partition(":")
        if not colon or " " in key:
            raise FormatError(f"{name}:{number}: an empty line stands between headers and body")
        headers[key] = value.strip()
    return headers, ""


ONLY = "{{only}}"


def fill(text, values):
    """`text` with every {{name}} replaced; unknown names are a FormatError."""
    def value(match):
        if match.group(1) not in values:
            raise FormatError(f"{{{{{match.group(1)}}}}} was not captured before")
        return str(values[match.group(1)])
    return PLACEHOLDER.sub(value, text)


def compare(pattern, value, values, place="$"):
    """Differences as sentences; captures into `values`."""
    if isinstance(pattern, str):
        return compare_text(pattern, value, values, place)
    if isinstance(pattern, dict):
        return compare_object(pattern, value, values, place)
    if isinstance(pattern, list):
        return compare_array(pattern, value, values, place)
    same = type(pattern) is type(value) and pattern == value
    return [] if same else [f"{place} should be {json.dumps(pattern)}, but is {shorten(value)}"]


def compare_text(pattern, value, values, place):
    kind = pattern[2:-2] if pattern.startswith("{{") and pattern.endswith("}}") else ""
    if kind in KINDS:
        return [] if KINDS[kind](value) else [f"{place} should be of kind {kind}, but is {shorten(value)}"]
    if kind == "absent":
        return [f"{place} should not be there, but is {shorten(value)}"]
    capture = CAPTURE.match(pattern)
    if capture:
        if isinstance(value, (dict, list)) or value is None or value == "":
            return [f"{place} should hold a value to capture, but is {shorten(value)}"]
        values[capture.group(1)] = value
        return []
    expression = EXPRESSION.match(pattern)
    if expression:
        wanted = fill(expression.group(1), values)
        found = isinstance(value, str) and re.search(wanted, value)
        return [] if found else [f"{place} should match {wanted!r}, but is {shorten(value)}"]
    wanted = fill(pattern, values)
    return [] if value == wanted else [f"{place} should be {json.dumps(wanted)}, but is {shorten(value)}"]


def compare_object(pattern, value, values, place):
    if not isinstance(value, dict):
        return [f"{place} should be an object, but is {shorten(value)}"]
    found = []
    # Members may be named by captured values: maps by id.
    pattern = {name if name == ONLY else fill(name, values): inner for name, inner in pattern.items()}
    for name, inner in pattern.items():
        if name == ONLY:
            more = sorted(set(value) - set(pattern))
            if more:
                found.append(f"{place} should have no members {', '.join(more)}")
        elif name in value:
            found += compare(inner, value[name], values, f"{place}.{name}")
        elif inner != "{{absent}}":
            found.append(f"{place}.{name} is missing")
    return found


def compare_array(pattern, value, values, place):
    if not isinstance(value, list):
        return [f"{place} should be an array, but is {shorten(value)}"]
    if pattern and pattern[0] == "{{each}}":
        if not value:
            return [f"{place} should have elements, but is empty"]
        return [problem for i, element in enumerate(value)
                for problem in compare(pattern[1], element, values, f"{place}[{i}]")]
    if pattern and pattern[0] == "{{contains}}":
        found = []
        for wanted in pattern[1:]:
            # A trial must not leave captures of an element that does not fit.
            trials = ((trial := dict(values), compare(wanted, element, trial, place)) for element in value)
            fitting = next((trial for trial, problems in trials if not problems), None)
            if fitting is None:
                found.append(f"{place} should have an element like {json.dumps(wanted)}, but is {shorten(value)}")
            else:
                values.update(fitting)
        return found
    if len(pattern) != len(value):
        return [f"{place} should have {len(pattern)} elements, but has {len(value)}: {shorten(value)}"]
    return [problem for i, (wanted, element) in enumerate(zip(pattern, value))
            for problem in compare(wanted, element, values, f"{place}[{i}]")]


def compare_answer(exchange, status, headers, text, values):
    """Everything in which an answer differs from what the exchange expects."""
    found = []
    if status != exchange.status:
        found.append(f"status should be {exchange.status}, but is {status}")
    for name, pattern in exchange.answer_headers.items():
        value = headers.get(name)
        if value is None and pattern != "{{absent}}":
            found.append(f"header {name} is missing")
        elif value is not None:
            found += compare_text(pattern, value, values, f"header {name}")
    if exchange.answer.startswith("~ "):
        for line in exchange.answer.splitlines():
            wanted = fill(line[2:], values)
            if not re.search(wanted, text, re.MULTILINE):
                found.append(f"the body should match {wanted!r}")
    elif exchange.answer:
        pattern = json.loads(exchange.answer)
        try:
            value = json.loads(text)
        except ValueError:
            return found + ["the body is not JSON"]
        found += compare(pattern, value, values)
    return found


def shorten(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "…"
