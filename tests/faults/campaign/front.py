"""A faulty HTTP server before a cache: reads requests, looks what rule they run into, and lets campaign/wire.py play it."""
import socket
import threading

from . import wire
from .origins import Reply, Request
from .rules import stage_of


class Front:
    """Listens on 127.0.0.1. `origin` answers truly, `book` says what goes wrong, `ledger` (or None) hears of what was accepted.
    `seen` collects the head of each request, and bodies that are short: somebody may look for secrets in them."""

    def __init__(self, origin, book, ledger=None, prefix=""):
        self.origin, self.book, self.ledger, self.prefix = origin, book, ledger, prefix
        self.seen, self.log, self.evicting = [], [], []
        self.on_tell = lambda: None
        self.on_evict = lambda what: None
        self.released = threading.Event()
        self.in_hand = 0  # uploads that have not been answered yet
        self._lock = threading.Lock()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.released.set()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def heal(self):
        """No rule is in force any more, and who waits for an answer is let go."""
        self.book.set(())
        self.released.set()
        self.released = threading.Event()

    def evict(self, what):
        self.on_evict(what)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = connection.makefile("rb")
            while True:
                request = self._read(stream)
                if request is None or not self._play(connection, request):
                    break
        except (OSError, ValueError):
            pass
        finally:
            try:
                connection.close()
                stream.close()
            except OSError:
                pass

    def _read(self, stream):
        line = stream.readline(65536)
        if not line.strip():
            return None
        if line[:1] == b"\x16" or line.count(b" ") < 2:  # TLS is spoken here
            with self._lock:
                self.log.append(("TLS?", "", "other", ""))
            rule = self.book.next("open", "/")
            raise ValueError(rule)
        raw, headers = [line], {}
        while True:
            line = stream.readline(65536)
            raw.append(line)
            if line in (b"\r\n", b"\n", b""):
                break
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        method, target, _ = raw[0].decode("latin-1").split(" ", 2)
        return Request(method, target, headers, self._body(stream, headers), b"".join(raw))

    @staticmethod
    def _body(stream, headers):
        if headers.get("transfer-encoding", "").lower() == "chunked":
            pieces = []
            while size := int(stream.readline().split(b";")[0], 16):
                pieces.append(stream.read(size))
                stream.readline()
            stream.readline()
            return b"".join(pieces)
        return stream.read(int(headers.get("content-length") or 0))

    def _play(self, connection, request):
        stage = stage_of(request.method, request.path, bool(self.ledger and self.ledger.has_uploads))
        rule = self.book.next(stage, request.path)
        with self._lock:
            self.seen.append(request.raw + (request.body if len(request.body) < 100_000 else b""))
            self.log.append((request.method, request.path, stage, rule.action if rule else ""))

        def ask(keep=True):
            reply = self.origin.answer(request) if keep else Reply(200, [])
            if 200 <= reply.status < 300:
                self._note(request)
            return reply

        turn = wire.Turn(connection, request, stage, rule and rule.argument, ask, self.released, self)
        self._count(request, 1)
        try:
            return (wire.ACTIONS[rule.action] if rule else wire.passes)(turn)
        finally:
            self._count(request, -1)

    def _count(self, request, step):
        with self._lock:
            self.in_hand += step * (request.method == "PUT")

    def _note(self, request):
        name, part = request.path[len(self.prefix) :].lstrip("/"), "uploadId=" in request.target
        if self.ledger is None or request.method != ("POST" if part else "PUT"):
            return
        if part:  # the last word of a file that came in parts
            whole = self.origin.answer(Request("HEAD", request.path, {}, b"", b""))
            self.ledger.archive_accepted(name, whole.stated_length() if whole.status == 200 else None)
            return
        if name.endswith(".narinfo"):
            self.ledger.narinfo_accepted(request.body.decode("utf-8", "replace"))
        elif name.startswith(("nar/", "r2/")) or name.endswith("/upload-path"):
            self.ledger.archive_accepted(name, len(request.body))
