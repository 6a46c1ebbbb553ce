"""The caches of a case: each kind with its address, its credentials, and a look at what it really holds."""
import json
import shutil
import time
import urllib.error
import urllib.request

from .front import Front
from .ledger import Ledger, parse_narinfo, references
from .nursery import s3_request
from .origins import Beyond, Shelf
from .rules import Book


class Plain:
    """What the kinds of plain caches share. `narinfos()` are the texts that the cache holds, by store hash."""

    name = ""

    def __init__(self, case, directory, nursery):
        self.case, self.directory, self.nursery = case, directory, nursery
        self.book = Book(case.rules)
        self.fronts = []
        self.secrets = {"signing key": nursery.signing_key.split(":", 1)[1]}
        self.environment = {"CACHEFILL_SIGNING_KEY": nursery.signing_key}
        self.public_key = nursery.public_key
        self.ledger = None

    def known(self):
        """Texts of the narinfos that are there from the start, and the archives as name → size."""
        if not self.case.filled:
            return [], {}
        texts = [file.read_text() for file in self.nursery.filled.glob("*.narinfo")]
        return texts, {f"nar/{file.name}": file.stat().st_size for file in (self.nursery.filled / "nar").iterdir()}

    def make_ledger(self):
        texts, archives = self.known()
        ledger = Ledger(texts, {self.nursery.base[11:43]} if self.case.upstream_rules is not None else ())
        ledger.archives.update(archives)
        return ledger

    def served(self):
        """Store hash → True if the cache holds it with its archive, whole and unharmed."""
        return {key: self.archive_is_whole(parse_narinfo(text)) for key, text in self.narinfos().items()}

    def problems(self):
        return list(self.ledger.problems) if self.ledger else []

    def heal(self):
        for front in self.fronts:
            front.heal()

    def close(self):
        for front in self.fronts:
            front.close()


class Directory(Plain):
    """file://: faults are those of its files, see campaign/damage.py. Looked at from outside while the run goes on."""

    name = "file"

    def __init__(self, case, directory, nursery):
        super().__init__(case, directory, nursery)
        self.files = directory / "cache"
        if case.filled:
            shutil.copytree(nursery.filled, self.files)
        self.uri = self.url = f"file://{self.files}"

    def narinfos(self):
        found = {}
        for file in self.files.glob("*.narinfo") if self.files.is_dir() else ():
            if file.is_file():
                found[file.name[:32]] = file.read_text(errors="replace")
        return found

    def archive_is_whole(self, fields):
        file = self.files / fields.get("URL", "?")
        return file.is_file() and str(file.stat().st_size) == fields.get("FileSize")

    def instant(self):
        """One look of the watcher: what was not closed. The second list is read after the first, so that what refers was there
        when it was looked for what it refers to."""
        first = self.narinfos()
        second = {file.name[:32] for file in self.files.glob("*.narinfo")} if first else set()
        found = []
        for text in first.values():
            fields = parse_narinfo(text)
            missing = references(fields) - second - ({self.nursery.base[11:43]} if self.case.upstream_rules is not None else set())
            found += [f"{fields.get('StorePath')} was there without {other}" for other in missing]
            if not (self.files / fields.get("URL", "?")).is_file():
                found.append(f"{fields.get('StorePath')} was there without its archive")
        return found


class Http(Plain):
    """A plain cache over HTTP: a directory that the front itself serves."""

    name = "http"

    def __init__(self, case, directory, nursery):
        super().__init__(case, directory, nursery)
        self.files = directory / "cache"
        if case.filled:
            shutil.copytree(nursery.filled, self.files)
        else:
            self.files.mkdir()
            (self.files / "nix-cache-info").write_text("StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n")
        self.ledger = self.make_ledger()
        front = Front(Shelf(self.files), self.book, self.ledger)
        front.on_evict = self.evict
        self.fronts = [front]
        self.uri = self.url = f"{case.scheme}://{front.address}"

    narinfos = Directory.narinfos
    archive_is_whole = Directory.archive_is_whole

    def heal(self):
        super().heal()
        self.uri = self.url = self.url.replace("https://", "http://")

    def evict(self, what):
        for file in self.files.glob("*.narinfo"):
            if what in file.read_text().splitlines()[0]:
                file.unlink()
                self.ledger.took_away(file.name[:32])


