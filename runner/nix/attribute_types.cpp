#include "nix/attribute_types.hpp"

#include "base/foreign_json.hpp"
#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace cachefill::nix {

namespace {

using nlohmann::json;

bool is_string_list(const json& value) {
    return value.is_array() &&
           std::all_of(value.begin(), value.end(), [](const json& item) { return item.is_string(); });
}

std::string kind_in_words(const json& value) {
    if (value.is_array()) return "a list of other things";
    if (value.is_object()) return "a set";
    if (value.is_string()) return "a string";
    if (value.is_number()) return "a number";
    return value.is_boolean() ? "a Boolean" : "null";
}

class Search {
  public:
    explicit Search(const json& attributes) : attributes_(attributes) {}

    std::vector<OddAttribute> run() {
        for (const auto* name : {"allowSubstitutes", "preferLocalBuild", "__noChroot"}) boolean(name, true);
        strings(attributes_, "requiredSystemFeatures", {}, true);
        boolean("__darwinAllowLocalNetworking", false);
        strings(attributes_, "__impureHostDeps", {}, false);
        strings(attributes_, "impureEnvVars", {}, false);
        if (auto profile = attributes_.find("__sandboxProfile"); profile != attributes_.end() && !profile->is_string())
            note("__sandboxProfile", *profile, "a string");
        output_checks();
        exported_graphs();
        if (auto discarded = find_set("unsafeDiscardReferences"))
            for (const auto& [output, value] : discarded->items())
                if (!value.is_boolean()) note("unsafeDiscardReferences." + output, value, "a Boolean");
        return std::move(found_);
    }

  private:
    void note(const std::string& name, const json& value, const char* wanted, bool always = false) {
        found_.push_back({sanitize(name), kind_in_words(value), wanted, always});
    }

    void boolean(const char* name, bool always) {
        auto value = attributes_.find(name);
        if (value != attributes_.end() && !value->is_boolean()) note(name, *value, "a Boolean", always);
    }

    void strings(const json& of, const char* name, const std::string& where, bool always) {
        auto value = of.find(name);
        if (value != of.end() && !is_string_list(*value)) note(where + name, *value, "a list of strings", always);
    }

    const json* find_set(const char* name) {
        auto value = attributes_.find(name);
        if (value == attributes_.end()) return nullptr;
        if (value->is_object()) return &*value;
        note(name, *value, "a set");
        return nullptr;
    }

    void output_checks() {
        const auto* checks = find_set("outputChecks");
        if (!checks) return;
        for (const auto& [output, of] : checks->items()) {
            auto where = "outputChecks." + output;
            if (!of.is_object()) {
                note(where, of, "a set");
                continue;
            }
            where += ".";
            for (const auto* name :
                 {"allowedReferences", "allowedRequisites", "disallowedReferences", "disallowedRequisites"})
                strings(of, name, where, false);
            for (const auto* name : {"maxSize", "maxClosureSize"})
                if (auto size = of.find(name); size != of.end() && !size->is_number_unsigned())
                    note(where + name, *size, "a number of bytes");
        }
    }

    void exported_graphs() {
        auto value = attributes_.find("exportReferencesGraph");
        if (value == attributes_.end() || !value->is_object()) return;
        for (const auto& [file, paths] : value->items())
            if (!paths.is_string() && !is_string_list(paths))
                note("exportReferencesGraph." + file, paths, "a list of store paths");
    }

    const json& attributes_;
    std::vector<OddAttribute> found_;
};

} // namespace

std::vector<OddAttribute> odd_attributes(const json& attributes) { return Search(attributes).run(); }

std::vector<OddAttribute> odd_attributes(const Derivation& derivation) {
    auto text = derivation.environment.find("__json");
    if (text == derivation.environment.end()) return {};
    auto attributes = parse_foreign_json(text->second);
    return attributes.is_object() ? odd_attributes(attributes) : std::vector<OddAttribute>();
}

} // namespace cachefill::nix
