#include "nix/realisation.hpp"

#include "base/text.hpp"
#include "codec/hash.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

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

// ATerm, as ATermReader reads it.
class ATermText {
  public:
    void raw(std::string_view text) { text_ += text; }
    void string(std::string_view value) {
        text_ += '"';
        for (char c : value) {
            switch (c) {
            case '"':
            case '\\':
                text_ += '\\';
                text_ += c;
                break;
            case '\n':
                text_ += "\\n";
                break;
            case '\r':
                text_ += "\\r";
                break;
            case '\t':
                text_ += "\\t";
                break;
            default:
                text_ += c;
            }
        }
        text_ += '"';
    }
    template <class Items, class Item> void list(const Items& items, Item item) {
        text_ += '[';
        bool is_first = true;
        for (const auto& value : items) {
            if (!is_first) text_ += ',';
            is_first = false;
            item(value);
        }
        text_ += ']';
    }
    std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

using HashedInputs = std::map<std::string, std::set<std::string>>; // outputs by hash

std::string aterm_of(const Derivation& derivation, const HashedInputs& inputs, bool masks_outputs) {
    ATermText text;
    auto plain = [&text](std::string_view value) { text.string(value); };
    text.raw("Derive(");
    text.list(derivation.outputs, [&](const DerivationOutput& output) {
        text.raw("(");
        text.string(output.name);
        text.raw(",");
        text.string(output.path && !masks_outputs ? output.path->to_string() : std::string());
        text.raw(",");
        text.string(output.hash_algorithm);
        text.raw(",");
        text.string(output.kind == OutputKind::impure ? "impure" : output.hash);
        text.raw(")");
    });
    text.raw(",");
    text.list(inputs, [&](const auto& input) {
        text.raw("(");
        text.string(input.first);
        text.raw(",");
        text.list(input.second, plain);
        text.raw(")");
    });
    text.raw(",");
    text.list(derivation.input_sources, [&](const StorePath& path) { text.string(path.to_string()); });
    for (const auto* value : {&derivation.platform, &derivation.builder}) {
        text.raw(",");
        text.string(*value);
    }
    text.raw(",");
    text.list(derivation.arguments, plain);
    text.raw(",");
    text.list(derivation.environment, [&](const auto& variable) {
        text.raw("(");
        text.string(variable.first);
        text.raw(",");
        bool is_output = masks_outputs && derivation.find_output(variable.first) != nullptr;
        text.string(is_output ? std::string_view() : std::string_view(variable.second));
        text.raw(")");
    });
    text.raw(")");
    return text.take();
}

} // namespace

Result<Realisation> Realisation::parse(std::string_view text) {
    auto bad = [text](const std::string& why) {
        return Failure(FailureKind::protocol, "a realisation " + why + ": '" + ellipsize(sanitize(text), 200) + "'");
    };
    auto object = json::parse(text, nullptr, false);
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

Result<std::map<std::string, std::string>> RealisationIds::hashes(const Derivation& derivation, Outputs outputs) {
    std::map<std::string, std::string> by_output;
    if (derivation.is_fixed_output()) {
        const auto& output = derivation.outputs.front();
        by_output[output.name] =
            sha256("fixed:out:" + output.hash_algorithm + ":" + output.hash + ":" + output.path->to_string());
        return by_output;
    }
    HashedInputs inputs;
    for (const auto& input : derivation.input_derivations) {
        if (input.dynamic)
            return Failure(FailureKind::protocol, "it needs what a derivation makes that is made itself");
        TRY(known, as_input(input.derivation));
        for (const auto& name : input.outputs) {
            auto hash = known->find(name);
            if (hash == known->end())
                return Failure(FailureKind::protocol,
                               input.derivation.to_string() + " has no output '" + ellipsize(sanitize(name), 80) + "'");
            inputs[hash->second].insert(name);
        }
    }
    auto hash = sha256(aterm_of(derivation, inputs, outputs == Outputs::masked));
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
        TRY(by_output, hashes(*stack.back().second, Outputs::kept));
        known_.emplace(path, std::move(by_output));
        stack.pop_back();
    }
    return &known_.at(root);
}

Result<std::string> RealisationIds::id(const StorePath& path, std::string_view output) {
    auto hashed = [&]() -> Result<std::string> {
        TRY(derivation, read_(path));
        for (const auto& input : derivation.input_derivations) TRY_VOID(as_input(input.derivation));
        TRY(by_output, hashes(derivation, Outputs::masked));
        auto hash = by_output.find(std::string(output));
        if (hash == by_output.end()) return Failure(FailureKind::protocol, "it has no such output");
        return std::string(id_prefix) + hash->second + "!" + std::string(output);
    }();
    return with_context(std::move(hashed), "naming the realisation of " + path.to_string());
}

} // namespace cachefill::nix
