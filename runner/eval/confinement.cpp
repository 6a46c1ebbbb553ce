#include "eval/confinement.hpp"

#include "base/text.hpp"
#include "eval/complaint.hpp"

#include <algorithm>
#include <array>
#include <sys/stat.h>
#include <unistd.h>

namespace cachefill::eval {

namespace {

namespace fs = std::filesystem;
using Paths = std::vector<fs::path>;

constexpr std::uint64_t longest_settings = 1U << 20;
constexpr int deepest_etc = 8;

// Programs and what they need to run; what tells Nix and Boehm's collector of processors and memory. Not all of /proc:
// root may read there what variables another process has.
constexpr std::array<const char*, 26> system_places{"/nix",
                                                    "/usr",
                                                    "/bin",
                                                    "/sbin",
                                                    "/lib",
                                                    "/lib32",
                                                    "/lib64",
                                                    "/libx32",
                                                    "/run/current-system",
                                                    "/run/wrappers",
                                                    "/run/systemd/resolve",
                                                    "/run/nscd",
                                                    "/proc/sys",
                                                    "/proc/cpuinfo",
                                                    "/proc/meminfo",
                                                    "/proc/stat",
                                                    "/proc/loadavg",
                                                    "/proc/uptime",
                                                    "/proc/version",
                                                    "/proc/filesystems",
                                                    "/proc/cgroups",
                                                    "/sys/fs/cgroup",
                                                    "/sys/devices/system/cpu",
                                                    "/sys/kernel/mm",
                                                    "/dev/random",
                                                    "/dev/urandom"};
constexpr std::array devices{"/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts"};

// Of a user, below $XDG_CONFIG_HOME: the settings, and not what else lies there, as git's credentials do.
constexpr std::array of_config{"nix/nix.conf", "nix/registry.json", "nixpkgs/overlays",
                               "git/config",   "git/ignore",        "git/attributes"};

bool is_readable_by_all(const struct stat& info) {
    return S_ISDIR(info.st_mode) ? (info.st_mode & 05) == 05 : S_ISREG(info.st_mode) && (info.st_mode & 04) != 0;
}

// Adds to `found` what is public below `directory`; true, and adds nothing, if all of it is.
bool add_public(const fs::path& directory, int depth, Paths& found) {
    Paths below;
    bool is_all_public = depth > 0;
    std::error_code error;
    for (fs::directory_iterator entries(directory, error), end; !error && entries != end; entries.increment(error)) {
        struct stat info {};
        const auto& path = entries->path();
        if (entries->is_symlink(error)) {
            // A rule is for what the link leads to.
            if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && is_readable_by_all(info))
                below.push_back(path);
            continue;
        }
        if (::lstat(path.c_str(), &info) != 0) continue;
        if (!is_readable_by_all(info) || (S_ISDIR(info.st_mode) && (depth == 0 || !add_public(path, depth - 1, below))))
            is_all_public = false;
        else
            below.push_back(path);
    }
    if (is_all_public && !error) {
        // Links out of it still need rules of their own.
        for (auto& path : below)
            if (fs::is_symlink(path, error)) found.push_back(std::move(path));
        return true;
    }
    found.insert(found.end(), below.begin(), below.end());
    return false;
}

std::string first_line(const fs::path& file) {
    auto text = read_file(file, longest_settings);
    return text ? std::string(trim(std::string_view(*text).substr(0, text->find('\n')))) : std::string();
}

fs::path tidy(const fs::path& path) {
    auto normal = path.lexically_normal();
    return normal.has_filename() ? normal : normal.parent_path();
}

// Links count for nothing here: whoever filled the flake's folder could lead them to any other.
bool is_git_directory(const fs::path& directory) {
    std::error_code ignored;
    auto head = fs::symlink_status(directory / "HEAD", ignored),
         objects = fs::symlink_status(directory / "objects", ignored);
    return fs::is_regular_file(head) && fs::is_directory(objects);
}

void add_objects(const fs::path& git, Paths& places, int left) {
    auto alternates = read_file(git / "objects/info/alternates", longest_settings);
    if (!alternates || left == 0) return;
    for (auto line : split(*alternates, '\n')) {
        auto objects = fs::path(trim(line));
        if (objects.empty()) continue;
        if (objects.is_relative()) objects = git / "objects" / objects;
        std::error_code error;
        auto real = fs::canonical(objects, error);
        auto other = real.parent_path();
        if (error || real.filename() != "objects" || !is_git_directory(other)) continue;
        places.push_back(real);
        add_objects(other, places, left - 1);
    }
}

fs::path home_of(const Environment& environment) { return environment.get_or("HOME"); }

fs::path in_home(const Environment& environment, const char* variable, const char* otherwise) {
    auto given = environment.get_or(variable);
    return given.starts_with('/') ? fs::path(given) : home_of(environment) / otherwise;
}

// Of git's settings, what names a file that it cannot do without, in small letters; keys and logins are none of these.
constexpr std::array<std::string_view, 6> named_by_git{"core.excludesfile", "core.attributesfile", "http.sslcainfo",
                                                       "http.sslcapath",    "http.proxysslcainfo", "include.path"};

// "[http \"https://x\"]" is "http".
std::string section_of(std::string_view line) {
    auto name = line.substr(1, std::min(line.find_first_of("]\" \t"), line.size()) - 1);
    return to_lower(name) == "includeif" ? "include" : to_lower(name);
}

// Files that the user's own settings of git name: includes and what those name, ignore lists, certificates.
void add_named_by_git(const fs::path& file, const fs::path& home, Paths& places, int left) {
    auto text = read_file(file, longest_settings);
    if (!text || left == 0) return;
    std::string section;
    for (auto rest : split(*text, '\n')) {
        auto line = trim(rest);
        if (line.starts_with('[')) {
            section = section_of(line);
            line.remove_prefix(std::min(line.find(']'), line.size() - 1) + 1); // "[core] excludesFile = x"
        }
        auto equals = line.find('=');
        auto setting = section + "." + to_lower(trim(line.substr(0, equals)));
        if (equals == line.npos || std::find(named_by_git.begin(), named_by_git.end(), setting) == named_by_git.end())
            continue;
        auto value = std::string(trim(line.substr(equals + 1)));
        std::erase(value, '"');
        auto named = value.starts_with("~/") ? home / value.substr(2) : fs::path(value);
        bool is_include = setting == "include.path";
        if (is_include && named.is_relative()) named = file.parent_path() / named;
        std::error_code ignored;
        bool is_kind =
            setting == "http.sslcapath" ? fs::is_directory(named, ignored) : fs::is_regular_file(named, ignored);
        if (!named.is_absolute() || !is_kind) continue;
        places.push_back(named);
        if (is_include) add_named_by_git(named, home, places, left - 1);
    }
}

// A nix.conf, and what it includes: secrets often lie elsewhere, "!include /run/secrets/access-tokens".
void add_nix_settings(const fs::path& file, Paths& places, int left) {
    auto text = read_file(file, longest_settings);
    if (!text || left == 0) return;
    places.push_back(file);
    for (auto line : split(*text, '\n')) {
        auto words = split_words(line);
        if (words.size() != 2 || (words[0] != "include" && words[0] != "!include")) continue;
        add_nix_settings(tidy(file.parent_path() / words[1]), places, left - 1);
    }
}

void add_nix_settings(const Environment& environment, Paths& places) {
    add_nix_settings(fs::path(environment.get_or("NIX_CONF_DIR", "/etc/nix")) / "nix.conf", places, deepest_etc);
    auto given = environment.get_or("NIX_USER_CONF_FILES");
    for (auto file : split(given, ':'))
        if (file.starts_with('/')) add_nix_settings(fs::path(file), places, deepest_etc);
    auto config = in_home(environment, "XDG_CONFIG_HOME", ".config");
    if (config.is_absolute()) add_nix_settings(config / "nix/nix.conf", places, deepest_etc);
}

// What Nix could evaluate of the folder with nixpkgs' settings: config.nix, and what lies beside it to be imported.
void add_expressions(const fs::path& folder, Paths& places) {
    std::error_code error;
    for (fs::directory_iterator entries(folder, error), end; !error && entries != end; entries.increment(error))
        if (entries->path().extension() == ".nix" && entries->is_regular_file(error)) places.push_back(entries->path());
}

void add_user_settings(const Environment& environment, Paths& places) {
    auto home = home_of(environment);
    if (!home.is_absolute()) return;
    auto config = in_home(environment, "XDG_CONFIG_HOME", ".config");
    for (const char* name : of_config) places.push_back(config / name);
    for (const char* name : {".gitconfig", ".nixpkgs/overlays", ".nix-profile", ".nix-defexpr", ".nix-channels"})
        places.push_back(home / name);
    for (const auto& folder : {config / "nixpkgs", home / ".nixpkgs"}) add_expressions(folder, places);
    for (const auto& file : {home / ".gitconfig", config / "git/config"})
        add_named_by_git(file, home, places, deepest_etc);
}

// What variables name, to Nix and to those that it runs.
void add_named_by_environment(const Environment& environment, Paths& places) {
    for (const auto& [name, value] : environment.variables()) {
        bool is_of_tools = name.starts_with("NIX_") || name.starts_with("GIT_") || name.starts_with("CURL_") ||
                           name.starts_with("SSL_CERT_");
        bool is_search_path = name == "PATH" || name == "LD_LIBRARY_PATH";
        if (!is_of_tools && !is_search_path) continue;
        for (auto part : split(value, ':')) {
            auto path = fs::path(name == "NIX_PATH" ? part.substr(part.find('=') + 1) : part).lexically_normal();
            // Nobody means all that he has.
            auto inside = home_of(environment).lexically_normal().lexically_relative(path);
            bool holds_home = !inside.empty() && *inside.begin() != "..";
            if (path.is_absolute() && path != path.root_path() && !holds_home) places.push_back(path);
        }
    }
}

bool is_inside(const fs::path& file, const fs::path& directory) {
    auto inside = file.lexically_relative(directory);
    return !inside.empty() && *inside.begin() != "..";
}

// A place without what is closed in it: in its stead what lies beside that. `closed` is free of links.
void add_without(const fs::path& place, const Paths& closed, Paths& places, int left) {
    std::error_code error;
    auto real = fs::weakly_canonical(place, error);
    if (std::find(closed.begin(), closed.end(), real) != closed.end()) return;
    bool is_free = std::none_of(closed.begin(), closed.end(), [&](const auto& file) { return is_inside(file, real); });
    if (is_free || error) return places.push_back(place);
    if (left == 0) return;
    for (fs::directory_iterator entries(place, error), end; !error && entries != end; entries.increment(error))
        add_without(entries->path(), closed, places, left - 1);
}

// Programs and the store are open as a whole, and so is the flake's tree.
void close(const Paths& files, std::size_t first, Paths& places) {
    Paths closed, rest(places.begin() + static_cast<std::ptrdiff_t>(first), places.end());
    std::error_code error;
    for (const auto& file : files)
        if (auto real = fs::weakly_canonical(file, error); !error && real.is_absolute()) closed.push_back(real);
    if (closed.empty()) return;
    places.resize(first);
    for (const auto& place : rest) add_without(place, closed, places, deepest_etc);
}

Paths caches(const Environment& environment) {
    Paths places;
    auto own = environment.get_or("NIX_CACHE_HOME"); // since 2.25
    if (own.starts_with('/')) places.emplace_back(own);
    auto usual = in_home(environment, "XDG_CACHE_HOME", ".cache");
    if (usual.is_absolute()) places.push_back(usual / "nix");
    return places;
}

} // namespace

