#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What strangers send to the port: too much, too slowly, or nonsense. Each gets an answer or a closed connection within a
bound, and meanwhile and afterwards the server works for everybody else."""
import json
import os
import random
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "support"))
from lab import SPACE, Lab, wait_until  # noqa: E402

SEED = int(os.environ.get("FAIRLEAD_FAULT_SEED", str(random.randrange(10**6))))
HEAD_SECONDS = 20  # what the server allows for a request's head
LAB = None


def setUpModule():
    global LAB
    LAB = Lab(clusters=0)


def tearDownModule():
    LAB.close()


def memory_mib():
    with open(f"/proc/{LAB.server.program.pid}/status", encoding="utf-8") as stream:
        return next(int(line.split()[1]) // 1024 for line in stream if line.startswith("VmRSS"))


class Wire(unittest.TestCase):
    def setUp(self):
        self.before = LAB.server.program.pid
        self.sockets = []

    def tearDown(self):
        for opened in self.sockets:
            opened.close()
        self.assertTrue(LAB.server.program.alive(), LAB.server.program.log_tail())
        self.assert_answers()

    def assert_answers(self, seconds=5):
        started = time.monotonic()
        self.assertTrue(LAB.api.get("/api")["Version"])
        self.assertLess(time.monotonic() - started, seconds, "others wait")

    def connect(self):
        opened = socket.create_connection(("127.0.0.1", int(LAB.server.url.rsplit(":", 1)[1])), timeout=30)
        self.sockets.append(opened)
        return opened

    def send(self, *pieces):
        """(status, body) of what came back until the connection was closed or the answer was complete; 0: nothing."""
        opened, answer = self.connect(), b""
        try:
            for piece in pieces:
                opened.sendall(piece)
        except OSError:
            pass  # the server has seen enough
        try:
            while True:
                head, found, body = answer.partition(b"\r\n\r\n")
                length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                               if line.startswith(b"content-length:")), None)
                if found and length is not None and len(body) >= length:
                    break
                piece = opened.recv(65536)
                if not piece:
                    break
                answer += piece
        except ConnectionResetError:
            pass
        if not answer:
            return 0, ""
        self.assertTrue(answer.startswith(b"HTTP/1.1 "), answer[:200])
        return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2].decode(errors="replace")

    def request(self, method, path, body=b"", *headers):
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"X-Octopus-ApiKey: {LAB.server.api_key}",
                 "Content-Type: application/json", *headers]
        if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

    def assert_refused(self, answer, status, *words):
        self.assertEqual(answer[0], status, answer[1][:500])
        said = json.loads(answer[1])
        sentence = " ".join([said["ErrorMessage"], *said.get("Errors", [])])
        self.assertLess(len(sentence), 1000)
        for word in words:
            self.assertIn(word, sentence)

    def test_a_last_chunk_byte_by_byte(self):
        opened = self.connect()
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.sendall(b"POST /api/nothing HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        for byte in b"0\r\n\r\n":
            time.sleep(0.1)  # so that the bytes come one by one
            opened.sendall(bytes([byte]))
        self.assertIn(opened.recv(12), (b"HTTP/1.1 401", b"HTTP/1.1 404"))

    def test_bodies_that_are_too_large(self):
        path = f"{SPACE}/environments"
        self.assert_refused(self.send(self.request("POST", path, b"", "Content-Length: 99999999999")), 413)
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        self.assert_refused(self.send(self.request("POST", path, b"", "Transfer-Encoding: chunked"),
                                      *[chunk] * 400), 413)
        before = memory_mib()
        for _ in range(10):
            self.assert_refused(self.send(self.request("POST", path, b"{" + b" " * (21 << 20))), 413)
        self.assertLess(memory_mib(), before + 100)

    def test_heads_that_are_too_large(self):
        self.assertIn(self.send(self.request("GET", "/api?x=" + "y" * (1 << 20)))[0], (414, 431))
        self.assert_refused(self.send(self.request("GET", "/api", b"", "X-Long: " + "y" * (1 << 20))), 431)
        many = [f"X-{i}: y" for i in range(5000)]
        self.assert_refused(self.send(self.request("GET", "/api", b"", *many)), 431)

    def test_a_long_query_that_is_allowed(self):
        ids = ",".join(f"Environments-{i}" for i in range(4000))
        status, text = self.send(self.request("GET", f"{SPACE}/environments?ids={ids[:60000]}"))
        self.assertIn(status, (200, 400), text[:300])
        status, text = self.send(self.request("GET", f"{SPACE}/environments?partialName=" + "%25" * 15000))
        self.assertIn(status, (200, 400), text[:300])

    def test_deep_json(self):
        for text in (b"[" * 200_000, b'{"a":' * 200_000, b'{"Name":' + b"[" * 100_000 + b"]" * 100_000 + b"}"):
            self.assert_refused(self.send(self.request("POST", f"{SPACE}/environments", text)), 400)

    def test_text_that_is_not_utf8(self):
        for bad in (b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x28\xa1"):
            answer = self.send(self.request("POST", f"{SPACE}/environments", b'{"Name":"a' + bad + b'b"}'))
            self.assert_refused(answer, 400)
        status, text = self.send(self.request("GET", f"{SPACE}/environments/%ff%fe"))
        self.assertIn(status, (400, 404), text[:300])
        status, text = self.send(self.request("GET", f"{SPACE}/environments?partialName=%ff"))
        self.assertIn(status, (200, 400), text[:300])
        status, text = self.send(self.request("POST", f"{SPACE}/environments", b'{"Name":"\\ud800"}'))
        self.assertEqual(status, 400, text[:300])

    def test_names_with_control_characters(self):
        for bad in ("\\u0000", "a\\u0000b", "\\u0007"):
            status, text = self.send(self.request("POST", f"{SPACE}/environments", f'{{"Name":"{bad}"}}'.encode()))
            self.assertEqual(status, 400, text[:300])

    def test_json_that_is_none(self):
        for text in (b"", b"{", b"null", b"[]", b"1e999", b'"text"', b"{'Name':'x'}", b'{"Name":"x",}', b'{"Name":1e400}',
                     b"\x00", b'{"Name":"x"} trailing', b"\xef\xbb\xbf{", b"NaN"):
            self.assert_refused(self.send(self.request("POST", f"{SPACE}/environments", text)), 400)

    def test_requests_that_could_be_read_in_two_ways(self):
        body = b'{"Name":"smuggled"}'
        for headers in (("Content-Length: 5", "Content-Length: 6"), ("Content-Length: -1",), ("Content-Length: +5",),
                        ("Content-Length: 19", "Transfer-Encoding: chunked"), ("Transfer-Encoding: chunked, identity",),
                        ("Transfer-Encoding: gzip",), ("Content-Length : 19",), ("Content-Length: 1e1",)):
            status, text = self.send(self.request("POST", f"{SPACE}/environments", body, *headers))
            self.assertIn(status, (400, 501), f"{headers}: {text[:200]}")
        names = {item["Name"] for item in LAB.api.get(f"{SPACE}/environments/all")}
        self.assertNotIn("smuggled", names)
        for chunk in (b"zz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"5\r\nabcdeXY\r\n"):
            status, text = self.send(self.request("POST", f"{SPACE}/environments", b"", "Transfer-Encoding: chunked"), chunk)
            self.assertIn(status, (400, 413), f"{chunk}: {text[:200]}")

    def test_garbage(self):
        chance = random.Random(SEED)
        tls_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200
        http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 9
        for piece in [tls_hello, http2, b"\r\n" * 1000 + b"GET", b"GET /api HTTP/9.9\r\n\r\n", b"GET  /api\r\n\r\n",
                      b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
                      *[chance.randbytes(2000) + b"\r\n\r\n" for _ in range(50)]]:
            status, text = self.send(piece + b"\r\n\r\n")
            self.assertIn(status, (0, 400, 404, 405, 431, 505), f"seed {SEED}: {piece[:60]}: {text[:200]}")

    def test_paths_that_lead_elsewhere(self):
        for path in ("/../../etc/passwd", "/api/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
                     "/api/tasks/..%2f..%2fkeys%2fmaster.key/raw", "/api/tasks/%00/raw", "/ui/v1/tasks/../log",
                     "/api/tasks/ServerTasks-1%0d%0aX-Injected:%20yes/raw"):
            status, text = self.send(self.request("GET", path))
            self.assertIn(status, (400, 404), f"{path}: {text[:200]}")
            self.assertNotIn("root:", text)

    def test_slow_clients(self):
        """200 clients that never end their head, 50 that never end their body: others do not notice, and the slow
        ones are sent away."""
        started = time.monotonic()
        heads = [self.connect() for _ in range(200)]
        for opened in heads:
            opened.sendall(b"GET /api HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        bodies = [self.connect() for _ in range(50)]
        for opened in bodies:
            opened.sendall(self.request("POST", f"{SPACE}/environments", b"", "Content-Length: 1000") + b"{")
        self.assert_answers(2)
        closed = set()

        def all_closed():
            for opened in heads:
                if opened in closed:
                    continue
                try:
                    opened.sendall(b"y")  # a drop that must not buy more time
                    opened.setblocking(False)
                    if opened.recv(1000):
                        closed.add(opened)  # 408
                except BlockingIOError:
                    pass
                except OSError:
                    closed.add(opened)
                finally:
                    opened.setblocking(True)
            return len(closed) == len(heads)

        wait_until(lambda: f"the end of slow heads ({len(closed)} of {len(heads)})", all_closed, HEAD_SECONDS + 15)
        self.assertGreater(time.monotonic() - started, 5, "nobody is sent away at once")
        self.assert_answers(2)

    def test_answers_that_nobody_reads(self):
        """Requests are sent one after the other without reading: memory stays bounded."""
        before = memory_mib()
        for _ in range(20):
            opened = self.connect()
            opened.settimeout(0.2)
            try:
                for _ in range(5000):
                    opened.sendall(self.request("GET", "/api"))
            except OSError:
                pass
        self.assert_answers(5)
        self.assertLess(memory_mib(), before + 100)


if __name__ == "__main__":
    unittest.main()
