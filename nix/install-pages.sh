# For postInstall: the program itself knows its man page and completions.
"$out/bin/cachefill" help --man > cachefill.1
for shell in bash zsh fish; do "$out/bin/cachefill" help --completion "$shell" > "cachefill.$shell"; done
installManPage cachefill.1
installShellCompletion --cmd cachefill --bash cachefill.bash --zsh cachefill.zsh --fish cachefill.fish