std::vector<fs::path> public_places(const fs::path& directory) {
    Paths found;
    if (add_public(directory, deepest_etc, found)) found.push_back(directory);
    return found;
}

std::vector<fs::path> places_of_flake(const fs::path& directory) {
    Paths places;
    if (directory.empty()) return places;
    places.push_back(directory);
    std::error_code ignored;
    auto git = directory / ".git";
    if (fs::is_regular_file(git, ignored)) {
        constexpr std::string_view says = "gitdir:";
        auto line = first_line(git);
        if (!line.starts_with(says)) return places;
        auto elsewhere = fs::path(trim(std::string_view(line).substr(says.size())));
        git = fs::canonical(elsewhere.is_relative() ? directory / elsewhere : elsewhere, ignored);
        if (git.empty()) return places;
        auto common = fs::path(first_line(git / "commondir"));
        if (common.empty()) {
            // Of a submodule, or kept apart; but not what is another work tree's own.
            if (!is_git_directory(git) || git.filename() == ".git") return places;
            places.push_back(git);
        } else {
            auto repository = fs::canonical(common.is_relative() ? git / common : common, ignored);
            if (repository.empty() || git.parent_path() != repository / "worktrees" || !is_git_directory(repository))
                return places;
            // The repository says that this is its work tree, too.
            auto back = fs::path(first_line(git / "gitdir"));
            if (!fs::equivalent(back.is_relative() ? git / back : back, directory / ".git", ignored)) return places;
            places.push_back(git);
            git = std::move(repository);
            places.push_back(git);
        }
    }
    add_objects(git, places, deepest_etc);
    return places;
}

