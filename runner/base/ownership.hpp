#pragma once

#include <filesystem>
#include <string>
#include <sys/stat.h>

namespace cachefill {

// Neither root's nor this user's. Where root's files show as nobody's, because this process lives in a user namespace
// without it, these are root's.
bool is_foreign(const struct stat& status);

// "the user with the number 1001"
std::string owner_of(const struct stat& status);

// What lets somebody else than root and this user decide what stands at `place`, in words: "/srv belongs to the user
// with the number 1001", "the group 100 may write to /srv/team". Empty: nothing does. Looks at the place, at the
// folders on the way to it and, of links, at those and at the way to where they lead; as far as they are there. In a
// folder that is sticky, as /tmp is, what is ours stays ours. A group with nobody in it but this user is no stranger.
std::string why_not_ours_alone(const std::filesystem::path& place);

} // namespace cachefill
