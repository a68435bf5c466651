#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule of tools/tidy on small snippets: what it must reject, and what looks alike and must pass."""
import importlib.machinery
import importlib.util
import os
import sys
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("tidy", os.path.join(HERE, "tidy"))
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", loader))
loader.exec_module(tidy)

MACHINE_PATH = 'auto a = "/' + 'root/x";\n'
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


def found(path, body, head=SPDX):
    """{rule: [lines]} for a file of the licence line and `body`, whose first line is 2."""
    result = {}
    for line, rule, _ in tidy.check_text(path, head + body):
        result.setdefault(rule, []).append(line)
    return result


class Includes(unittest.TestCase):
    def test_upward(self):
        self.assertEqual(found("src/json/a.cc", '#include "store/store.h"\n'), {"layers": [2]})
        self.assertEqual(found("src/base/a.cc", '\n#include "json/value.h"\n'), {"layers": [3]})
        self.assertEqual(found("src/engine/sim/a.cc", '#include "features/spaces/model.h"\n'), {"layers": [2]})
        self.assertEqual(found("src/executor/a.cc", '#include "store/store.h"\n'), {"layers": [2]})

    def test_downward_and_own(self):
        self.assertEqual(found("src/store/a.cc", '#include "base/error.h"\n#include "store/sqlite/x.h"\n'), {})
        self.assertEqual(found("src/cli/main.cc", '#include "server/server.h"\n#include "executor/x.h"\n'), {})

    def test_commented_out_is_no_include(self):
        self.assertEqual(found("src/json/a.cc", '// #include "store/store.h"\n/*\n#include "store/store.h"\n*/\n'), {})

    def test_unknown_folder(self):
        self.assertEqual(found("src/helpers/a.cc", "int a;\n"), {"layers": [1]})

    def test_slice_includes_only_model_and_rules(self):
        self.assertEqual(found("src/features/releases/a.cc", '#include "features/projects/store.h"\n'), {"slices": [2]})
        self.assertEqual(found("src/steps/helm/a.cc", '#include "features/projects/model.h"\n'
                               '#include "steps/helm/values.h"\n#include "steps/common/step.h"\n'), {})
        self.assertEqual(found("src/features/releases/a.cc", '#include "features/projects/rules.h"\n'), {})

    def test_tests_of_a_slice_may_use_the_server(self):
        self.assertEqual(found("src/features/releases/a_test.cc", '#include "server/in_process.h"\n'), {})
        self.assertEqual(found("src/features/releases/a.cc", '#include "server/in_process.h"\n'), {"layers": [2]})

    def test_network_headers_stay_in_net(self):
        for header in ("boost/asio.hpp", "boost/beast/core.hpp", "openssl/ssl.h", "curl/curl.h"):
            self.assertEqual(found("src/link/a.cc", f"#include <{header}>\n"), {"headers": [2]}, header)
            self.assertEqual(found("src/net/a.cc", f"#include <{header}>\n"), {}, header)

    def test_costly_headers(self):
        self.assertEqual(found("src/base/a.h", "#pragma once\n#include <iostream>\n"), {"headers": [3]})
        self.assertEqual(found("src/base/a.cc", "#include <iostream>\n"), {})
        self.assertEqual(found("src/base/a.cc", "#include <regex>\n"), {"headers": [2]})

    def test_pragma_once(self):
        self.assertEqual(found("src/base/a.h", "int a;\n"), {"headers": [1]})


class Time(unittest.TestCase):
    def test_clock(self):
        for use in ("std::chrono::system_clock::now()", "steady_clock::now()", "time(nullptr)", "std::time(&t)",
                    "gettimeofday(&t, nullptr)", "clock_gettime(CLOCK_REALTIME, &t)"):
            self.assertEqual(found("src/engine/a.cc", f"auto a = {use};\n"), {"clock": [2]}, use)
            self.assertEqual(found("src/base/clock.cc", f"auto a = {use};\n"), {}, use)

    def test_what_looks_like_a_clock(self):
        self.assertEqual(found("src/engine/a.cc", 'auto a = run.now();\nauto b = x.time(0);\nf("time(0)");\n'
                               "// time(nullptr)\nstd::chrono::steady_clock::time_point t;\nint lifetime(0);\n"), {})

    def test_sleep(self):
        for use in ("std::this_thread::sleep_for(1s)", "std::this_thread::sleep_until(t)", "usleep(3)", "sleep(1)"):
            self.assertEqual(found("src/engine/a_test.cc", f"void f() {{ {use}; }}\n"), {"sleep": [2]}, use)
            self.assertEqual(found("tests/process/a.cc", f"void f() {{ {use}; }}\n"), {}, use)
        self.assertEqual(found("src/steps/wait/a.cc", 'void f() { co_await run.sleep_until("a", t); }\n'
                               'Verdict<void> sleep(std::string_view name, std::int64_t us);\n'), {})


