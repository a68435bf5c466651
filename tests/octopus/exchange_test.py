#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the comparison of answers with patterns: a pattern that fits everything would prove nothing."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True
import exchange  # noqa: E402

FILE = """# about this file
@needs cluster

### makes a thing
@until 5
POST /api/things
X-Octopus-ApiKey: -

{"Name": "{{name}}"}
---> 201
Content-Type: {{~json}}

{"Id": "{{=id}}"}

### looks at it
GET /api/things/{{id}}
---> 200
"""


class Comparison(unittest.TestCase):
    def problems(self, pattern, value, values=None):
        return exchange.compare(pattern, value, {} if values is None else values)

    def test_members_that_are_not_named_do_not_matter(self):
        self.assertEqual(self.problems({"A": 1}, {"A": 1, "B": 2}), [])
        self.assertEqual(len(self.problems({"A": 1, "{{only}}": True}, {"A": 1, "B": 2})), 1)

    def test_members_may_be_named_by_captures(self):
        pattern = {"{{only}}": True, "{{id}}": 1}
        self.assertEqual(self.problems(pattern, {"Things-1": 1}, {"id": "Things-1"}), [])
        self.assertEqual(self.problems(pattern, {"Things-2": 1}, {"id": "Things-1"}),
                         ["$ should have no members Things-2", "$.Things-1 is missing"])

    def test_missing_and_different_members_are_named(self):
        self.assertEqual(self.problems({"A": {"B": 1}}, {"A": {}}), ["$.A.B is missing"])
        self.assertEqual(self.problems({"A": "x"}, {"A": "y"}), ['$.A should be "x", but is "y"'])

    def test_absent(self):
        self.assertEqual(self.problems({"Errors": "{{absent}}"}, {}), [])
        self.assertEqual(len(self.problems({"Errors": "{{absent}}"}, {"Errors": []})), 1)

    def test_true_is_no_number_and_null_no_text(self):
        self.assertEqual(len(self.problems(1, True)), 1)
        self.assertEqual(len(self.problems("{{integer}}", True)), 1)
        self.assertEqual(len(self.problems("{{string}}", None)), 1)
        self.assertEqual(len(self.problems("{{text}}", "")), 1)
        self.assertEqual(len(self.problems("{{time}}", "yesterday")), 1)
        self.assertEqual(self.problems("{{time}}", "2026-01-02T03:04:05.678+00:00"), [])

    def test_arrays(self):
        self.assertEqual(self.problems([1, 2], [1, 2]), [])
        self.assertEqual(len(self.problems([1, 2], [1, 2, 3])), 1)
        self.assertEqual(self.problems(["{{contains}}", 3], [1, 2, 3]), [])
        self.assertEqual(len(self.problems(["{{contains}}", 4], [1, 2, 3])), 1)
        self.assertEqual(len(self.problems(["{{each}}", "{{integer}}"], [1, "2"])), 1)
        self.assertEqual(len(self.problems(["{{each}}", "{{integer}}"], [])), 1)

    def test_captures_of_elements_that_do_not_fit_are_dropped(self):
        values = {}
        pattern = ["{{contains}}", {"Id": "{{=id}}", "Name": "b"}]
        self.assertEqual(self.problems(pattern, [{"Id": 1, "Name": "a"}, {"Id": 2, "Name": "b"}], values), [])
        self.assertEqual(values, {"id": 2})

    def test_expressions_may_use_captures(self):
        self.assertEqual(self.problems("{{~^{{id}}-s-}}", "Projects-1-s-2", {"id": "Projects-1"}), [])
        self.assertEqual(len(self.problems("{{~^{{id}}-s-}}", "Projects-2-s-2", {"id": "Projects-1"})), 1)


class Files(unittest.TestCase):
    def test_a_file(self):
        directives, [first, second] = exchange.parse(FILE, "x.http")
        self.assertEqual(directives, [["needs", "cluster"]])
        self.assertEqual((first.method, first.path, first.until_seconds, first.status),
                         ("POST", "/api/things", 5, 201))
        self.assertEqual(first.headers, {"X-Octopus-ApiKey": "-"})
        self.assertEqual((second.status, second.answer), (200, ""))

    def test_an_answer(self):
        _, [first, _] = exchange.parse(FILE, "x.http")
        values = {}
        headers = {"Content-Type": "application/json"}
        self.assertEqual(exchange.compare_answer(first, 201, headers, '{"Id": "Things-1"}', values), [])
        self.assertEqual(values, {"id": "Things-1"})
        self.assertEqual(exchange.compare_answer(first, 200, {}, "no", values),
                         ["status should be 201, but is 200", "header Content-Type is missing", "the body is not JSON"])

    def test_broken_files_are_refused(self):
        for text in ("### no request\n---> 200\n", "### no answer\nGET /api\n", "stray\n",
                     "### x\n@unknown\nGET /api\n---> 200\n", "### x\nGET /api\nno header\n---> 200\n"):
            with self.assertRaises(exchange.FormatError):
                exchange.parse(text, "x.http")

    def test_unknown_names_are_refused(self):
        with self.assertRaises(exchange.FormatError):
            exchange.fill("/api/{{nothing}}", {})


if __name__ == "__main__":
    unittest.main()
