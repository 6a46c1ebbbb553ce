#include "eval/build_outside.hpp"

#include "async/child_process.hpp"
#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "eval/nix_command.hpp"

namespace cachefill::eval {

namespace {

constexpr std::size_t shown_lines = 10;

// "building '/nix/store/…-x.drv'..."
std::vector<nix::StorePath> built_in(std::string_view log) {
    constexpr std::string_view says = "building '";
    std::vector<nix::StorePath> built;
    for (auto line : split(log, '\n')) {
        if (!line.starts_with(says)) continue;
        line.remove_prefix(says.size());
        auto path = nix::StorePath::parse(line.substr(0, line.find('\'')));
        if (path && path->is_derivation()) built.push_back(std::move(*path));
    }
    return built;
}

} // namespace

async::Task<Result<std::vector<nix::StorePath>>> build_outside(const EvalSettings& settings,
                                                               std::vector<nix::StorePath> derivations) {
    async::ProcessSpec spec;
    spec.arguments = {"nix-store", "--realise"}; // `nix build` means another thing by a derivation in each version
    for (const auto& derivation : derivations) spec.arguments.push_back(derivation.to_string());
    if (!settings.store_uri.empty())
        for (const auto& word : {std::string("--option"), std::string("store"), settings.store_uri})
            spec.arguments.push_back(word);
    for (const auto& [name, value] : settings.nix_options)
        for (const auto& word : {std::string("--option"), name, value}) spec.arguments.push_back(word);
    spec.environment = nix_environment(settings);
    CO_TRY(finished, co_await async::run_process(std::move(spec), settings.deadline));
    if (finished.status.success()) co_return built_in(finished.error);
    auto said = clean_foreign(trim(finished.error));
    std::vector<std::string> lines;
    for (auto line : split(said, '\n')) lines.emplace_back(line);
    if (lines.size() > shown_lines) lines.erase(lines.begin(), lines.end() - shown_lines);
    co_return Failure(FailureKind::eval, "what it imports from could not be built: " + join(lines, "\n"));
}

} // namespace cachefill::eval
