#include "doctor/lock_difference.hpp"

#include "base/foreign_json.hpp"
#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <set>

namespace cachefill::doctor {

namespace {

using nlohmann::json;
constexpr std::size_t most_inputs = 10'000;

// Every input by its path from the flake, with what its node is locked to. Those that follow another have no node of
// their own.
using Locked = std::map<std::string, std::string>;

std::string described(const json& node) {
    auto locked = node.find("locked");
    if (locked == node.end() || !locked->is_object()) return {};
    auto text = [&](const char* field) {
        auto value = locked->find(field);
        return value != locked->end() && value->is_string() ? value->get<std::string>() : std::string();
    };
    if (auto revision = text("rev"); !revision.empty()) return sanitize(revision.substr(0, 7));
    return sanitize(text("narHash"));
}

Result<Locked> read(std::string_view lock) {
    auto document = parse_foreign_json(lock);
    if (!document.is_object() || !document.contains("nodes") || !document["nodes"].is_object())
        return Failure(FailureKind::protocol, "flake.lock is not the JSON object that Nix writes");
    const auto& nodes = document["nodes"];
    auto root =
        document.contains("root") && document["root"].is_string() ? document["root"].get<std::string>() : "root";
    Locked inputs;
    std::vector<std::pair<std::string, std::string>> open{{"", root}}; // path, node
    std::set<std::string> seen;
    while (!open.empty() && inputs.size() < most_inputs) {
        auto [path, name] = open.back();
        open.pop_back();
        auto node = nodes.find(name);
        if (node == nodes.end() || !node->is_object()) continue;
        if (!path.empty()) inputs[path] = described(*node);
        if (!seen.insert(name).second) continue;
        auto below = node->find("inputs");
        if (below == node->end() || !below->is_object()) continue;
        for (const auto& [input, target] : below->items())
            if (target.is_string())
                open.emplace_back((path.empty() ? "" : path + "/") + sanitize(input), target.get<std::string>());
    }
    return inputs;
}

} // namespace

Result<std::vector<LockDifference>> compare_locks(std::string_view first, std::string_view second) {
    TRY(a, read(first));
    TRY(b, read(second));
    std::vector<LockDifference> own, deeper;
    auto add = [&](const std::string& input, std::string before, std::string after) {
        LockDifference difference{.input = input, .first = std::move(before), .second = std::move(after)};
        (input.find('/') == input.npos ? own : deeper).push_back(std::move(difference));
    };
    for (const auto& [input, locked] : a) {
        auto other = b.find(input);
        if (other == b.end())
            add(input, locked, "");
        else if (other->second != locked)
            add(input, locked, other->second);
    }
    for (const auto& [input, locked] : b)
        if (!a.contains(input)) add(input, "", locked);
    own.insert(own.end(), deeper.begin(), deeper.end());
    return own;
}

} // namespace cachefill::doctor
