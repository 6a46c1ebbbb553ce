#!/usr/bin/env bash
# Entries are folders in $STAND_IN_FOLDER/cache; like GitHub's they are never changed once written.
set -euo pipefail
store=$STAND_IN_FOLDER/cache/${SYSTEM:-${SHARD:-any}} # act does not number the legs of a matrix, which the key does
mkdir -p "$store"
paths() { printf '%s\n' "$PATHS" | grep -v '^$'; }
if [ "$1" = save ]; then
    [ ! -e "$store/$KEY" ] || { echo "cache: $KEY exists"; exit 0; }
    mkdir "$store/$KEY"
    paths | while read -r path; do [ ! -e "$path" ] || cp -a "$path" "$store/$KEY/"; done
    echo "cache: saved $KEY"
    exit 0
fi
entry=
for prefix in "$KEY" $RESTORE; do
    [ -z "$entry" ] || break
    for candidate in "$store/$prefix"*; do # the newest
        [ ! -e "$candidate" ] || [ "$candidate" -ot "${entry:-$store/.}" ] || entry=$candidate
    done
done
[ -n "$entry" ] || { echo "cache: nothing for $KEY"; exit 0; }
paths | while read -r path; do
    [ ! -e "$entry/$(basename "$path")" ] || { mkdir -p "$(dirname "$path")"; cp -a "$entry/$(basename "$path")" "$path"; }
done
echo "cache: restored ${entry##*/}"
