#pragma once

#include "nix/derivation.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

// Most derivations that no cache has and that carry no flag are no compilations: fonts.conf, hosts, wrappers, hooks.
// They are told by what they are made of. What they are called comes last, and nothing that could be a compilation
// counts as light: the question is whether anything is there that could be compiled, and anything to do it with.
namespace cachefill::plan {

// What the environment of a derivation says of how it is made.
struct Making {
    bool by_stdenv = false;  // nixpkgs' standard environment makes it
    bool by_command = false; // `buildCommand` instead of the usual phases: runCommand, writeText, wrappers
    bool has_source = false; // `src` or `srcs`
    bool is_package = false; // `pname` or `version`
    bool is_special = false; // asks for system features: a virtual machine, a big machine
};
Making making_of(const nix::Derivation& derivation);

// Something that goes into a build: an output of another derivation, or a file of the evaluation.
struct Ingredient {
    std::string_view name;   // without hash and ".drv"
    bool is_fetched = false; // a fixed output
    bool is_file = false;    // an input source
};

// It takes moments: a text, a script, links, settings put together from other files. `name` as above.
bool takes_moments(std::string_view name, const Making& making, std::span<const Ingredient> ingredients);

} // namespace cachefill::plan
