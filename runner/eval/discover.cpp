#include "eval/discover.hpp"

#include "async/together.hpp"
#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "eval/expression.hpp"
#include "eval/flake_failure.hpp"
#include "eval/source_line.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <span>

namespace cachefill::eval {

namespace {

using Json = nlohmann::json;

struct KindOutput {
    TargetKind kind;
    const char* output;
};
constexpr std::array<KindOutput, 6> outputs{{
    {TargetKind::nixos, "nixosConfigurations"},
    {TargetKind::darwin, "darwinConfigurations"},
    {TargetKind::home, "homeConfigurations"},
    {TargetKind::package, "packages"},
    {TargetKind::check, "checks"},
    {TargetKind::dev_shell, "devShells"},
}};

std::string output_of(TargetKind kind) {
    for (const auto& entry : outputs)
        if (entry.kind == kind) return entry.output;
    return {};
}

async::Task<void> list_kind(const EvalSettings& settings, const OpenedFlake& flake, Listing& listing, NixHooks hooks) {
    auto output = output_of(listing.kind);
    std::vector<std::string> path{output};
    auto command = evaluation(flake, false, path, listing_expression(listing.kind));
    command.doing = "listing " + output;
    command.deadline = settings.deadline;
    auto run = co_await run_nix(settings, std::move(command), std::move(hooks));
    if (!run) {
        listing.failure = std::move(run).error();
        if (listing.failure->kind() == FailureKind::timeout)
            listing.failure = std::move(*listing.failure).with_hint("--eval-timeout gives it more time, or less");
        co_return;
    }
    auto sources = source_map(flake.info);
    if (run->status.success()) {
        auto parsed = parse_listing(listing.kind, run->output);
        if (parsed)
            listing.targets = std::move(*parsed);
        else
            listing.failure = std::move(parsed).error();
        co_return;
    }
    // It looked for packages.SYSTEM.OUTPUT and legacyPackages, too. Any other failure comes from code that exists.
    if (run->complaint() == Complaint::missing_attribute) co_return;
    auto failure = co_await failure_in_flake(*run, sources, settings.environment);
    if (run->log.error()) listing.position = locate(*run->log.error(), sources);
    if (listing.position) failure = with_source_line(std::move(failure), *listing.position, sources.directory);
    listing.failure = std::move(failure).with_context("listing " + output);
}

} // namespace

Result<std::vector<TargetKind>> parse_extra_kinds(const std::vector<std::string>& names) {
    std::vector<TargetKind> kinds;
    std::vector<std::string> known;
    for (const auto& entry : outputs)
        if (entry.kind == TargetKind::package || entry.kind == TargetKind::check || entry.kind == TargetKind::dev_shell)
            known.emplace_back(entry.output);
    for (const auto& name : names) {
        bool found = false;
        for (const auto& entry : outputs) {
            if (name != entry.output || std::find(known.begin(), known.end(), name) == known.end()) continue;
            found = true;
            if (std::find(kinds.begin(), kinds.end(), entry.kind) == kinds.end()) kinds.push_back(entry.kind);
        }
        if (found) continue;
        auto failure =
            Failure(FailureKind::usage,
                    "'" + shown_name(name) + "' cannot be listed beside hosts (there are " + join(known, ", ") + ")");
        if (auto meant = did_you_mean(name, known))
            return std::move(failure).with_hint("did you mean '" + *meant + "'?");
        return failure;
    }
    return kinds;
}

Result<std::vector<TargetRef>> parse_listing(TargetKind kind, std::string_view json) {
    auto output = output_of(kind);
    auto not_understood = [&] {
        return Failure(FailureKind::protocol,
                       "nix printed no list of " + output + " but '" + ellipsize(shown_name(trim(json)), 200) + "'");
    };
    auto add = [&](std::vector<TargetRef>& targets, const Json& names, std::vector<std::string> prefix) {
        if (!names.is_array()) return false;
        for (const auto& name : names) {
            if (!name.is_string()) return false;
            auto path = prefix;
            path.push_back(name.get<std::string>());
            // The name is the flake's text, and stands in everything that is shown; the path is what is evaluated.
            auto shown = shown_name(join(std::span(path).subspan(1), "."));
            auto is_taken = [&](const TargetRef& target) { return target.name == shown; };
            constexpr std::string_view instead = "\uFFFD";
            while (shown.find(instead) != shown.npos && std::any_of(targets.begin(), targets.end(), is_taken))
                shown += instead;
            targets.push_back({.kind = kind, .name = std::move(shown), .attribute_path = std::move(path)});
        }
        return true;
    };
    auto value = Json::parse(json, nullptr, false);
    std::vector<TargetRef> targets;
    if (value.is_array()) {
        if (!add(targets, value, {output})) return not_understood();
        return targets;
    }
    if (!value.is_object()) return not_understood();
    for (const auto& [system, names] : value.items())
        if (!add(targets, names, {output, system})) return not_understood();
    return targets;
}

async::Task<Result<std::vector<Listing>>> list_targets(const EvalSettings& settings, const OpenedFlake& flake,
                                                       std::vector<TargetKind> kinds, NixHooks hooks) {
    std::vector<Listing> listings;
    for (auto kind : kinds) listings.push_back({.kind = kind, .targets = {}, .failure = {}, .position = {}});
    auto list_all = [&](async::TaskGroup& group) {
        for (auto& listing : listings) group.spawn(list_kind(settings, flake, listing, hooks));
    };
    co_await async::together(list_all);
    co_return listings;
}

} // namespace cachefill::eval
