#include "eval/read_watch.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

namespace cachefill::eval {

namespace {

constexpr std::uint64_t untyped_activity = 0;
constexpr std::uint64_t realise_activity = 102;
constexpr std::string_view begins_to_look = "querying info about missing paths";

std::optional<nix::StorePath> take_path(std::string_view& text) {
    auto at = text.find(std::string(nix::store_dir) + "/");
    if (at == text.npos) return std::nullopt;
    text.remove_prefix(at);
    auto end = std::min(text.find_first_of("'\"!^ "), text.size());
    auto path = nix::StorePath::parse(text.substr(0, end));
    text.remove_prefix(end);
    if (!path) return std::nullopt;
    return *std::move(path);
}

// "…/x.drv!out,dev' from .drv file: created", the same with '^', "…/x.drv' and then building outputs 'out', 'dev':
// created outer"; for all of them '*', not in quotes in the last form.
std::vector<std::string> outputs_in(std::string_view text) {
    std::vector<std::string> outputs;
    if (text.starts_with('!') || text.starts_with('^')) {
        text.remove_prefix(1);
        for (auto name : split(text.substr(0, text.find_first_of("'\"!^ ")), ',')) outputs.emplace_back(name);
        if (outputs == std::vector<std::string>{"*"}) outputs.clear();
    } else {
        auto parts = split(text.substr(0, text.find(": ")), '\'');
        // Quotes: the one that ends the derivation, then a pair around each output.
        for (std::size_t i = 2; i < parts.size(); i += 2) outputs.emplace_back(parts[i]);
    }
    std::sort(outputs.begin(), outputs.end());
    return outputs;
}

} // namespace

bool ReadWatch::is_listening() const {
    return std::any_of(open_.begin(), open_.end(), [](const auto& entry) { return entry.second.gathers; });
}

void ReadWatch::on_start(std::uint64_t activity, std::uint64_t type, std::string_view text) {
    if (type == realise_activity) open_[activity] = {};
    if (type != untyped_activity || text != begins_to_look) return;
    // Of several at work side by side the one that has been named what it is for.
    auto begins = open_.end();
    for (auto at = open_.begin(); at != open_.end(); ++at)
        if (at->second.gathers && (begins == open_.end() || !begins->second.has_named)) begins = at;
    if (begins != open_.end()) begins->second.gathers = false;
}

void ReadWatch::on_stop(std::uint64_t activity) {
    auto at = open_.find(activity);
    if (at == open_.end()) return;
    if (!at->second.has_named) ++unnamed_;
    open_.erase(at);
}

void ReadWatch::on_message(std::string_view text) {
    if (!is_listening()) return;
    auto path = take_path(text);
    if (!path) return;
    for (auto& [activity, realisation] : open_)
        if (realisation.gathers) realisation.has_named = true;
    if (path->is_derivation()) add({.derivation = *std::move(path), .outputs = outputs_in(text)});
}

void ReadWatch::add(ReadOutputs read) {
    auto known = std::find_if(reads_.begin(), reads_.end(),
                              [&](const auto& other) { return other.derivation == read.derivation; });
    if (known == reads_.end()) return reads_.push_back(std::move(read));
    if (known->outputs.empty() || read.outputs.empty()) return known->outputs.clear();
    std::vector<std::string> both;
    std::set_union(known->outputs.begin(), known->outputs.end(), read.outputs.begin(), read.outputs.end(),
                   std::back_inserter(both));
    known->outputs = std::move(both);
}

} // namespace cachefill::eval
