# SPDX-License-Identifier: Apache-2.0
"""A small client of the Octopus API: JSON in, JSON out, over one connection."""
import http.client
import json
import urllib.parse

REQUEST_SECONDS = 60


class ApiError(Exception):
    """An answer other than 2xx, with what the server said about it."""

    def __init__(self, method, path, status, text):
        self.status, self.text = status, text
        try:
            body = json.loads(text)
            self.sentences = [body.get("ErrorMessage", "")] + body.get("Errors", [])
        except (ValueError, AttributeError):
            self.sentences = [text[:300]]
        super().__init__(f"{method} {path} answered {status}: {' '.join(s for s in self.sentences if s)}")


class Octopus:
    def __init__(self, url, api_key):
        self.url, self.api_key = url, api_key
        parts = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=REQUEST_SECONDS)

    def send(self, method, path, body=None, headers=None):
        """(status, headers, text) of any answer. `body` is bytes, text, or what json can write."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        headers = headers or {}
        try:
            try:
                self._connection.request(method, path, body, headers, encode_chunked="Transfer-Encoding" in headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the server has seen enough; its answer says why
            response = self._connection.getresponse()
            return response.status, response.headers, response.read().decode(errors="replace")
        except (http.client.HTTPException, OSError):
            # The next request begins with a fresh connection.
            self._connection.close()
            raise

    def text(self, method, path, body=None):
        headers = {"X-Octopus-ApiKey": self.api_key}
        if body is not None:
            headers["Content-Type"] = "application/json"
        status, _, text = self.send(method, path, body, headers)
        if not 200 <= status < 300:
            raise ApiError(method, path, status, text)
        return text

    def get(self, path, **query):
        return json.loads(self.text("GET", path + ("?" + urllib.parse.urlencode(query) if query else "")))

    def post(self, path, body):
        return json.loads(self.text("POST", path, body))

    def put(self, path, body):
        return json.loads(self.text("PUT", path, body))
