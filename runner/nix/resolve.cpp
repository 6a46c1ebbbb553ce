#include "nix/resolve.hpp"

#include "codec/hash.hpp"
#include "nix/derivation_text.hpp"
#include "nix/path_hash.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace cachefill::nix {

namespace {

constexpr std::string_view derivation_suffix = ".drv";

codec::Hash sha256(std::string_view text) { return codec::hash_bytes(codec::HashAlgorithm::sha256, text); }

std::string_view name_of(const StorePath& derivation) {
    auto name = derivation.name();
    if (name.ends_with(derivation_suffix)) name.remove_suffix(derivation_suffix.size());
    return name;
}

// libstore/path.cc, outputPathName.
std::string output_path_name(std::string_view name, std::string_view output) {
    std::string text(name);
    return output == "out" ? text : text + "-" + std::string(output);
}

// What stands for an output of another derivation until it is known (libstore/derivations.cc, downstreamPlaceholder).
std::string placeholder(const StorePath& derivation, std::string_view output) {
    auto text = "nix-upstream-output:" + std::string(derivation.hash_part()) + ":" +
                output_path_name(name_of(derivation), output);
    return "/" + sha256(text).to_nix32();
}

// libstore/store-api.cc, makeOutputPath: `hash` is that of the derivation without its outputs' paths.
std::optional<StorePath> make_output_path(const codec::Hash& hash, std::string_view name, std::string_view output) {
    auto whole_name = output_path_name(name, output);
    auto path =
        StorePath::parse_base_name(path_hash("output:" + std::string(output), hash, whole_name) + "-" + whole_name);
    if (!path) return std::nullopt; // a name that is too long
    return *std::move(path);
}

using Rewrites = std::map<std::string, std::string>;

std::string rewritten(std::string text, const Rewrites& rewrites) {
    for (const auto& [from, to] : rewrites)
        for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
            text.replace(at, from.size(), to);
    return text;
}

} // namespace

std::optional<Derivation> resolve(const StorePath& path, Derivation derivation, const OutputFinder& find) {
    Rewrites rewrites;
    for (const auto& input : derivation.input_derivations) {
        if (input.dynamic) return std::nullopt;
        for (const auto& output : input.outputs) {
            auto found = find(input.derivation, output);
            if (!found) return std::nullopt;
            rewrites.emplace(placeholder(input.derivation, output), found->to_string());
            derivation.input_sources.push_back(*std::move(found));
        }
    }
    derivation.input_derivations.clear();
    auto& sources = derivation.input_sources;
    std::sort(sources.begin(), sources.end());
    sources.erase(std::unique(sources.begin(), sources.end()), sources.end());

    derivation.builder = rewritten(std::move(derivation.builder), rewrites);
    for (auto& argument : derivation.arguments) argument = rewritten(std::move(argument), rewrites);
    std::map<std::string, std::string> environment;
    for (auto& [name, value] : derivation.environment)
        environment.emplace(rewritten(name, rewrites), rewritten(std::move(value), rewrites));
    derivation.environment = std::move(environment);

    auto hash = sha256(derivation_text(derivation, {}, OutputPaths::masked));
    for (auto& output : derivation.outputs) {
        if (output.kind != OutputKind::deferred) continue;
        output.path = make_output_path(hash, name_of(path), output.name);
        if (!output.path) return std::nullopt;
        output.kind = OutputKind::input_addressed;
        derivation.environment[output.name] = output.path->to_string();
    }
    return derivation;
}

} // namespace cachefill::nix