class S3(Plain):
    """A bucket of a real S3 server behind the front."""

    name = "s3"
    number = 0

    def __init__(self, case, directory, nursery):
        super().__init__(case, directory, nursery)
        S3.number += 1
        self.bucket = f"case-{S3.number}"
        self.base = f"{nursery.s3}/{self.bucket}"
        s3_request(self.base, "PUT")
        reading = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:HeadObject"],
                   "Resource": f"arn:aws:s3:::{self.bucket}/*"}
        s3_request(self.base + "?policy", "PUT", json.dumps({"Version": "2012-10-17", "Statement": [reading]}).encode())
        if case.filled:
            for file in sorted(nursery.filled.rglob("*")):
                if file.is_file():
                    s3_request(f"{self.base}/{file.relative_to(nursery.filled)}", "PUT", file.read_bytes())
        self.ledger = self.make_ledger()
        front = Front(Beyond(nursery.s3.split("//")[1], {}), self.book, self.ledger, "/" + self.bucket)
        front.on_evict = self.evict
        self.fronts = [front]
        self.uri = f"s3://{self.bucket}?endpoint=http://{front.address}&region=eu-test-1"
        self.url = f"http://{front.address}/{self.bucket}"
        secret = f"aws/secret+{S3.number}/{time.time_ns()}"
        self.secrets["AWS secret"] = secret
        self.environment |= {"AWS_ACCESS_KEY_ID": "AKEXAMPLE", "AWS_SECRET_ACCESS_KEY": secret}

    def names(self):
        text = s3_request(self.base + "?list-type=2", "GET").read().decode()
        return {part.split("</Key>")[0] for part in text.split("<Key>")[1:]}

    def narinfos(self):
        return {name[:32]: s3_request(f"{self.base}/{name}", "GET").read().decode() for name in self.names() if name.endswith(".narinfo")}

    def archive_is_whole(self, fields):
        try:
            answer = s3_request(f"{self.base}/{fields.get('URL', '?')}", "HEAD")
            return answer.headers["Content-Length"] == fields.get("FileSize")
        except OSError:
            return False

    def evict(self, what):
        for key, text in self.narinfos().items():
            if what in text.splitlines()[0]:
                s3_request(f"{self.base}/{key}.narinfo", "DELETE")
                self.ledger.took_away(key)


class Cachix(Plain):
    """The stand-in of Cachix behind two fronts, of which one is for the uploads."""

    name = "cachix"

    def __init__(self, case, directory, nursery):
        super().__init__(case, directory, nursery)
        self.token = f"token-{time.time_ns()}-{case.number}"
        self.secrets = {"token": self.token}
        self.files = directory / "cachix"
        if case.filled:
            shutil.copytree(nursery.filled_cachix, self.files)
            self.public_key = nursery.cachix_public_key
        self.process, self.addresses = nursery.start_cachix(self.files, self.token)
        self.public_key = self.addresses["public_key"]
        real = {kind: self.addresses[kind].split("//")[1].split("/")[0] for kind in ("api", "uploads")}
        names = {}
        self.fronts = [Front(Beyond(real[kind], names), self.book) for kind in ("api", "uploads")]
        names.update({real["api"]: self.fronts[0].address, real["uploads"]: self.fronts[1].address})
        marker = _HasUploads(self)
        for front in self.fronts:
            front.ledger = marker
        self.uri = "cachix://demo"
        self.url = self.addresses["uri"].replace(real["api"], self.fronts[0].address)
        self.environment = {"CACHEFILL_CACHIX_API": f"http://{self.fronts[0].address}", "CACHIX_AUTH_TOKEN": self.token}

    def _get(self, url, method="GET"):
        return urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=20)

    def narinfos(self):
        """Of those that it was given it serves what refers to nothing that is missing, as the real one does."""
        found = {}
        for key in json.load(self._get(self.addresses["api"] + "/_state"))["narinfos"]:
            try:
                found[key] = self._get(f"{self.addresses['uri']}/{key}.narinfo").read().decode()
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
        return found

    def archive_is_whole(self, fields):
        try:
            answer = self._get(f"{self.addresses['uri'].rstrip('/')}/{fields.get('URL', '?')}", "HEAD")
            return answer.headers["Content-Length"] == fields.get("FileSize")
        except OSError:
            return False

    def problems(self):
        """The order of publishing by the stand-in's own log."""
        seen, found = {}, []
        log = self.files.with_name(self.files.name + ".log")
        for line in log.read_text().splitlines() if log.exists() else ():
            published = json.loads(line).get("published")
            if published:
                seen.setdefault(published, len(seen))
        for key, text in self.narinfos().items():
            for other in references(parse_narinfo(text)):
                if key in seen and seen.get(other, -1) > seen[key]:
                    found.append(f"{key} was published before {other}, to which it refers")
        return found

    def close(self):
        super().close()
        self.process.kill()
        self.process.wait()


class _HasUploads:
    """Stands where a ledger would: whether an upload was completed, for the stages."""

    def __init__(self, cache):
        self.cache = cache
        self.has_uploads = False

    def archive_accepted(self, *_):
        self.has_uploads = True

    def narinfo_accepted(self, *_):
        self.has_uploads = True


class Upstream:
    """A read-only cache with one path of the flake "upstream", behind a front of its own."""

    def __init__(self, case, nursery):
        self.book = Book(case.upstream_rules)
        self.front = Front(Shelf(nursery.upstream), self.book)
        self.url = f"http://{self.front.address}"
        self.public_key = nursery.upstream_public_key

    def heal(self):
        self.front.heal()

    def close(self):
        self.front.close()


