// What switching changes.
#include "daemon/connection.hpp"
#include "desktop/generations.hpp"
#include "doctor/doctor.hpp"
#include "report/package_name.hpp"
#include "session/closure_changes.hpp"

#include <algorithm>

namespace cachefill::doctor {

using async::Task;
using namespace std::chrono_literals;

namespace {

// Somebody waits for it.
constexpr std::size_t most_questions = 10'000;
constexpr auto most_time = 15s;

// A name of flakes' is HOST, USER@HOST or USER.
bool is_named(const std::string& target, const std::vector<std::string>& names) {
    auto user = target.substr(0, target.find('@'));
    return std::any_of(names.begin(), names.end(), [&](const auto& name) { return name == target || name == user; });
}

std::string_view package_of(const nix::StorePath& path) { return report::package_name(path.name()).name; }

} // namespace

// Of another machine's system, or another user's home, what is in use here says nothing.
std::optional<nix::StorePath> Doctor::find_current(const nix::StorePath& next) const {
    auto places = desktop::usual_places(session_.endpoint().physical_root, session_.environment(), {});
    if (!places) return std::nullopt;
    const auto& target = evaluated_->target;
    std::optional<desktop::Generation> current;
    bool is_of_this = true;
    if (target.kind == eval::TargetKind::home) {
        if (!places->homes.empty()) current = desktop::find_current_home(*places, places->homes.back());
        is_of_this = is_named(target.name, wanted_.users);
    } else {
        current = desktop::find_current_system(*places);
        // A NixOS system's name has that of its host in it, by which the flake need not call it.
        is_of_this = target.kind == eval::TargetKind::nixos ? current && package_of(current->path) == package_of(next)
                                                            : is_named(target.name, wanted_.machines);
    }
    return current && is_of_this ? std::optional(std::move(current->path)) : std::nullopt;
}

Task<void> Doctor::find_changes(Examination& examination) {
    if (!examination.is_healthy()) co_return;
    auto next = nix::StorePath::parse(output());
    if (!next) co_return;
    auto current = find_current(*next);
    if (!current || *current == *next) co_return;
    auto store = co_await daemon::connect(session_.endpoint()); // its own, since it may be cut off
    if (!store) co_return;
    presence::ClosureReader reader(*presence_, graph_, facts_, most_questions);
    auto changes = co_await session::closure_changes(reader, std::move(*current), std::move(*next), presence_->all(),
                                                     **store, most_time);
    if (changes)
        examination.changes = std::move(*changes);
    else
        examination.notes.push_back("what switching changes cannot be told: " + changes.error().one_line());
}

} // namespace cachefill::doctor
