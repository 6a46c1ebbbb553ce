#include "device/generations.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <pwd.h>
#include <set>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace cachefill::device {

namespace {

namespace fs = std::filesystem;

// The store path that a link leads to, followed by hand: below another root the targets are logical.
std::optional<nix::StorePath> target_of(fs::path link) {
    std::error_code error;
    for (int steps = 0; steps < 8; ++steps) {
        auto target = fs::read_symlink(link, error);
        if (error) return {};
        if (auto inside = nix::StorePath::parse_inside(target.string())) return inside->first;
        link = target.is_absolute() ? target : link.parent_path() / target;
    }
    return {};
}

// When the link itself was made.
std::chrono::sys_time<std::chrono::milliseconds> time_of(const fs::path& link) {
    struct stat status {};
    if (::lstat(link.c_str(), &status) != 0) return {};
#ifdef __APPLE__
    const auto& made = status.st_mtimespec;
#else
    const auto& made = status.st_mtim;
#endif
    auto since_epoch = std::chrono::seconds(made.tv_sec) + std::chrono::nanoseconds(made.tv_nsec);
    return std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::floor<std::chrono::milliseconds>(since_epoch));
}

void take(const fs::path& link, std::string name, std::vector<Generation>& found) {
    if (auto path = target_of(link)) found.push_back({std::move(*path), std::move(name), time_of(link)});
}

// "PROFILE-17-link", of any profile that `wanted` (a glob) names.
void take_links(const fs::path& directory, std::string_view wanted, const std::string& whose,
                std::vector<Generation>& found) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        auto name = entry->path().filename().string();
        if (!name.ends_with("-link") || !glob_match(wanted, name)) continue;
        auto label = name.substr(0, name.size() - 5);
        if (!whose.empty()) label += " of " + whose;
        take(entry->path(), std::move(label), found);
    }
}

void take_homes(const fs::path& users, std::vector<Generation>& found) {
    std::error_code error;
    for (fs::directory_iterator entry(users, error), end; !error && entry != end; entry.increment(error))
        take_links(entry->path(), "home-manager-*-link", entry->path().filename().string(), found);
}

std::vector<fs::path> all_homes() {
    std::vector<fs::path> homes;
    ::setpwent();
    while (const auto* user = ::getpwent())
        if (std::string_view home = user->pw_dir; home.size() > 1 && ::access(user->pw_dir, R_OK | X_OK) == 0)
            homes.emplace_back(home);
    ::endpwent();
    std::sort(homes.begin(), homes.end());
    homes.erase(std::unique(homes.begin(), homes.end()), homes.end());
    return homes;
}

} // namespace

ProfilePlaces usual_places(const fs::path& physical_root, const Environment& environment) {
    ProfilePlaces places;
    places.state = physical_root.string() + environment.get_or("NIX_STATE_DIR", "/nix/var/nix");
    places.run = physical_root.string() + "/run";
    auto home = environment.get_or("HOME");
    if (::geteuid() == 0 && physical_root.empty()) places.homes = all_homes();
    if (!home.empty() && std::find(places.homes.begin(), places.homes.end(), home) == places.homes.end())
        places.homes.emplace_back(home);
    return places;
}

std::vector<Generation> find_generations(const ProfilePlaces& places) {
    std::vector<Generation> found;
    auto profiles = places.state / "profiles";
    take_links(profiles, "system-*-link", {}, found);
    take_links(profiles / "system-profiles", "*-link", {}, found);
    take_homes(profiles / "per-user", found);
    for (const auto& home : places.homes)
        take_links(home / ".local/state/nix/profiles", "home-manager-*-link", home.filename().string(), found);
    // `nixos-rebuild test` makes no generation.
    for (auto& current : find_current(places)) found.push_back(std::move(current));
    auto by_age = [](const auto& a, const auto& b) { return std::tie(a.made, a.name) < std::tie(b.made, b.name); };
    std::sort(found.begin(), found.end(), by_age);
    std::set<nix::StorePath> seen;
    std::erase_if(found, [&seen](const auto& generation) { return !seen.insert(generation.path).second; });
    return found;
}

std::vector<Generation> find_current(const ProfilePlaces& places) {
    std::vector<Generation> found;
    take(places.run / "current-system", "the running system", found);
    for (const auto& home : places.homes) {
        auto before = found.size();
        for (const auto* link :
             {".local/state/nix/profiles/home-manager", ".local/state/home-manager/gcroots/current-home"})
            if (found.size() == before) take(home / link, "the home of " + home.filename().string(), found);
        if (found.size() == before)
            take(places.state / "profiles/per-user" / home.filename() / "home-manager",
                 "the home of " + home.filename().string(), found);
    }
    return found;
}

} // namespace cachefill::device
