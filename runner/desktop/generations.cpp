#include "desktop/generations.hpp"

#include "base/text.hpp"
#include "desktop/store_link.hpp"

#include <algorithm>
#include <optional>
#include <pwd.h>
#include <set>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace cachefill::desktop {

namespace {

namespace fs = std::filesystem;

using User = ProfilePlaces::User;
using Owners = std::vector<unsigned>;

// The owner of the link or folder itself; nobody if it is not there.
std::optional<unsigned> owner_of(const fs::path& file) {
    struct stat status {};
    if (::lstat(file.c_str(), &status) != 0) return std::nullopt;
    return status.st_uid;
}

bool belongs_to(const fs::path& file, const Owners& owners) {
    auto owner = owner_of(file);
    return owner && std::find(owners.begin(), owners.end(), *owner) != owners.end();
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

void take(const fs::path& link, std::string name, const fs::path& root, std::vector<Generation>& found) {
    if (auto path = store_path_at(link, root)) found.push_back({std::move(*path), std::move(name), time_of(link)});
}

// The folder's entries by name; none if it cannot be read.
std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        names.push_back(entry->path().filename().string());
    return names;
}

constexpr std::string_view home_links = "home-manager-*-link";

// "PROFILE-17-link", of any profile that `wanted` (a glob) names, in a folder of one of the owners.
void take_links(const fs::path& folder, std::string_view wanted, const std::string& whose, const Owners& owners,
                const fs::path& root, std::vector<Generation>& found) {
    if (!belongs_to(folder, owners)) return;
    for (const auto& name : names_in(folder)) {
        if (!name.ends_with("-link") || !glob_match(wanted, name) || !belongs_to(folder / name, owners)) continue;
        auto label = name.substr(0, name.size() - 5);
        if (!whose.empty()) label += " of " + whose;
        take(folder / name, std::move(label), root, found);
    }
}

fs::path folder_of_users(const ProfilePlaces& places) { return places.state / "profiles/per-user"; }

// Whoever owns the machine's profiles decides what they are: root, or the user of a store of his own.
Owners owners_of_profiles(const ProfilePlaces& places) {
    Owners owners{0, ::geteuid()};
    if (auto owner = owner_of(places.state / "profiles")) owners.push_back(*owner);
    return owners;
}

Owners owners_of(const ProfilePlaces::Home& home) {
    // Not whoever owns the directory: HOME may be another user's (sudo -E).
    return {0, ::geteuid(), home.owner};
}

} // namespace

Result<ProfilePlaces> usual_places(const fs::path& physical_root, const Environment& environment,
                                   const std::vector<std::string>& users) {
    ProfilePlaces places;
    // A store with another root keeps its state below it, whatever the variable says.
    places.state = environment.get_or("NIX_STATE_DIR", "/nix/var/nix");
    if (!physical_root.empty()) places.state = physical_root.string() + "/nix/var/nix";
    places.root = physical_root;
    places.run = physical_root.string() + "/run";
    places.users.push_back({"root", 0});
    if (const auto* user = ::getpwuid(::geteuid()); user && user->pw_uid != 0)
        places.users.push_back({user->pw_name, user->pw_uid});
    fs::path home = environment.get_or("HOME");
    auto owner = ::geteuid();
    for (const auto& name : users) {
        const auto* user = ::getpwnam(name.c_str());
        if (!user)
            return Failure(FailureKind::usage, "push.users: this machine knows no user '" + sanitize(name) + "'");
        places.users.push_back({name, user->pw_uid});
        fs::path other = user->pw_dir;
        if (other == home)
            owner = user->pw_uid;
        else
            places.homes.push_back({.directory = other, .state = other / ".local/state", .owner = user->pw_uid});
    }
    if (home.empty()) return places;
    fs::path state = environment.get_or("XDG_STATE_HOME");
    if (!state.is_absolute()) state = home / ".local/state";
    places.homes.push_back({.directory = home, .state = std::move(state), .owner = owner});
    return places;
}

std::vector<Generation> find_generations(const ProfilePlaces& places) {
    std::vector<Generation> found;
    auto profiles = places.state / "profiles";
    auto owners = owners_of_profiles(places);
    take_links(profiles, "system-*-link", {}, owners, places.root, found);
    take_links(profiles / "system-profiles", "*-link", {}, owners, places.root, found);
    for (const auto& user : places.users)
        take_links(folder_of_users(places) / user.name, home_links, user.name, {user.number, 0}, places.root, found);
    for (const auto& home : places.homes)
        take_links(home.state / "nix/profiles", home_links, home.name(), owners_of(home), places.root, found);
    // `nixos-rebuild test` makes no generation.
    for (auto& current : find_current(places)) found.push_back(std::move(current));
    auto by_age = [](const auto& a, const auto& b) { return std::tie(a.made, a.name) < std::tie(b.made, b.name); };
    std::sort(found.begin(), found.end(), by_age);
    std::set<nix::StorePath> seen;
    std::erase_if(found, [&seen](const auto& generation) { return !seen.insert(generation.path).second; });
    return found;
}

std::vector<std::string> users_left_out(const ProfilePlaces& places) {
    std::vector<std::string> left_out;
    auto has_homes = [](const fs::path& folder) {
        auto links = names_in(folder);
        auto is_home = [](const std::string& link) { return glob_match(home_links, link); };
        return std::any_of(links.begin(), links.end(), is_home);
    };
    for (auto& name : names_in(folder_of_users(places))) {
        auto counts = [&name](const User& user) { return user.name == name; };
        if (std::any_of(places.users.begin(), places.users.end(), counts)) continue;
        if (has_homes(folder_of_users(places) / name)) left_out.push_back(std::move(name));
    }
    for (const auto& home : places.homes) {
        auto profiles = home.state / "nix/profiles";
        bool is_known = std::find(left_out.begin(), left_out.end(), home.name()) != left_out.end();
        if (!is_known && has_homes(profiles) && !belongs_to(profiles, owners_of(home))) left_out.push_back(home.name());
    }
    std::sort(left_out.begin(), left_out.end());
    return left_out;
}

std::optional<Generation> find_current_system(const ProfilePlaces& places) {
    std::vector<Generation> found;
    auto current_system = places.run / "current-system";
    if (belongs_to(current_system, owners_of_profiles(places)))
        take(current_system, "the running system", places.root, found);
    return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

std::optional<Generation> find_current_home(const ProfilePlaces& places, const ProfilePlaces::Home& home) {
    auto owners = owners_of(home);
    std::vector<Generation> found;
    for (const auto& link : {home.state / "nix/profiles/home-manager", home.state / "home-manager/gcroots/current-home",
                             places.state / "profiles/per-user" / home.name() / "home-manager"})
        if (found.empty() && belongs_to(link, owners)) take(link, "the home of " + home.name(), places.root, found);
    return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

std::vector<Generation> find_current(const ProfilePlaces& places) {
    std::vector<Generation> found;
    if (auto system = find_current_system(places)) found.push_back(std::move(*system));
    for (const auto& home : places.homes)
        if (auto current = find_current_home(places, home)) found.push_back(std::move(*current));
    return found;
}

} // namespace cachefill::desktop
