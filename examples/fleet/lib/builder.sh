# What a builder of the fleet runs: `/bin/sh -e builder.sh`, in a sandbox that may hold nothing but a shell. Wherever
# the script needs a file operation, it uses the fleet's own tool.
mkdir() { "$tool" mkdir "$@"; }
ln() { "$tool" ln "$@"; }
chmod() { "$tool" chmod "$@"; }
cp() { "$tool" cp "$@"; }
fill() { "$tool" fill "$@"; }
many() { "$tool" many "$@"; }
sleep() { "$tool" sleep "$@"; }

set -u
eval "$buildCommand"
