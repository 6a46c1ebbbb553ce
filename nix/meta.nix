lib: {
  description = "Fills a Nix binary cache before any of your machines asks for it";
  license = lib.licenses.mit;
  mainProgram = "cachefill";
  platforms = lib.platforms.linux ++ lib.platforms.darwin;
}
