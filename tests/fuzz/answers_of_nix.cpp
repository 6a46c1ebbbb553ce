// What `nix` prints as JSON: settings, a flake's metadata, listings, an evaluated host; and a flake's lock. Evaluations
// are the flake's own words.
//
// The first byte chooses what it is taken for. It fails as documented, or what was read can be told: names steer no
// terminal, once they are displayed. Reading it twice gives the same.
#include "base/foreign_json.hpp"
#include "base/foreign_text.hpp"
#include "daemon/settings.hpp"
#include "eval/discover.hpp"
#include "eval/evaluated.hpp"
#include "eval/flake.hpp"
#include "eval/host_settings.hpp"
#include "eval/locked_sources.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "nix/version.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::fuzz {

namespace {

constexpr eval::TargetKind every_kind[]{eval::TargetKind::nixos, eval::TargetKind::home, eval::TargetKind::package,
                                        eval::TargetKind::check};

void settings(std::string_view input) {
    auto read = daemon::parse_settings(input);
    if (!read) return require_told(read.error(), {FailureKind::protocol});
    require(!read->system.empty(), "it names a system");
    require(!read->by_name.contains("access-tokens"), "tokens stay out of what is passed on");
}

void metadata(std::string_view input) {
    auto read = eval::parse_metadata(input);
    if (!read) return require_told(read.error(), {FailureKind::protocol});
    auto sources = eval::source_map(*read);
    sources.relative("/nix/store/00000000000000000000000000000000-source/flake.nix");
    for (const auto& source : eval::locked_sources(read->lock, {}, read->archive)) require_harmless(source.origin);
}

void listing(std::string_view input) {
    for (auto kind : every_kind) {
        auto read = eval::parse_listing(kind, input);
        if (!read) {
            require_told(read.error(), {FailureKind::protocol});
            continue;
        }
        for (const auto& target : *read) {
            require(target.kind == kind && !target.attribute_path.empty(), "a target can be evaluated");
            require(
                target.display() ==
                    eval::parse_listing(kind, input)->at(static_cast<std::size_t>(&target - read->data())).display(),
                "read twice it is the same");
        }
    }
}

void evaluated(std::string_view input) {
    eval::TargetRef target{eval::TargetKind::nixos, "nas", {"nixosConfigurations", "nas"}};
    auto read = eval::parse_evaluated(target, input);
    if (!read) return require_told(read.error(), {FailureKind::protocol, FailureKind::eval});
    require(read->derivation.is_derivation(), "a host is made by a derivation");
    require(!read->outputs.empty(), "some output of it is demanded");
}

void host_settings(std::string_view input) {
    auto json = parse_foreign_json(input);
    if (json.is_discarded()) return;
    auto read = eval::parse_host_settings(json);
    if (!read) return;
    for (const auto& line : nix::lines_to_trust(*read, "https://cache.example", {"a-1:AAAA"}))
        require(line.find('\n') == line.npos, "a line is one");
}

} // namespace

void answers_of_nix(std::string_view input) {
    if (input.empty()) return;
    unsigned choice = static_cast<unsigned char>(input.front()) % 7;
    input.remove_prefix(1);
    if (choice == 0) return settings(input);
    if (choice == 1) return metadata(input);
    if (choice == 2) return listing(input);
    if (choice == 3) return evaluated(input);
    if (choice == 4) return host_settings(input);
    if (choice == 5) {
        for (const auto& source : eval::locked_sources(input, {})) require_harmless(source.origin);
        return;
    }
    auto version = nix::parse_version(input);
    if (!version) return require_told(version.error(), {FailureKind::machine});
    require(version->is_at_least(2, 8), "older ones are refused");
}

} // namespace cachefill::fuzz
