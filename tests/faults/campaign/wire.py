"""How answers go wrong: each function takes the conversation and plays one action on it.

An action gets a Turn and returns True if the connection may be used again. `ACTIONS` has them by name; their argument is the
rule's."""
import dataclasses
import select
import socket
import struct
import time

from .origins import Reply

PAGE = b"<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body>Please log in</body></html>\n"


@dataclasses.dataclass
class Turn:
    """One request on a connection. `ask` lets the origin answer, and the ledger know; `released` ends what would wait."""

    connection: socket.socket
    request: object
    stage: str
    argument: object
    ask: object
    released: object
    front: object

    def send(self, data):
        self.connection.sendall(data)

    def head(self, reply, length=None):
        lines = [f"HTTP/1.1 {reply.status} Whatever"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        lines.append(f"Content-Length: {reply.stated_length() if length is None else length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def deliver(self, reply):
        self.send(self.head(reply) + (b"" if self.request.method == "HEAD" else reply.body))
        return True

    def wait_for_end(self, seconds=600):
        """Until the other side hangs up, the campaign lets go, or the time is over."""
        until = time.monotonic() + seconds
        while not self.released.is_set() and time.monotonic() < until:
            if select.select([self.connection], [], [], 0.1)[0]:
                if not self.connection.recv(65536):
                    break
        return False

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


def passes(turn):
    return turn.deliver(turn.ask())


def hang_before(turn):
    return turn.wait_for_end()


def hang_head(turn):
    turn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/pl")
    return turn.wait_for_end()


def hang_body(turn):
    reply = turn.ask()
    turn.send(turn.head(reply, max(reply.stated_length(), 10)) + reply.body[: len(reply.body) // 2])
    return turn.wait_for_end()


def reset_before(turn):
    return turn.reset()


def close_before(turn):
    return False


def reset_head(turn):
    turn.send(b"HTTP/1.1 200 OK\r\nContent-")
    time.sleep(0.02)
    return turn.reset()


def cut_body(turn):
    """The connection ends after `argument` (0..1) of the body; a whole Content-Length was promised."""
    reply = turn.ask()
    length = max(reply.stated_length(), 8)
    turn.send(turn.head(reply, length) + reply.body[: int(len(reply.body) * turn.argument)])
    return False


def lost_reply(turn):
    """It is done, but nobody hears of it."""
    turn.ask()
    return turn.reset()


def done_but(turn):
    """It is done, but the answer is the status of the argument."""
    turn.ask()
    return turn.deliver(Reply(turn.argument, [], b"something went wrong\n"))


def drip(turn):
    """Some bytes at a time, `argument` seconds for all of it."""
    reply = turn.ask()
    data = turn.head(reply) + (b"" if turn.request.method == "HEAD" else reply.body)
    step = max(len(data) // 20, 1)
    for start in range(0, len(data), step):
        turn.send(data[start : start + step])
        if turn.released.wait(turn.argument / 20):
            return False
    return True


def slow(turn):
    turn.released.wait(turn.argument)
    return passes(turn)


def status(turn):
    """(status, retry-after or None, body or None). What says yes to an upload is taken for kept, as the client has to."""
    number, retry_after, body = turn.argument
    if number in (200, 201, 204):
        turn.ask(keep=False)
    headers = [] if retry_after is None else [("Retry-After", str(retry_after))]
    return turn.deliver(Reply(number, headers, body or b"not now\n"))


def swallow(turn):
    """Says yes and keeps nothing; the ledger takes it for kept, as the client has to."""
    turn.ask(keep=False)
    return turn.deliver(Reply(200, []))


def error_body(turn):
    return turn.deliver(Reply(200, [("Content-Type", "application/json")], b'{"error": "internal", "message": "try again"}'))


def page(turn):
    return turn.deliver(Reply(200, [("Content-Type", "text/html")], PAGE))


def empty_ok(turn):
    return turn.deliver(Reply(200, []))


def raw(turn):
    """The bytes of the argument, then the end."""
    turn.send(turn.argument)
    return False


def long_length(turn):
    reply = turn.ask()
    turn.send(turn.head(reply, reply.stated_length() + 50) + reply.body)
    return False


def short_length(turn):
    reply = turn.ask()
    turn.send(turn.head(reply, reply.stated_length() // 2) + (b"" if turn.request.method == "HEAD" else reply.body))
    return False


def flip(turn):
    """One bit of the body is another, at `argument` (0..1) of it."""
    reply = turn.ask()
    if reply.body:
        at = min(int(len(reply.body) * turn.argument), len(reply.body) - 1)
        reply.body = reply.body[:at] + bytes([reply.body[at] ^ 4]) + reply.body[at + 1 :]
    return turn.deliver(reply)


def rewrite(turn):
    """(from, to) in the body."""
    reply = turn.ask()
    if turn.request.method != "HEAD":
        reply.body, reply.length = reply.body.replace(*turn.argument), None
    return turn.deliver(reply)


def loop(turn):
    """Redirects to itself, and on, and on."""
    target = turn.request.target.split("?")[0] + f"?again={time.monotonic_ns()}"
    return turn.deliver(Reply(turn.argument, [("Location", target)]))


def endless(turn):
    """A body that does not end; HEAD has none."""
    if turn.request.method == "HEAD":
        return turn.deliver(turn.ask())
    turn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    piece = b"StorePath: nothing\n" * 4000
    for _ in range(8000):
        if turn.released.is_set():
            break
        turn.send(piece)
    return False


def long_head(turn):
    turn.send(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-Line-%d: %s\r\n" % (i, b"y" * 200) for i in range(20000)) + b"\r\n")
    return False


def tell(turn):
    """Tells the front's listener (who sends a signal), then answers, or, with the argument "silent", never does."""
    turn.front.on_tell()
    return turn.wait_for_end() if turn.argument == "silent" else passes(turn)


def evict(turn):
    """Answers, and then takes away what the argument names (a part of its store path)."""
    reply = turn.ask()
    turn.front.evict(turn.argument)
    return turn.deliver(reply)


ACTIONS = {function.__name__.replace("_", "-"): function for function in (
    passes, hang_before, hang_head, hang_body, reset_before, close_before, reset_head, cut_body, lost_reply, done_but, drip, slow,
    status, swallow, error_body, page, empty_ok, raw, long_length, short_length, flip, rewrite, loop, endless, long_head, tell, evict)}
