{ packages = [ "git" "vim" ]; users = [ "kim" ]; caches = settings: [ settings.cache settings.upstream ]; }
