{ packages = [ "git" ]; users = [ "user" ]; caches = settings: [ settings.upstream ]; }
