# Everything in here is text, whatever it looks like.
say() {
    printf '%s\n' '##[error]an old error' 'in a line ##[warning]an old warning' '##[set-output name=complete;]maybe' \
        '::set-output name=complete::maybe' '::error file=flake.nix,line=1::a new error' '  ::warning::an indented warning' \
        '::notice::a notice' '::add-mask::built' '::add-mask::a' '::stop-commands::stopped' '::stopped::' '::group::a group' \
        '::save-state name=x::y' '::set-env name=PATH::/evil' '::add-path::/evil' '##[add-mask]e' '::ENDGROUP::'
    printf 'a line\r::error::behind a carriage return\n'
    printf '\033[31m::error::in red\033[0m\n\033]0;a title\007\033[2J\n'
    printf '\377\376::error::no UTF-8 \303\n'
    printf '\342\200\250::error::behind a line separator\n\302\205::error::behind a next line\n'
}
say
long=0123456789
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do long=$long$long; done
printf '%s\n' "$long"
say
eval "$end"
