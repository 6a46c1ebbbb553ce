# The binary caches that the fleet's hosts name in their nix.settings. A test copies the example and rewrites this file.
# None of it enters a derivation (the hosts read their caches from a file outside of the store), so the same fleet has
# the same store paths whatever stands here.
{
  # The cache that cachefill fills.
  cache = {
    url = "https://fleet-demo.cachix.org";
    key = "fleet-demo.cachix.org-1:GwVJzR3z0mEJ9bT0zOGL8n1fNPYxJGCLtJcGTkkTQm4=";
  };

  # An upstream that every host trusts.
  upstream = {
    url = "https://cache.nixos.org";
    key = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";
  };

  # An upstream that only the nas trusts.
  extra = {
    url = "https://fleet-storage.cachix.org";
    key = "fleet-storage.cachix.org-1:6b3Rz0cB3uqWgP3KqvZB8cXqsvLgTQ8dN0TtsJ0MB9Y=";
  };
}
