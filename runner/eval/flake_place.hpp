#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace cachefill::eval {

// What nix is given for the flake that the user named, and where it must run for that to mean the same.
struct FlakePlace {
    std::string reference;
    std::filesystem::path directory; // empty: wherever we are
    std::string shown;               // for people: no password
    std::filesystem::path tree = {}; // the folder, where one was given
};

// A directory of this machine ("" means "."), also one with "?dir=…" behind it, is taken as Nix itself takes it from
// inside: links are followed, and no character of its name is special. Nix would take "examples/fleet" for a name in
// its registry, and the name's '#', '?' and '%' for parts of a URL. Everything else is left as it is.
FlakePlace place_flake(std::string_view given);

} // namespace cachefill::eval