class AwaitedBraces(unittest.TestCase):
    def check(self, statement, rejected):
        body = f"Durable<int> f(Run& run) {{\n  {statement}\n}}\n"
        self.assertEqual(found("src/engine/a.cc", body), {"awaited-braces": [3]} if rejected else {}, statement)

    def test_rejected(self):
        self.check('co_await run.execute("a", Apply{digest, 1});', True)
        self.check('co_await run.execute("a", {digest, 1});', True)
        self.check('auto x = co_await run.execute("a", Apply{});', True)
        self.check("auto x = pair(Point{1, 2}, co_await g());", True)
        self.check("co_return Outcome{co_await g()};", True)
        self.check("if (co_await g(Point{1, 2})) {}", True)
        self.check("co_await all(items, [&](int i) -> Durable<int> { co_await g(P{i}); co_return 1; });", True)

    def test_fine(self):
        self.check("Apply apply{digest, 1}; co_await run.execute(apply);", False)
        self.check("Apply apply = {digest, 1};\n  auto x = co_await run.execute(apply);", False)
        self.check("if (co_await g()) { Point p{1, 2}; }", False)
        self.check("for (int i = 0; i < 3; ++i) { co_await g(); Point p{1, 2}; use(p); }", False)
        self.check("co_await run.once([&] { return Point{1, 2}; });", False)
        self.check("co_await all(items, [&](int i) -> Durable<int> { P p{i}; co_await g(p); co_return 1; });", False)
        self.check('co_await g("{", \'{\'); // Apply{1}', False)
        self.check("auto g = [](Run& r) -> Durable<int> { Point p{1}; co_return co_await h(p); };", False)
        self.check("switch (co_await g()) { case 1: { Point p{1}; break; } default: break; }", False)


class Length(unittest.TestCase):
    def test_function(self):
        long = "  work();\n" * 99
        self.assertEqual(found("src/base/a.cc", "void f() {\n" + long + "}\n"), {"function-length": [2]})
        self.assertEqual(found("src/base/a.cc", "void f() {\n" + long[:-10] + "}\n"), {})
        self.assertEqual(found("src/base/a.cc", "X::X(int a)\n    : a_{a}, b_(f({1})) {\n" + long + "}\n"),
                         {"function-length": [3]})
        self.assertEqual(found("src/base/a.cc", "auto g(int a = 1) const -> std::vector<int> {\n" + long + "}\n"),
                         {"function-length": [2]})
        self.assertEqual(found("src/base/a_test.cc", "TEST(A, b) {\n  if (x) {\n" + long + "  }\n}\n"),
                         {"function-length": [2]})

    def test_containers_are_no_functions(self):
        many = "".join(f"void f{i}() {{ work(); }}\n" for i in range(120))
        self.assertEqual(found("src/base/a.cc", "namespace a {\nclass B : public C<int> {\n" + many + "};\n}\n"), {})
        rows = '  {"a", f(1)},\n' * 120
        self.assertEqual(found("src/base/a.cc", "const Row rows[] = {\n" + rows + "};\n"), {})
        self.assertEqual(found("src/base/a.cc", "#define OPEN {\n" + many), {})

    def test_file(self):
        self.assertEqual(found("src/base/a.cc", "int a;\n" * 600), {"file-length": [601]})
        self.assertEqual(found("src/base/a.cc", "int a;\n" * 599), {})
        self.assertEqual(found("docs/a.md", "a\n" * 900), {})

    def test_columns(self):
        long = "f(" + "a" * 120 + ");"
        self.assertEqual(found("src/base/a.cc", f"int b;\n{long}\n"), {"columns": [3]})
        self.assertEqual(found("src/base/a.cc", f"// {long}\n"), {"columns": [2]})
        self.assertEqual(found("src/base/a.cc", f'f("{long}");\nauto t = R"({long}\n{long})";\n'), {})
        self.assertEqual(found("docs/a.md", long + "\n"), {})


class Text(unittest.TestCase):
    def test_licence(self):
        self.assertEqual(found("src/base/a.cc", "int a;\n", head=""), {"licence": [1]})
        self.assertEqual(found("tools/x", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n", head=""), {})
        self.assertEqual(found("tools/x", "#!/bin/sh\necho\n", head=""), {"licence": [1]})
        self.assertEqual(found("deploy/a.yaml", "a: 1\n", head=""), {"licence": [1]})
        self.assertEqual(found("src/kube/testdata/a.yaml", "a: 1 \n", head=""), {})
        self.assertEqual(found("README.md", "Fairlead\n", head=""), {})

    def test_machine_path(self):
        for path in ("/" + "root/x", "/" + "home/me/x", "/" + "work/x"):
            self.assertEqual(found("docs/a.md", f"see {path}\n"), {"machine-path": [2]}, path)
        self.assertEqual(found("docs/a.md", "https://example.com/work/x and $HOME/root/x and /api/home/x\n"), {})

    def test_unfinished(self):
        for word in ("TO" + "DO", "FIX" + "ME", "X" + "XX"):
            self.assertEqual(found("src/base/a.cc", f"// {word}: later\n"), {"unfinished": [2]}, word)

    def test_whitespace(self):
        self.assertEqual(found("src/base/a.cc", "int a; \n"), {"whitespace": [2]})
        self.assertEqual(found("src/base/a.cc", "int a;"), {"whitespace": [2]})

    def test_waiver(self):
        self.assertEqual(found("src/base/a.cc", "// tidy: allow machine-path: an example\n" + MACHINE_PATH), {})
        self.assertEqual(found("src/base/a.cc", "// tidy: allow clock: wrong rule\n" + MACHINE_PATH),
                         {"machine-path": [3]})
        self.assertEqual(found("src/base/a.cc", "// tidy: allow machine-path:\n" + MACHINE_PATH),
                         {"machine-path": [3]})


if __name__ == "__main__":
    unittest.main()
