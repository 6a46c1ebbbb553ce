"""Caches with a server of their own: attic and niks3, each its stand-in behind a front."""
import json
import subprocess
import time
import urllib.error
import urllib.request

from .backends import Plain, _HasUploads
from .front import Front
from .ledger import parse_narinfo, references
from .nursery import wait_for_file
from .origins import Beyond


class StandIn(Plain):
    """What both share: a process, its log, and what it says of itself at /_state."""

    program = ""
    more = ()

    def __init__(self, case, directory, nursery):
        super().__init__(case, directory, nursery)
        if case.filled:
            raise ValueError(f"{self.name} starts empty")
        self.token = f"token-{time.time_ns()}-{case.number}"
        self.secrets = {"token": self.token}
        self.files, self.log, ready = directory / self.name, directory / f"{self.name}.log", directory / f"{self.name}.ready"
        words = [nursery.program(self.program), "--dir", self.files, "--port-file", ready, "--log-file", self.log, *self.more]
        self.process = subprocess.Popen([*words, self.token], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        told = json.loads(wait_for_file(ready))
        self.real, self.public_key = told["url"], told["public_key"]
        address, names = self.real.split("//")[1], {}
        front = Front(Beyond(address, names), self.book, _HasUploads(self))
        names[address] = front.address
        self.fronts = [front]
        self.host = front.address

    def state(self):
        return json.load(urllib.request.urlopen(self.real + "/_state", timeout=120))

    def clean_up(self):
        """What the server does by itself, now and then."""

    def _get(self, url, method="GET"):
        return urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=120)

    def narinfos(self):
        state = self.state()
        return {key: self._get(f"{state['uri']}/{key}.narinfo").read().decode() for key in state["narinfos"]}

    def archive_is_whole(self, fields):
        """Neither says how large its archives are, but serves no half ones."""
        try:
            return bool(self._get(f"{self.real}/{self.folder}/{fields.get('URL', '?')}").read(1))
        except urllib.error.HTTPError:
            return False

    def problems(self):
        """The order of publishing, by the server's own log."""
        seen, found = {}, []
        for line in self.log.read_text().splitlines() if self.log.exists() else ():
            if published := json.loads(line).get("published"):
                seen.setdefault(published[:32], len(seen))
        for key, text in self.narinfos().items():
            found += [f"{key} was published before {other}, to which it refers" for other in references(parse_narinfo(text))
                      if key in seen and seen.get(other, -1) > seen[key]]
        return found

    def close(self):
        super().close()
        self.process.kill()
        self.process.wait()


class Attic(StandIn):
    name, program, folder, more = "attic", "attic-server", "team", ("--push-token",)

    def __init__(self, case, directory, nursery):
        super().__init__(case, directory, nursery)
        self.uri, self.url = f"attic://{self.host}/team?scheme=http", f"http://{self.host}/team"
        self.environment = {"ATTIC_TOKEN": self.token}


class Niks3(StandIn):
    name, program, folder, more = "niks3", "niks3-server", "bucket", ("--token",)

    def __init__(self, case, directory, nursery):
        super().__init__(case, directory, nursery)
        self.uri, self.url = f"niks3://{self.host}?scheme=http", f"http://{self.host}/bucket"
        self.environment = {"NIKS3_AUTH_TOKEN": self.token, "NIKS3_SERVER_URL": f"http://{self.host}"}

    def clean_up(self):
        self._get(self.real + "/_gc", "POST")
