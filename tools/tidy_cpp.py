# SPDX-License-Identifier: Apache-2.0
"""Just enough understanding of C++ text for tools/tidy: comments and literals blanked, blocks told from initialisers.

No parser: it is right about code that clang-format has laid out, and prefers missing something to rejecting what is
fine.
"""
import re

LITERAL = re.compile(
    r'//[^\n]*'
    r'|/\*.*?\*/'
    r'|(?:u8|[uUL])?R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|(?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+'",
    re.DOTALL)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*", re.MULTILINE | re.DOTALL)


def spaces(text):
    return re.sub(r"[^\n]", " ", text)


def blank_literals(text):
    """Comments become spaces, strings and characters become quoted spaces. Lines and columns stay where they are; the
    file names of #include lines stay readable."""

    def blank(match):
        found = match.group(0)
        if found[0] == "/":
            return spaces(found)
        start = text.rfind("\n", 0, match.start()) + 1
        if text[start:match.start()].lstrip().startswith("#include"):
            return found
        return '"' + spaces(found[1:-1]) + '"'

    return LITERAL.sub(blank, text)


# Words that may stand between the ) of a function or lambda and its body, or before any block.
BLOCK_WORDS = {"else", "do", "try", "mutable", "noexcept", "const", "override", "final", "constexpr"}
CONTAINER = re.compile(r"\s*(?:template\s*<.*>\s*)?(?:(?:export|inline|typedef|static|const|constexpr)\s+)*"
                       r"(?:namespace|class|struct|union|enum|extern)\b", re.DOTALL)
CONTROL = re.compile(r"\s*(?:else|if|for|while|switch|catch|do|try)\b")
CAPTURE = re.compile(r"\[[^\[\]]*\]")
TRAILING_RETURN = re.compile(r"->\s*[\w:<>,&*\s]+$")
MEMBER_INITIALISERS = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:)")


def kind_of_brace(header, outer, in_parentheses):
    """What the { behind `header` opens: container, function, block, lambda or initialiser. `outer` is the kind of the
    scope around it, `header` the text since the beginning of the statement there."""
    header = header.rstrip()
    word = re.search(r"\w+$", header)
    block_word = bool(word) and word.group(0) in BLOCK_WORDS
    body_may_follow = header.endswith((")", "]")) or block_word or bool(TRAILING_RETURN.search(header))
    if outer == "initialiser" or in_parentheses:
        return "lambda" if body_may_follow and CAPTURE.search(header) else "initialiser"
    if CONTAINER.match(header) and "(" not in re.sub(r"alignas\s*\([^)]*\)", "", header):
        return "container"
    if outer == "container":
        if ")" not in header or header.endswith("="):
            return "initialiser"
        # `Point(int x) : x_{x}` goes on behind the }: that brace is a member's, not the body.
        members = MEMBER_INITIALISERS.search(header) and word and not block_word
        return "initialiser" if members else "function"
    if not header.strip() or header.endswith((";", "{", "}", ":")) or CONTROL.match(header) and body_may_follow:
        return "block"
    return "lambda" if body_may_follow and CAPTURE.search(header) else "initialiser"


class Scope:
    """One open brace, and what was seen of the statement that is being read directly inside it."""

    def __init__(self, kind, line, start, parentheses):
        self.kind = kind
        self.line = line
        self.start = start  # offset of the statement
        self.parentheses = parentheses  # how many ( were open at the {
        self.awaits = False
        self.initialiser_line = None


class Blocks:
    """Walks C++ text (see blank_literals) and collects
         functions       (line of the {, line of the }) of every function body, lambdas and nested blocks apart
         awaited_braces  lines of a braced initialiser whose statement has a co_await
    """

    TOKEN = re.compile(r"[(){};\n]|\bco_await\b")

    def __init__(self, code):
        self.functions = []
        self.awaited_braces = []
        self.scopes_ = [Scope("container", 1, 0, 0)]
        code = DIRECTIVE.sub(lambda match: spaces(match.group(0)), code)
        line = 1
        parentheses = 0
        for token in self.TOKEN.finditer(code):
            text = token.group(0)
            scope = self.scopes_[-1]
            if text == "\n":
                line += 1
            elif text == "(":
                parentheses += 1
            elif text == ")":
                parentheses = max(0, parentheses - 1)
            elif text == "co_await":
                self.judged_().awaits = True
            elif text == ";":
                # The two inside `for (;;)` end no statement.
                if parentheses == scope.parentheses and scope.kind != "initialiser":
                    self.end_statement_(scope, token.end())
            elif text == "{":
                header = code[scope.start:token.start()]
                kind = kind_of_brace(header, scope.kind, parentheses > scope.parentheses)
                if kind == "initialiser":
                    judged = self.judged_()
                    judged.initialiser_line = judged.initialiser_line or line
                elif kind != "lambda":
                    self.end_statement_(scope, token.end())
                self.scopes_.append(Scope(kind, line, token.end(), parentheses))
            elif len(self.scopes_) > 1:
                closed = self.scopes_.pop()
                parentheses = closed.parentheses
                self.end_statement_(closed, token.end())
                if closed.kind == "function":
                    self.functions.append((closed.line, line))
                if closed.kind not in ("initialiser", "lambda"):
                    self.scopes_[-1].start = token.end()

    def judged_(self):
        """The scope whose statement we are in: an initialiser list is part of the statement around it."""
        return next(scope for scope in reversed(self.scopes_) if scope.kind != "initialiser")

    def end_statement_(self, scope, position):
        if scope.awaits and scope.initialiser_line:
            self.awaited_braces.append(scope.initialiser_line)
        scope.awaits = False
        scope.initialiser_line = None
        scope.start = position
