{ packages = [ "git" "firefox" ]; users = [ "kim" ]; caches = settings: [ settings.cache settings.upstream settings.private ]; }
