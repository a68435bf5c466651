# SPDX-License-Identifier: Apache-2.0
"""The rules of tools/tidy. Each is a function of (path, text, code) that yields (line, message); `code` is the text
with comments and literals blanked (C++ only). A rule can be waived on one line, with a reason a reader accepts:

    // tidy: allow machine-path: the path is what this test is about
"""
import re

from tidy_cpp import Blocks

# What each folder of src/ may include, itself apart. Downward, as in ARCHITECTURE.md; `cli` wires everything.
LAYERS = {
    "base": "",
    "json": "base",
    "net": "base",
    "store": "base json",
    "engine": "base json store",
    "link": "base json net",
    "kube": "base json net",
    "api": "base json net store",
    "domain": "base json",
    "features": "base json net store engine link kube api domain",
    "steps": "base json net store engine link kube api domain features",
    "sources": "base json net store engine api domain features",
    "executor": "base json net link kube",
    "server": "base json net store engine link kube api domain features steps sources",
    "agent": "base json net link kube executor worker",
    "worker": "base json net link kube executor",
    "cli": "base json net store engine link kube api domain features steps sources executor server agent worker",
}
LAYERS = {folder: set(allowed.split()) | {folder} for folder, allowed in LAYERS.items()}
SLICED = {"features", "steps", "sources"}
COMMON = "common"  # what the slices of a folder share; it has no install.h
SHARED_OF_SLICE = {"model.h", "rules.h"}

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 100
MAX_COLUMNS = 120  # as .clang-format says; a line with a string may be longer

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
NETWORK_HEADER = re.compile(r"(boost/asio|boost/beast|openssl/|curl/)")
CLOCK = re.compile(r"\b(?:system|steady|high_resolution|utc|file)_clock\s*::\s*now\b"
                   r"|\b(?:gettimeofday|clock_gettime|timespec_get)\s*\("
                   r"|(?<![\w.>])(?:std::)?time\s*\(\s*(?:nullptr|NULL|0|&\s*\w+)\s*\)")
SLEEP = re.compile(r"\bthis_thread\s*::\s*sleep_(?:for|until)\b|(?<![\w.>])(?:usleep|nanosleep)\s*\("
                   r"|(?<![\w.>])sleep\s*\(\s*[\w:]+\s*\)")
MACHINE_PATH = re.compile(r"(?<![\w.})/-])/(?:work|root|home)/")
# tidy: allow unfinished: the rule itself
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
WAIVER = re.compile(r"tidy: allow ([a-z-]+): \S")

CPP = (".cc", ".h")
COMMENTED = (".cc", ".h", ".go", ".ts", ".tsx", ".js", ".mjs", ".py", ".sh", ".cmake", ".yaml", ".yml", ".sql", ".css")
COMMENTED_NAMES = ("CMakeLists.txt", "Makefile", ".ci/run")
# Data that tests read as it is, and files that a tool writes.
DATA = re.compile(r"(^|/)testdata/"
                  r"|^tests/(fuzz|octopus)/.*(?<!\.cc)(?<!\.h)(?<!CMakeLists\.txt)$"
                  r"|(^|/)(package-lock\.json|go\.sum)$"
                  r"|^LICENSE$")


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def matches(pattern, text, message):
    for match in pattern.finditer(text):
        yield line_of(text, match.start()), message.format(match.group(0).strip())


def source_folder(path):
    """("features", "spaces") of src/features/spaces/x.cc; ("base", "") of src/base/x.cc; ("", "") outside src/."""
    parts = path.split("/")
    if parts[0] != "src" or len(parts) < 3:
        return "", ""
    return parts[1], parts[2] if len(parts) > 3 else ""


def layers(path, text, code):
    folder, _ = source_folder(path)
    if not folder:
        return
    if folder not in LAYERS:
        yield 1, f"src/{folder} is not in the table of layers (LAYERS in tools/tidy_rules.py)"
        return
    # A slice is tested through the server that it is part of.
    allowed = LAYERS[folder]
    if folder in SLICED and path.endswith("_test.cc"):
        allowed = allowed | SLICED | {"server"}
    for match in INCLUDE.finditer(code):
        target = match.group(2).split("/")[0]
        if match.group(1) == '"' and target in LAYERS and target not in allowed:
            yield line_of(code, match.start()), (
                f"src/{folder} may not include {match.group(2)}: includes go downward "
                f"({folder} -> {' '.join(sorted(allowed - {folder})) or 'nothing'})")


