#include "nix/realisation.hpp"

#include "base/foreign_json.hpp"
#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "codec/hash.hpp"
#include "nix/derivation_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::nix {

namespace {

using nlohmann::json;

constexpr std::string_view id_prefix = "sha256:";
constexpr std::size_t id_digits = 64;

// Written as a base name by all of them; read as a path, too.
Result<StorePath> parse_path(const json& value) {
    if (!value.is_string()) return Failure(FailureKind::protocol, "a path that is no string");
    const auto& text = value.get_ref<const std::string&>();
    return text.starts_with('/') ? StorePath::parse(text) : StorePath::parse_base_name(text);
}

json to_json(const Realisation& realisation) {
    json dependents = json::object();
    for (const auto& [id, path] : realisation.dependents) dependents[id] = std::string(path.base_name());
    return {{"dependentRealisations", std::move(dependents)},
            {"id", realisation.id},
            {"outPath", std::string(realisation.out_path.base_name())}};
}

std::string sha256(std::string_view text) { return codec::hash_bytes(codec::HashAlgorithm::sha256, text).to_base16(); }

std::string make_id(const std::string& hash, std::string_view output) {
    return std::string(id_prefix) + hash + "!" + std::string(output);
}

} // namespace

Result<Realisation> Realisation::parse(std::string_view text) {
    auto bad = [text](const std::string& why) {
        return Failure(FailureKind::protocol, "a realisation " + why + ": '" + quoted_reply(text, 200) + "'");
    };
    auto object = parse_foreign_json(text);
    if (!object.is_object()) return bad("that is no JSON object");
    auto id = object.value("id", json());
    if (!id.is_string() || !is_realisation_id(id.get_ref<const std::string&>())) return bad("without an id");
    auto path = parse_path(object.value("outPath", json()));
    if (!path) return bad("without a path");
    Realisation realisation{id.get<std::string>(), *std::move(path), {}, {}};
    if (auto dependents = object.find("dependentRealisations"); dependents != object.end() && dependents->is_object())
        for (const auto& [name, value] : dependents->items()) {
            auto of = parse_path(value);
            if (!of || !is_realisation_id(name)) return bad("whose dependents are none");
            realisation.dependents.emplace(name, *std::move(of));
        }
    if (auto signatures = object.find("signatures"); signatures != object.end() && signatures->is_array())
        for (const auto& signature : *signatures)
            if (signature.is_string()) realisation.signatures.push_back(signature.get<std::string>());
    return realisation;
}

std::string Realisation::to_string() const {
    auto object = to_json(*this);
    object["signatures"] = signatures;
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string Realisation::fingerprint() const {
    return to_json(*this).dump(-1, ' ', false, json::error_handler_t::replace);
}

bool is_realisation_id(std::string_view id) {
    if (!id.starts_with(id_prefix) || id.size() < id_prefix.size() + id_digits + 2) return false;
    auto digits = id.substr(id_prefix.size(), id_digits);
    if (digits.find_first_not_of("0123456789abcdef") != digits.npos) return false;
    auto rest = id.substr(id_prefix.size() + id_digits);
    // It becomes a file's name. Outputs are called as store paths are.
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-._?=";
    return rest.front() == '!' && rest.find_first_not_of(allowed, 1) == rest.npos;
}

Result<std::map<std::string, std::string>> RealisationIds::hashes(const Derivation& derivation, OutputPaths paths) {
    std::map<std::string, std::string> by_output;
    if (derivation.is_fixed_output()) {
        const auto& output = derivation.outputs.front();
        by_output[output.name] =
            sha256("fixed:out:" + output.hash_algorithm + ":" + output.hash + ":" + output.path->to_string());
        return by_output;
    }
    InputsByHash inputs;
    for (const auto& input : derivation.input_derivations) {
        if (input.dynamic)
            return Failure(FailureKind::protocol, "it needs what a derivation makes that is made itself");
        TRY(known, as_input(input.derivation));
        for (const auto& name : input.outputs) {
            auto hash = known->find(name);
            if (hash == known->end())
                return Failure(FailureKind::protocol,
                               input.derivation.to_string() + " has no output '" + quoted_reply(name, 80) + "'");
            inputs[hash->second].insert(name);
        }
    }
    auto hash = sha256(derivation_text(derivation, inputs, paths));
    for (const auto& output : derivation.outputs) by_output[output.name] = hash;
    return by_output;
}

Result<const std::map<std::string, std::string>*> RealisationIds::as_input(const StorePath& root) {
    // Depth first with a stack of our own: chains are hundreds long.
    std::vector<std::pair<StorePath, std::optional<Derivation>>> stack;
    stack.emplace_back(root, std::nullopt);
    while (!stack.empty()) {
        auto path = stack.back().first;
        if (known_.contains(path)) {
            stack.pop_back();
            continue;
        }
        if (!stack.back().second) {
            TRY(derivation, read_(path));
            std::vector<StorePath> below;
            if (!derivation.is_fixed_output())
                for (const auto& input : derivation.input_derivations)
                    if (!known_.contains(input.derivation)) below.push_back(input.derivation);
            stack.back().second = std::move(derivation);
            for (auto& input : below) stack.emplace_back(std::move(input), std::nullopt);
            continue;
        }
        TRY(by_output, hashes(*stack.back().second, OutputPaths::kept));
        known_.emplace(path, std::move(by_output));
        stack.pop_back();
    }
    return &known_.at(root);
}

Result<std::string> RealisationIds::id(const StorePath& path, std::string_view output) {
    auto hashed = [&]() -> Result<std::string> {
        TRY(derivation, read_(path));
        for (const auto& input : derivation.input_derivations) TRY_VOID(as_input(input.derivation));
        TRY(by_output, hashes(derivation, OutputPaths::masked));
        auto hash = by_output.find(std::string(output));
        if (hash == by_output.end()) return Failure(FailureKind::protocol, "it has no such output");
        return make_id(hash->second, output);
    }();
    return with_context(std::move(hashed), "naming the realisation of " + path.to_string());
}

std::string RealisationIds::id_of_resolved(const Derivation& derivation, std::string_view output) {
    return make_id(sha256(derivation_text(derivation, {}, OutputPaths::masked)), output);
}

} // namespace cachefill::nix
