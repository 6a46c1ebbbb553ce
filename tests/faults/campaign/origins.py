"""Where the front gets true answers from: a directory that it serves itself, or a real server behind it."""
import dataclasses
import http.client
import os
import pathlib
import threading


@dataclasses.dataclass
class Request:
    method: str
    target: str  # with its query
    headers: dict  # names in small letters
    body: bytes
    raw: bytes  # the head, as it came

    @property
    def path(self):
        return self.target.split("?")[0]


@dataclasses.dataclass
class Reply:
    """`length` is what Content-Length says: of an answer to HEAD not that of `body`."""

    status: int
    headers: list
    body: bytes = b""
    length: int | None = None

    def stated_length(self):
        return len(self.body) if self.length is None else self.length


class Shelf:
    """A plain binary cache: the files of a directory, PUT allowed."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def answer(self, request):
        name = request.path.lstrip("/")
        file = self.directory / name
        if ".." in name.split("/"):
            return Reply(400, [], b"no such place")
        if request.method == "PUT":
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_name(f".{file.name}.{threading.get_ident()}")
            partial.write_bytes(request.body)
            os.replace(partial, file)
            return Reply(201, [])
        if request.method not in ("GET", "HEAD"):
            return Reply(405, [], b"not that")
        if not file.is_file():
            return Reply(404, [], b"not here")
        content = file.read_bytes()
        first, last = 0, len(content) - 1
        status, headers = 200, [("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes")]
        wanted = request.headers.get("range", "")
        if wanted.startswith("bytes=") and content:
            begin, _, end = wanted[6:].partition("-")
            first = int(begin or 0)
            last = min(int(end), last) if end else last
            status = 206
            headers.append(("Content-Range", f"bytes {first}-{last}/{len(content)}"))
        content = content[first : last + 1]
        return Reply(status, headers, b"" if request.method == "HEAD" else content, len(content))


class Beyond:
    """A real server at HOST:PORT. What it says of its own addresses is turned into those of the front: `names` maps
    the one to the other."""

    HOP = {"host", "connection", "keep-alive", "transfer-encoding", "content-length"}

    def __init__(self, address, names):
        self.address, self.names = address, names

    def _translate(self, text):
        for own, shown in self.names.items():
            text = text.replace(own.encode(), shown.encode())
        return text

    def answer(self, request):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            headers = {name: value for name, value in request.headers.items() if name not in self.HOP}
            body = request.body if request.body or request.method in ("PUT", "POST") else None
            connection.request(request.method, request.target, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            kept = [(n, self._translate(v.encode()).decode()) for n, v in answer.getheaders() if n.lower() not in self.HOP]
            length = None
            if request.method == "HEAD":
                length = int(answer.getheader("Content-Length") or 0)
            elif "json" in (answer.getheader("Content-Type") or ""):
                content = self._translate(content)
            return Reply(answer.status, kept, content, length)
        finally:
            connection.close()