std::optional<async::Confinement> confinement_of(const EvalSettings& settings, const FlakeInfo& flake, bool impure,
                                                 const fs::path& temporary) {
    const auto& confining = settings.confining;
    bool builds = !confining.has_daemon && settings.import_from_derivation;
    // With the flake's own settings (post-build-hook, …) only its evaluator can build, and who accepted those has let
    // it run what it likes.
    if (!confining.is_wanted || (builds && (!impure || settings.accept_flake_config)) || async::landlock_version() == 0)
        return {};
    async::Confinement confinement;
    auto& readable = confinement.readable;
    readable.assign(system_places.begin(), system_places.end());
    auto tree = places_of_flake(flake.directory);
    readable.insert(readable.end(), tree.begin(), tree.end());
    auto first = readable.size();
    // Root could read all of it.
    auto etc = ::geteuid() == 0 ? public_places("/etc") : Paths{"/etc"};
    readable.insert(readable.end(), etc.begin(), etc.end());
    readable.emplace_back("/etc/nix");
    readable.insert(readable.end(), confining.readable.begin(), confining.readable.end());
    add_nix_settings(settings.environment, readable);
    add_user_settings(settings.environment, readable);
    add_named_by_environment(settings.environment, readable);
    close(confining.closed, first, readable);

    auto& writable = confinement.writable;
    writable.assign(devices.begin(), devices.end());
    writable.push_back(temporary);
    for (const auto& place : caches(settings.environment)) {
        // Not by the evaluator: it may not make it where nothing of its own is yet.
        if (auto made = cachefill::create_directories(place)) writable.push_back(place);
    }
    auto root = confining.store_root.empty() ? fs::path("/") : confining.store_root;
    for (const char* part : {"nix/store", "nix/var"}) writable.push_back(root / part);
    for (const char* variable : {"NIX_STORE_DIR", "NIX_STATE_DIR", "NIX_LOG_DIR"})
        if (auto moved = settings.environment.get_or(variable); moved.starts_with('/')) writable.emplace_back(moved);
    return confinement;
}

std::string refused_by_confinement(std::string_view message) {
    auto file = refused_file(message);
    if (!file || ::access(file->c_str(), R_OK) != 0) return {};
    return "evaluation is confined and may not open '" + sanitize(*file) +
           "'; make it part of the flake, or trust this flake with your files: --no-confine-evaluation "
           "(confine-evaluation: false outside of the flake)";
}

} // namespace cachefill::eval
