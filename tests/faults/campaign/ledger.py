"""What a cache's clients were told, request by request: the proof that the cache was closed at every instant."""
import threading


def parse_narinfo(text):
    """The fields of a narinfo; a line without a colon is kept below the key '?'."""
    fields = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        fields.setdefault(key if colon else "?", value.strip())
    return fields


def references(fields):
    """Store hashes that a narinfo refers to, without its own."""
    own = fields.get("StorePath", "")[11:43]
    return {word[:32] for word in fields.get("References", "").split()} - {own}


class Ledger:
    """Fed by the front: what was accepted (a 2xx went out), what was taken away by the campaign. Thread-safe."""

    def __init__(self, known=(), elsewhere=()):
        """`known`: narinfo texts that were there before. `elsewhere`: store hashes that an upstream serves."""
        self._lock = threading.Lock()
        self.narinfos, self.archives = {}, {}
        self.elsewhere = set(elsewhere)
        self.problems = []
        self.evicted = set()
        self.has_uploads = False
        for text in known:
            self._add(text)

    def _add(self, text):
        fields = parse_narinfo(text)
        self.narinfos[fields.get("StorePath", "?")[11:43]] = fields
        return fields

    def archive_accepted(self, url, size):
        with self._lock:
            self.has_uploads = True
            self.archives[url] = size

    def narinfo_accepted(self, text):
        """A narinfo went up; everything that it needs has to be there already."""
        with self._lock:
            self.has_uploads = True
            fields = self._add(text)
            path = fields.get("StorePath", "?")
            for other in references(fields):
                if other not in self.narinfos and other not in self.elsewhere and other not in self.evicted:
                    self.problems.append(f"{path} was published before {other}, to which it refers")
            size = self.archives.get(fields.get("URL"))
            if size is None:
                self.problems.append(f"{path} was published before its archive")
            elif str(size) != fields.get("FileSize", str(size)):
                self.problems.append(f"{path}: its archive has {size} bytes, not {fields.get('FileSize')}")

    def took_away(self, store_hash):
        with self._lock:
            self.evicted.add(store_hash)
            self.narinfos.pop(store_hash, None)
