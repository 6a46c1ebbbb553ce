"""Every kind of cache there is, by its name."""
from .backends import S3, Cachix, Directory, Http
from .stand_ins import Attic, Niks3

KINDS = {kind.name: kind for kind in (Directory, Http, S3, Cachix, Attic, Niks3)}
