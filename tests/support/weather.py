# SPDX-License-Identifier: Apache-2.0
"""Proxies that stand before an API server and make bad weather. Everything else passes unchanged.

`Weather` ends TLS with a certificate of its own and speaks HTTP/1.1, one request a connection, so that it can answer in the
server's place, lose answers, cut bodies and silence watches. `Wire` passes bytes on (HTTP/2 inside of TLS stays what it is),
and can cut or freeze what goes over it."""
import base64
import contextlib
import os
import re
import socket
import ssl
import subprocess
import threading

SECONDS = 60  # no connection of a test is longer without a byte, except where a fault wants it
PIECE = 65536


def make_certificate(folder):
    """Paths of certificate and key for 127.0.0.1, and the certificate as the API wants it."""
    certificate, key = os.path.join(folder, "weather.pem"), os.path.join(folder, "weather.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                    "-out", certificate, "-days", "2", "-subj", "/CN=weather", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    with open(certificate, "rb") as stream:
        return certificate, key, base64.b64encode(stream.read()).decode()


class Fault:
    """What happens to the next `count` requests that fit. Exactly one of:
    `answer` (status, headers, body): the server never sees the request;
    `lose`: the server does, its answer is lost and the connection cut;
    `cut`: so many bytes of the answer's body come through, then the connection is cut;
    `delay`: so many seconds before the request is passed on;
    `silence`: the head of the answer comes through, then nothing, and the connection stays."""

    def __init__(self, method=".*", path=".*", count=1, answer=None, lose=False, cut=None, delay=0, silence=False):
        self.method, self.path, self.count = re.compile(method), re.compile(path), count
        self.answer, self.lose, self.cut, self.delay, self.silence = answer, lose, cut, delay, silence
        self.happened = 0

    def fits(self, method, path):
        return self.count > 0 and self.method.fullmatch(method) and self.path.search(path)


class _Listener:
    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open = set()
        self._closed = False

    def _begin(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(client,), daemon=True).start()

    def _guarded(self, client):
        try:
            client.settimeout(SECONDS)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._serve(client)
        except (OSError, ValueError):
            pass  # the other side has gone, or was cut
        finally:
            client.close()

    @contextlib.contextmanager
    def _kept(self, opened):
        with self._lock:
            self._open.add(opened)
        try:
            yield opened
        finally:
            with self._lock:
                self._open.discard(opened)
            opened.close()

    def cut_all(self):
        """Ends every connection as a reset."""
        with self._lock:
            for opened in self._open:
                try:
                    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    opened.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self._closed = True
        self._listener.close()
        self.cut_all()


class Weather(_Listener):
    """`url` and `authority` are what a target is given instead of the cluster's."""

    def __init__(self, target_url, folder):
        super().__init__()
        certificate, key, self.authority = make_certificate(folder)
        self.url = f"https://127.0.0.1:{self.port}"
        host, _, port = target_url.rpartition("//")[2].partition(":")
        self._target = (host, int(port.rstrip("/")))
        self._server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server_tls.load_cert_chain(certificate, key)
        self._client_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client_tls.check_hostname = False
        self._client_tls.verify_mode = ssl.CERT_NONE
        self._faults = []
        self._held = threading.Event()  # set when silent connections may end
        self.requests = []  # "GET /path" of all that came
        self._begin()

    def add(self, *faults):
        with self._lock:
            self._faults += faults
        return faults[0]

    def clear(self):
        with self._lock:
            self._faults = []

    def seen(self, method, path):
        """How many requests came."""
        with self._lock:
            return sum(1 for line in self.requests if re.fullmatch(method, line.split()[0]) and re.search(path, line.split()[1]))

    def close(self):
        self._held.set()
        super().close()

    def _fault_for(self, method, path):
        with self._lock:
            self.requests.append(f"{method} {path}")
            for fault in self._faults:
                if fault.fits(method, path):
                    fault.count -= 1
                    fault.happened += 1
                    return fault
        return None

    def _serve(self, raw):
        with self._kept(self._server_tls.wrap_socket(raw, server_side=True)) as client:
            head, body = self._read_request(client)
            if not head:
                return
            lines = head.decode("latin-1").split("\r\n")
            method, path, _ = lines[0].split(" ")
            fault = self._fault_for(method, path)
            if fault and fault.answer:
                return client.sendall(self._answer(*fault.answer))
            if fault and fault.delay:
                self._held.wait(fault.delay)
            kept = [line for line in lines[1:] if line and not line.lower().startswith("connection:")]
            request = "\r\n".join([lines[0], *kept, "Connection: close", "", ""]).encode("latin-1") + body
            plain = socket.create_connection(self._target, timeout=SECONDS)
            with self._kept(self._client_tls.wrap_socket(plain)) as upstream:
                upstream.settimeout(None)  # watches
                upstream.sendall(request)
                self._pass_answer(upstream, client, fault)

    def _pass_answer(self, upstream, client, fault):
        client.settimeout(None)
        answer, ended = b"", False
        while b"\r\n\r\n" not in answer and not ended:
            piece = upstream.recv(PIECE)
            answer, ended = answer + piece, not piece
        if fault and fault.lose:
            while upstream.recv(PIECE):
                pass  # the server has done its work
            return
        head, _, body = answer.partition(b"\r\n\r\n")
        left = fault.cut if fault and fault.cut is not None else None
        client.sendall(head + b"\r\n\r\n")
        if fault and fault.silence:
            self._held.wait()
            return
        while True:
            if left is not None:
                body = body[:left]
                left -= len(body)
            client.sendall(body)
            if left == 0:
                return
            body = upstream.recv(PIECE)
            if not body:
                return

    @staticmethod
    def _answer(status, headers, body):
        lines = [f"HTTP/1.1 {status} Weather", "Content-Type: application/json", f"Content-Length: {len(body)}",
                 "Connection: close", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode() + body.encode()

    @staticmethod
    def _read_request(client):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = client.recv(PIECE)
            if not piece:
                return b"", b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        while length and len(body) < int(length.group(1)):
            piece = client.recv(PIECE)
            if not piece:
                return b"", b""
            body += piece
        return head, body


class Wire(_Listener):
    """Bytes both ways. `url` is for a target with the cluster's own authority."""

    def __init__(self, target_url):
        super().__init__()
        host, _, port = target_url.rpartition("//")[2].partition(":")
        self._target = (host, int(port.rstrip("/")))
        self.url = f"https://127.0.0.1:{self.port}"
        self._flows = threading.Event()
        self._flows.set()
        self._refuses = False
        self.connections = 0
        self._begin()

    def freeze(self):
        """Nothing goes through any more, though nothing is closed: a dead router."""
        self._flows.clear()

    def thaw(self):
        self._flows.set()

    def refuse(self, refuses=True):
        """Whether new connections are closed at once."""
        self._refuses = refuses

    def close(self):
        super().close()
        self._flows.set()

    def _serve(self, client):
        with self._lock:
            self.connections += 1
        if self._refuses:
            return
        upstream = socket.create_connection(self._target, timeout=SECONDS)
        with self._kept(client), self._kept(upstream):
            client.settimeout(None)
            upstream.settimeout(None)
            back = threading.Thread(target=self._copy, args=(upstream, client), daemon=True)
            back.start()
            self._copy(client, upstream)
            back.join()

    def _copy(self, source, sink):
        try:
            while True:
                piece = source.recv(PIECE)
                self._flows.wait()
                if not piece or self._closed:
                    break
                sink.sendall(piece)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