def slices(path, text, code):
    folder, slice_name = source_folder(path)
    if folder not in SLICED or not slice_name or path.endswith("_test.cc"):
        return
    for match in INCLUDE.finditer(code):
        parts = match.group(2).split("/")
        other = len(parts) > 2 and parts[0] in SLICED and (parts[0], parts[1]) != (folder, slice_name)
        if other and parts[1] != COMMON and parts[-1] not in SHARED_OF_SLICE:
            yield line_of(code, match.start()), (
                f"a slice may include only model.h and rules.h of another slice, not {match.group(2)}")


def headers(path, text, code):
    folder, _ = source_folder(path)
    for match in INCLUDE.finditer(code):
        line, name = line_of(code, match.start()), match.group(2)
        if folder and folder != "net" and NETWORK_HEADER.match(name):
            yield line, f"<{name}> belongs behind src/net: no Asio, OpenSSL or curl header elsewhere"
        if name == "regex":
            yield line, "<regex> backtracks without limit and compiles slowly: use RE2 (package re2)"
        if name == "iostream" and path.endswith(".h"):
            yield line, "<iostream> in a header costs every file that includes it: use <iosfwd> or base/log.h"
    if path.endswith(".h") and not re.search(r"^#pragma once$", code, re.MULTILINE):
        yield 1, "a header begins with #pragma once"


def clock(path, text, code):
    if source_folder(path)[0] not in ("", "base"):
        yield from matches(CLOCK, code, "{}: time comes from base::Clock, so that tests own it")


def sleep(path, text, code):
    if source_folder(path)[0] != "base" and not path.startswith("tests/process/"):
        yield from matches(SLEEP, code, "{}: wait for a condition (only src/base and tests/process may sleep)")


def function_length(path, text, code):
    for first, last in Blocks(code).functions:
        if last - first + 1 > MAX_FUNCTION_LINES:
            yield first, f"this function has {last - first + 1} lines; {MAX_FUNCTION_LINES} is the most, 60 is wanted"


def awaited_braces(path, text, code):
    if "co_await" in code:
        for line in Blocks(code).awaited_braces:
            yield line, ("no braced initialiser, not even {}, in the same statement as a co_await: "
                         "g++ 12 destroys it twice; give it a name first")


def file_length(path, text, code):
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield lines, f"this file has {lines} lines; {MAX_FILE_LINES} is the most, 400 is wanted"


def columns(path, text, code):
    for number, (line, bare) in enumerate(zip(text.split("\n"), code.split("\n")), 1):
        if len(line) > MAX_COLUMNS and (line == bare or line.lstrip().startswith("//")):
            yield number, f"this line has {len(line)} columns; {MAX_COLUMNS} is the most (make format)"


def licence(path, text, code):
    top = text.split("\n", 2)
    line = top[1] if top[0].startswith("#!") and len(top) > 1 else top[0]
    if "SPDX-License-Identifier: Apache-2.0" not in line:
        yield 1, "the first line (below #!) says SPDX-License-Identifier: Apache-2.0"


def machine_path(path, text, code):
    yield from matches(MACHINE_PATH, text, "a path of one machine: {}")


def unfinished(path, text, code):
    yield from matches(UNFINISHED, text, "{}: finish it, or write an issue")


def whitespace(path, text, code):
    yield from matches(TRAILING, text, "white space at the end of the line")
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "the file does not end with a newline"


CPP_RULES = {
    "layers": layers, "slices": slices, "headers": headers, "clock": clock, "sleep": sleep,
    "function-length": function_length, "awaited-braces": awaited_braces, "columns": columns,
}
TEXT_RULES = {"machine-path": machine_path, "unfinished": unfinished, "whitespace": whitespace}


def rules_for(path, text):
    """The rules that apply to a file, by name."""
    if DATA.search(path):
        return {}
    rules = dict(TEXT_RULES)
    if path.endswith(CPP):
        rules.update(CPP_RULES)
    if path.endswith(COMMENTED) or path.endswith(COMMENTED_NAMES) or text.startswith("#!"):
        rules["licence"] = licence
        rules["file-length"] = file_length
    return rules


def waived(lines, number, rule):
    """A waiver stands on the line itself or on the one above."""
    for index in (number - 1, number - 2):
        if 0 <= index < len(lines):
            match = WAIVER.search(lines[index])
            if match and match.group(1) == rule:
                return True
    return False
