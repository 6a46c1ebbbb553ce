// Derivations (ATerm), which come out of a store that anybody may have written.
//
// What is no derivation fails as protocol. What is one is written back so that it reads the same: written and read
// again it is the same text, and whoever reads what we hash reads what we read. The flaws and structured attributes
// name nothing that steers a terminal, resolving it reads no further, and the realisation ids of it are ids.
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "nix/attribute_types.hpp"
#include "nix/derivation_text.hpp"
#include "nix/realisation.hpp"
#include "nix/resolve.hpp"

namespace cachefill::fuzz {

namespace {

// With its inputs themselves where Nix has their hashes when it hashes: the file, but for outputs of outputs.
std::string written(const nix::Derivation& derivation) {
    nix::InputsByHash inputs;
    for (const auto& input : derivation.input_derivations)
        inputs[input.derivation.to_string()].insert(input.outputs.begin(), input.outputs.end());
    return nix::derivation_text(derivation, inputs, nix::OutputPaths::kept);
}

} // namespace

void derivation(std::string_view input) {
    auto read = nix::Derivation::parse(input);
    if (!read) return require_told(read.error(), {FailureKind::protocol});
    require_harmless(read->flaw);
    for (const auto& odd : nix::odd_attributes(*read)) require_harmless(odd.in_words());

    auto text = written(*read);
    auto again = nix::Derivation::parse(text);
    require(again.has_value(), "what is written can be read");
    require(written(*again) == text, "what is read from it is the same");
    require(again->outputs.size() == read->outputs.size() && again->environment == read->environment &&
                again->arguments == read->arguments && again->platform == read->platform &&
                again->builder == read->builder && again->input_sources == read->input_sources &&
                again->flaw == read->flaw,
            "nothing of it is lost");
    require(again->required_system_features == read->required_system_features &&
                again->allow_substitutes == read->allow_substitutes,
            "its flags are the same");

    auto own = nix::StorePath::parse_base_name("00000000000000000000000000000000-a.drv").value();
    auto known = nix::StorePath::parse_base_name("11111111111111111111111111111111-a").value();
    auto find = [&](const nix::StorePath&, std::string_view) { return std::optional(known); };
    if (auto resolved = nix::resolve(own, *read, find))
        require(nix::Derivation::parse(written(*resolved)).has_value(), "what it is resolved to is a derivation");
}

} // namespace cachefill::fuzz
