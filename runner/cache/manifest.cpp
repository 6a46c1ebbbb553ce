#include "cache/manifest.hpp"

#include "base/foreign_json.hpp"
#include "base/foreign_text.hpp"
#include "nix/store_path.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace cachefill::cache {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::pair<ManifestState, std::string_view>, 2> states{{
    {ManifestState::building, "building"},
    {ManifestState::finished, "finished"},
}};
constexpr std::array<std::pair<ManifestTargetState, std::string_view>, 6> target_states{{
    {ManifestTargetState::building, "building"},
    {ManifestTargetState::complete, "complete"},
    {ManifestTargetState::incomplete, "incomplete"},
    {ManifestTargetState::waiting_for_upstream, "waiting-for-upstream"},
    {ManifestTargetState::elsewhere, "elsewhere"},
    {ManifestTargetState::not_evaluated, "not-evaluated"},
}};

template <class Table, class State> std::string_view word_for(const Table& table, State state) {
    for (const auto& [value, word] : table)
        if (value == state) return word;
    return "other";
}

template <class State, class Table> State state_for(const Table& table, std::string_view word) {
    for (const auto& [value, known] : table)
        if (known == word) return value;
    return State::other;
}

std::string text_of(const Json& json, const char* name) {
    auto field = json.find(name);
    return field != json.end() && field->is_string() ? field->get<std::string>() : std::string();
}

// A name, a branch, a version: told as it is.
std::string name_of(const Json& json, const char* name) { return shown_name(text_of(json, name)); }

// A store path, or nothing: it is told as part of a command.
std::string path_in(const std::string& text) { return nix::StorePath::parse(text) ? text : std::string(); }

std::string commit_of(const Json& json) {
    auto text = text_of(json, "commit");
    return text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos ? text : std::string();
}

Json encode(const ManifestTarget& target) {
    Json json;
    json["name"] = target.name;
    json["system"] = target.system;
    json["derivation"] = target.derivation;
    json["output"] = target.output;
    json["state"] = to_string(target.state);
    json["missing"] = target.missing;
    return json;
}

ManifestTarget decode(const Json& json) {
    ManifestTarget target;
    target.name = name_of(json, "name");
    target.system = name_of(json, "system");
    target.derivation = path_in(text_of(json, "derivation"));
    target.output = path_in(text_of(json, "output"));
    target.state = state_for<ManifestTargetState>(target_states, text_of(json, "state"));
    if (auto missing = json.find("missing"); missing != json.end() && missing->is_array())
        for (const auto& path : *missing)
            if (path.is_string()) target.missing.push_back(shown_name(path.get<std::string>()));
    return target;
}

std::string as_file_name(std::string_view text) {
    std::string name(text);
    auto may_stand = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    };
    for (auto& c : name)
        if (!may_stand(c)) c = '-';
    if (name.empty() || name.front() == '.') name.insert(0, 1, '-');
    return name;
}

} // namespace

std::string_view to_string(ManifestState state) { return word_for(states, state); }
std::string_view to_string(ManifestTargetState state) { return word_for(target_states, state); }

const ManifestTarget* Manifest::find(std::string_view target) const {
    auto is_it = [&](const ManifestTarget& each) { return each.name == target; };
    auto found = std::find_if(targets.begin(), targets.end(), is_it);
    return found == targets.end() ? nullptr : &*found;
}

std::string Manifest::complete_output(const std::string& target) const {
    if (auto last = last_complete.find(target); last != last_complete.end()) return last->second;
    const auto* known = find(target);
    return known && known->state == ManifestTargetState::complete ? known->output : std::string();
}

std::string to_json(const Manifest& manifest) {
    Json json;
    json["cachefill_manifest"] = Manifest::format_version;
    json["state"] = to_string(manifest.state);
    json["branch"] = manifest.branch;
    json["commit"] = manifest.commit;
    json["dirty"] = manifest.dirty;
    json["source_hash"] = manifest.source_hash;
    json["lock_hash"] = manifest.lock_hash;
    json["system"] = manifest.system;
    json["cachefill"] = manifest.cachefill_version;
    json["nix"] = manifest.nix_version;
    json["targets"] = Json::array();
    for (const auto& target : manifest.targets) json["targets"].push_back(encode(target));
    json["last_complete"] = Json::object();
    for (const auto& [target, output] : manifest.last_complete) json["last_complete"][target] = output;
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Manifest> parse_manifest(std::string_view text) {
    auto json = parse_foreign_json(text);
    auto version = json.is_object() ? json.find("cachefill_manifest") : json.end();
    if (!json.is_object() || version == json.end() || !version->is_number_unsigned())
        return Failure(FailureKind::protocol, "what should be a manifest of cachefill is something else");
    if (version->get<std::uint64_t>() > Manifest::format_version)
        return Failure(FailureKind::usage, "the manifest was written by a newer cachefill")
            .with_hint("update cachefill on this machine");
    Manifest manifest;
    auto state = text_of(json, "state");
    manifest.state = state_for<ManifestState>(states, state);
    manifest.branch = name_of(json, "branch");
    manifest.commit = commit_of(json);
    if (auto dirty = json.find("dirty"); dirty != json.end() && dirty->is_boolean())
        manifest.dirty = dirty->get<bool>();
    manifest.source_hash = name_of(json, "source_hash");
    manifest.lock_hash = name_of(json, "lock_hash");
    manifest.system = name_of(json, "system");
    manifest.cachefill_version = name_of(json, "cachefill");
    manifest.nix_version = name_of(json, "nix");
    auto targets = json.find("targets");
    if (state.empty() || targets == json.end() || !targets->is_array())
        return Failure(FailureKind::protocol, "the manifest has no state or no list of targets");
    for (const auto& target : *targets)
        if (target.is_object()) manifest.targets.push_back(decode(target));
    if (auto last = json.find("last_complete"); last != json.end() && last->is_object())
        for (const auto& [target, output] : last->items())
            if (output.is_string())
                manifest.last_complete.emplace(shown_name(target), path_in(output.get<std::string>()));
    return manifest;
}

std::string manifest_name(std::string_view branch, std::string_view system) {
    return "cachefill/" + as_file_name(branch) + "/" + as_file_name(system);
}

} // namespace cachefill::cache
