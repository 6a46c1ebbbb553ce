#include "eval/licence_check.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "eval/flake.hpp"
#include "nix/locked_path.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace cachefill::eval {

namespace {

using Json = nlohmann::json;

constexpr std::string_view unfree_variable = "NIXPKGS_ALLOW_UNFREE";
constexpr std::string_view check_file = "pkgs/stdenv/generic/check-meta.nix";
constexpr std::size_t longest_way = 32; // of `follows` that name `follows`
constexpr std::size_t shown_sentence = 300;

std::string text_in(const Json& object, const char* key) {
    auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// The message's first line, if it is what check-meta.nix says of an unfree package; without its end.
std::string_view sentence_of(std::string_view message) {
    auto line = message.substr(0, message.find('\n'));
    static constexpr std::string_view old_end = ", refusing to evaluate.", licence_end = "’)";
    std::string_view start = "Refusing to evaluate package '", reason = "' in ", licence = " because it has an unfree ";
    if (line.starts_with("Package ‘")) { // until 2025
        if (!line.ends_with(old_end)) return {};
        line.remove_suffix(old_end.size());
        start = "Package ‘", reason = "’ in ", licence = " has an unfree ";
    }
    if (!line.starts_with(start) || !line.ends_with(licence_end)) return {};
    auto place = line.find(reason, start.size());
    auto why = line.rfind(std::string(licence) + "license (‘");
    return place != line.npos && why != line.npos && place < why ? line : std::string_view();
}

bool is_official(const Json& locked) {
    auto type = text_in(locked, "type");
    auto lower = [&](const char* key) { return to_lower(text_in(locked, key)); };
    if (type == "github")
        return lower("owner") == "nixos" && lower("repo") == "nixpkgs" &&
               (!locked.contains("host") || lower("host") == "github.com");
    if (type != "git" && type != "tarball") return false;
    auto url = lower("url");
    static constexpr std::array<std::string_view, 10> places{"https://github.com/nixos/nixpkgs",
                                                             "ssh://git@github.com/nixos/nixpkgs",
                                                             "https://channels.nixos.org/",
                                                             "https://releases.nixos.org/",
                                                             "https://nixos.org/channels/",
                                                             "https://flakehub.com/f/nixos/nixpkgs",
                                                             "https://api.flakehub.com/f/nixos/nixpkgs",
                                                             "https://api.flakehub.com/f/pinned/nixos/nixpkgs",
                                                             "https://codeload.github.com/nixos/nixpkgs",
                                                             "https://api.github.com/repos/nixos/nixpkgs"};
    auto is_at = [&](std::string_view place) {
        if (!url.starts_with(place)) return false;
        auto rest = std::string_view(url).substr(place.size());
        return place.ends_with('/') || rest.empty() || rest.front() == '/' || rest.front() == '?' || rest == ".git";
    };
    return std::any_of(places.begin(), places.end(), is_at);
}

// The node that an input of `node` is, through `follows`, which are ways from the root.
std::string input_of(const Json& nodes, const std::string& root, const Json& input, std::size_t left) {
    if (input.is_string()) return input.get<std::string>();
    if (!input.is_array() || left == 0) return {};
    auto node = root;
    for (const auto& step : input) {
        if (!step.is_string() || !nodes.contains(node) || !nodes[node].is_object()) return {};
        const auto& inputs = nodes[node].value("inputs", Json::object());
        auto next = inputs.find(step.get<std::string>());
        if (next == inputs.end()) return {};
        node = input_of(nodes, root, *next, left - 1);
    }
    return node;
}

// The trees that are nixpkgs.
struct Nixpkgs {
    std::set<nix::StorePath> trees;
    std::set<std::string> references; // "github:nixos/nixpkgs/REV", in lower case
    bool is_the_flake = false;
};

void add(Nixpkgs& found, const Json& node) {
    auto locked = node.is_object() ? node.find("locked") : node.end();
    if (!node.is_object() || locked == node.end() || !locked->is_object()) return;
    auto hash = codec::Hash::parse(text_in(*locked, "narHash"));
    if (hash && hash->algorithm() == codec::HashAlgorithm::sha256) found.trees.insert(nix::locked_path(*hash));
    if (text_in(*locked, "type") == "github" && !text_in(*locked, "rev").empty())
        found.references.insert(to_lower("github:" + text_in(*locked, "owner") + "/" + text_in(*locked, "repo") + "/" +
                                         text_in(*locked, "rev")));
}

Nixpkgs nixpkgs_of(const std::string& lock) {
    Nixpkgs found;
    auto json = Json::parse(lock, nullptr, false);
    if (!json.is_object() || !json.contains("nodes") || !json["nodes"].is_object()) {
        found.is_the_flake = lock.empty();
        return found;
    }
    const auto& nodes = json["nodes"];
    auto root = text_in(json, "root");
    found.is_the_flake = nodes.size() <= 1; // itself
    for (const auto& [name, node] : nodes.items())
        if (node.is_object() && node.contains("locked") && node["locked"].is_object() && is_official(node["locked"]))
            add(found, node);
    if (!nodes.contains(root) || !nodes[root].is_object()) return found;
    const auto& inputs = nodes[root].value("inputs", Json::object());
    if (!inputs.is_object() || !inputs.contains("nixpkgs")) return found;
    auto named = input_of(nodes, root, inputs["nixpkgs"], longest_way);
    if (nodes.contains(named)) add(found, nodes[named]);
    return found;
}

// "FILE:12:3", as newer ones have it, without the numbers.
std::string_view without_position(std::string_view file) {
    for (int i = 0; i < 2; ++i) {
        auto colon = file.rfind(':');
        if (colon == file.npos || !parse_u64(file.substr(colon + 1))) break;
        file = file.substr(0, colon);
    }
    return file;
}

// "«github:NixOS/nixpkgs/REV?narHash=…»/FILE", as newer ones name an input's file.
bool is_check_of_reference(std::string_view file, const Nixpkgs& nixpkgs) {
    constexpr std::string_view open = "«", close = "»/";
    auto end = file.find(close);
    if (!file.starts_with(open) || end == file.npos || file.substr(end + close.size()) != check_file) return false;
    auto named = file.substr(open.size(), end - open.size());
    auto query = named.find('?');
    if (nixpkgs.references.contains(to_lower(named.substr(0, query)))) return true;
    if (query == named.npos) return false;
    for (auto parameter : split(named.substr(query + 1), '&')) {
        constexpr std::string_view key = "narHash=";
        if (!parameter.starts_with(key)) continue;
        auto hash = codec::Hash::parse(percent_decode(parameter.substr(key.size())));
        return hash && hash->algorithm() == codec::HashAlgorithm::sha256 &&
               nixpkgs.trees.contains(nix::locked_path(*hash));
    }
    return false;
}

// Below the first store path that the name has: a physical root may stand before it, and behind it a tree may hold what
// looks like another.
bool is_check_of_tree(std::string_view file, const std::set<nix::StorePath>& trees) {
    auto at = file.find(std::string(nix::store_dir) + "/");
    if (at == file.npos) return false;
    auto inside = nix::StorePath::parse_inside(file.substr(at));
    return inside && trees.contains(inside->first) && inside->second == "/" + std::string(check_file);
}

bool is_check_of_flake(std::string_view file, const FlakeInfo& flake) {
    auto own = (std::filesystem::path(flake.subdirectory) / check_file).lexically_normal().string();
    if (file.find(nix::store_dir) != file.npos && flake.source) {
        auto at = file.find(std::string(nix::store_dir) + "/");
        auto inside = nix::StorePath::parse_inside(file.substr(at));
        return inside && inside->first == *flake.source && inside->second == "/" + own;
    }
    auto relative = source_map(flake).relative(file);
    return relative && *relative == own;
}

} // namespace

std::string licence_refusal(const EvaluatorError& error, const FlakeInfo& flake) {
    auto message = sanitize(error.text);
    auto sentence = sentence_of(message);
    if (sentence.empty()) return {};
    // 2.8 tells no place of `throw` itself, but that of the function that calls it; newer ones tell the call.
    const auto* innermost = !error.own.file.empty() ? &error.own : error.trace.empty() ? nullptr : &error.trace.front();
    if (!innermost) return {};
    auto file = without_position(innermost->file);
    auto nixpkgs = nixpkgs_of(flake.lock);
    bool is_check = is_check_of_tree(file, nixpkgs.trees) || is_check_of_reference(file, nixpkgs) ||
                    (nixpkgs.is_the_flake && is_check_of_flake(file, flake));
    return is_check ? ellipsize(std::string(trim(sentence)), shown_sentence) : std::string();
}

bool may_repeat_impurely(const EvalSettings& settings) {
    return settings.impure == Impure::automatic && settings.environment.get_or(std::string(unfree_variable)) == "1";
}

std::string repeated_impurely(const std::string& what, const std::string& licence) {
    return what + " evaluates only with --impure and " + std::string(unfree_variable) +
           "=1, because nixpkgs says: " + licence + "; a machine that evaluates purely will refuse it likewise";
}

std::string impure_at_once(const std::string& what, const std::string& licence) {
    return what + " was evaluated with --impure and " + std::string(unfree_variable) +
           "=1 at once, because nixpkgs refused it purely before: " + licence +
           "; a machine that evaluates purely will refuse it likewise";
}

std::string after_refusal(const EvalSettings& settings, const std::string& variable, bool is_by_licence_check) {
    if (variable != unfree_variable)
        return "allow it in the configuration, or set " + variable + "=1 and evaluate impurely (--impure always)";
    const std::string allow = "set nixpkgs.config.allowUnfree = true in the configuration";
    if (!is_by_licence_check)
        return allow + "; it is not repeated with --impure, because this was not said by the licence check of a "
                       "nixpkgs that flake.lock names (--impure always does not care who says it)";
    if (settings.impure == Impure::never) return allow + "; here everything is evaluated purely (impure: never)";
    if (settings.environment.get_or(std::string(unfree_variable)) == "1") return allow;
    return allow + ", or NIXPKGS_ALLOW_UNFREE=1 in the environment of cachefill, which then evaluates it impurely "
                   "(impure: auto)";
}

} // namespace cachefill::eval
