#pragma once

#include "nix/store_path.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::nix {

enum class OutputKind {
    input_addressed, // path known
    fixed,           // path and hash known
    floating,        // content-addressed, path known after building
    deferred,        // depends on a floating one
    impure,          // another path each time
};

struct DerivationOutput {
    std::string name;
    OutputKind kind = OutputKind::input_addressed;
    std::optional<StorePath> path; // for the first two kinds
    std::string hash_algorithm;    // "sha256", "r:sha256", …
    std::string hash;              // base16
};

struct DerivationInput {
    StorePath derivation;
    std::vector<std::string> outputs;
    bool dynamic = false; // xp-dyn-drv: an output of an output is wanted as well
};

// A .drv file, read natively (ATerm). Grammar and meaning: Nix, libstore/derivations.cc.
struct Derivation {
    std::vector<DerivationOutput> outputs; // sorted by name
    std::vector<DerivationInput> input_derivations;
    std::vector<StorePath> input_sources;
    std::string platform;
    std::string builder;
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;

    // What the environment says, read from `__json` when attributes are structured. Absent flags have Nix's defaults.
    bool allow_substitutes = true;
    bool prefer_local_build = false;
    std::vector<std::string> required_system_features;
    bool structured_attributes = false;
    // Why every Nix refuses to build it, although it can be read: "its attribute 'preferLocalBuild' is no Boolean".
    // Empty: nothing is known against it.
    std::string flaw;

    // Fails only for a text that is no derivation; what can be read, but never be built, has a flaw.
    static Result<Derivation> parse(std::string_view aterm);

    const DerivationOutput* find_output(std::string_view name) const;
    bool is_fixed_output() const { return outputs.size() == 1 && outputs[0].kind == OutputKind::fixed; }
};

} // namespace cachefill::nix
