#include "device/generations.hpp"

#include "base/text.hpp"
#include "device/store_link.hpp"

#include <algorithm>
#include <pwd.h>
#include <set>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace cachefill::device {

namespace {

namespace fs = std::filesystem;

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

void take(const fs::path& link, std::string name, const fs::path& root, std::vector<Generation>& found) {
    if (auto path = store_path_at(link, root)) found.push_back({std::move(*path), std::move(name), time_of(link)});
}

// "PROFILE-17-link", of any profile that `wanted` (a glob) names.
void take_links(const fs::path& directory, std::string_view wanted, const std::string& whose, const fs::path& root,
                std::vector<Generation>& found) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        auto name = entry->path().filename().string();
        if (!name.ends_with("-link") || !glob_match(wanted, name)) continue;
        auto label = name.substr(0, name.size() - 5);
        if (!whose.empty()) label += " of " + whose;
        take(entry->path(), std::move(label), root, found);
    }
}

void take_homes(const fs::path& users, const fs::path& root, std::vector<Generation>& found) {
    std::error_code error;
    for (fs::directory_iterator entry(users, error), end; !error && entry != end; entry.increment(error))
        take_links(entry->path(), "home-manager-*-link", entry->path().filename().string(), root, found);
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
    // A store with another root keeps its state below it, whatever the variable says.
    places.state = environment.get_or("NIX_STATE_DIR", "/nix/var/nix");
    if (!physical_root.empty()) places.state = physical_root.string() + "/nix/var/nix";
    places.root = physical_root;
    places.run = physical_root.string() + "/run";
    auto home = environment.get_or("HOME");
    if (::geteuid() == 0 && physical_root.empty())
        for (const auto& other : all_homes())
            if (other != home) places.homes.push_back({.directory = other, .state = other / ".local/state"});
    if (home.empty()) return places;
    auto state = environment.get_or("XDG_STATE_HOME", home + "/.local/state");
    places.homes.push_back({.directory = home, .state = std::move(state)});
    return places;
}

std::vector<Generation> find_generations(const ProfilePlaces& places) {
    std::vector<Generation> found;
    auto profiles = places.state / "profiles";
    take_links(profiles, "system-*-link", {}, places.root, found);
    take_links(profiles / "system-profiles", "*-link", {}, places.root, found);
    take_homes(profiles / "per-user", places.root, found);
    for (const auto& home : places.homes)
        take_links(home.state / "nix/profiles", "home-manager-*-link", home.name(), places.root, found);
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
    take(places.run / "current-system", "the running system", places.root, found);
    for (const auto& home : places.homes) {
        auto before = found.size();
        for (const auto& link :
             {home.state / "nix/profiles/home-manager", home.state / "home-manager/gcroots/current-home",
              places.state / "profiles/per-user" / home.name() / "home-manager"})
            if (found.size() == before) take(link, "the home of " + home.name(), places.root, found);
    }
    return found;
}

} // namespace cachefill::device
