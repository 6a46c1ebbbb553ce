#include "base/text.hpp"
#include "daemon/connection.hpp"
#include "nix/flake_url.hpp"

#include <unistd.h>

namespace cachefill::daemon {

namespace {

namespace fs = std::filesystem;

// What stands behind the '?' of a store URI, decoded.
using Parameters = std::map<std::string, std::string>;

fs::path state_directory(const Environment& environment) { return environment.get_or("NIX_STATE_DIR", "/nix/var/nix"); }

fs::path default_socket(const Environment& environment) {
    auto usual = state_directory(environment) / "daemon-socket" / "socket";
    return environment.get_or("NIX_DAEMON_SOCKET_PATH", usual.native());
}

Endpoint by_socket(fs::path socket, fs::path root) {
    Endpoint endpoint;
    endpoint.socket = std::move(socket);
    endpoint.physical_root = std::move(root);
    return endpoint;
}

// The old program name: `nix daemon --stdio` is unknown to Nix 2.8. With NIX_REMOTE=daemon it would only pass
// everything on to the socket.
Endpoint by_child(const Environment& environment, const std::string& store) {
    Endpoint endpoint;
    endpoint.command = {"nix-daemon", "--stdio"};
    if (!store.empty()) endpoint.command.insert(endpoint.command.end(), {"--store", store});
    endpoint.environment = environment.without_our_secrets();
    endpoint.environment.unset("NIX_REMOTE");
    return endpoint;
}

// A local store with these parameters: "root" is where its "/" is.
Endpoint by_root(const Environment& environment, const fs::path& root, Parameters parameters) {
    std::string store = "local";
    if (!root.empty())
        parameters["root"] = root.native();
    else
        parameters.erase("root");
    char separator = '?';
    for (const auto& [name, value] : parameters) {
        store += separator + name + "=" + nix::encode_path(value);
        separator = '&';
    }
    auto endpoint = by_child(environment, store);
    endpoint.physical_root = root;
    return endpoint;
}

// Where Nix, from 2.10 on, keeps the store of a user for whom there is neither /nix nor a daemon.
fs::path private_store(const Environment& environment, const nix::Version& version) {
    auto own = environment.get_or("NIX_DATA_HOME");
    if (!own.empty() && version.is_at_least(2, 25)) return fs::path(own) / "root";
    auto data = environment.get_or("XDG_DATA_HOME", environment.get_or("HOME") + "/.local/share");
    return fs::path(data) / "nix/root";
}

#ifdef __linux__
constexpr bool knows_private_stores = true;
#else
constexpr bool knows_private_stores = false;
#endif

bool has_private_store(const Environment& environment, const nix::Version& version, unsigned user) {
    std::error_code ignored;
    bool is_moved = environment.find("NIX_STORE_DIR") || environment.find("NIX_STATE_DIR");
    return knows_private_stores && version.is_at_least(2, 10) && user != 0 && !is_moved &&
           !fs::exists(state_directory(environment), ignored) && !fs::exists(default_socket(environment), ignored);
}

// What Nix itself does for `auto`: whoever may write the store's state uses it directly.
Endpoint by_rights(const Environment& environment, const nix::Version& version, unsigned user, const fs::path& root,
                   Parameters parameters) {
    auto state = state_directory(environment);
    bool is_local = user == 0 || ::access(state.c_str(), R_OK | W_OK) == 0;
    if (parameters.empty() && is_local) return by_child(environment, {});
    if (is_local) return by_root(environment, root, std::move(parameters));
    if (parameters.empty() && has_private_store(environment, version, user))
        return by_root(environment, private_store(environment, version), {});
    return by_socket(default_socket(environment), root);
}

Result<Parameters> parse_parameters(const std::string& uri, std::string_view query) {
    Parameters parameters;
    for (auto part : split(query, '&')) {
        if (part.empty()) continue;
        auto equals = part.find('=');
        auto name = std::string(part.substr(0, equals));
        auto value = equals == part.npos ? std::string() : percent_decode(part.substr(equals + 1));
        // Where else than below the root its files and its state could lie.
        if ((name == "store" && value != nix::store_dir) || name == "real" || name == "state")
            return Failure(FailureKind::usage, "'" + sanitize(redact_url(uri)) + "' is a store in another place than " +
                                                   std::string(nix::store_dir) + ", which is not supported")
                .with_hint("a store with another root is: local?root=DIR");
        parameters[name] = value;
    }
    return parameters;
}

Result<fs::path> parse_root(const std::string& uri, std::string root) {
    while (root.size() > 1 && root.ends_with('/')) root.pop_back();
    if (!root.starts_with('/'))
        return Failure(FailureKind::usage,
                       "'" + sanitize(redact_url(uri)) + "' needs the absolute path of a directory as its root");
    return root == "/" ? fs::path() : fs::path(root);
}

} // namespace

Result<Endpoint> find_endpoint(const std::string& uri, const Environment& environment, const nix::Version& version,
                               unsigned user) {
    static constexpr std::string_view socket_scheme = "unix://", local_scheme = "local://";
    auto question = uri.find('?');
    auto base = uri.substr(0, question);
    TRY(parameters,
        parse_parameters(uri, question == uri.npos ? std::string_view() : std::string_view(uri).substr(question + 1)));
    fs::path root;
    if (auto given = parameters.find("root"); given != parameters.end()) {
        TRY(parsed, parse_root(uri, given->second));
        root = std::move(parsed);
    }
    if (base.empty() || base == "auto") return by_rights(environment, version, user, root, std::move(parameters));
    if (base == "daemon" || base == socket_scheme) return by_socket(default_socket(environment), root);
    if (base == "local" || base == local_scheme) return by_root(environment, root, std::move(parameters));
    if (base.starts_with(local_scheme)) { // 2.34 shows every local store so
        TRY(parsed, parse_root(uri, percent_decode(base.substr(local_scheme.size()))));
        return by_root(environment, root.empty() ? parsed : root, std::move(parameters));
    }
    if (base.starts_with(socket_scheme) && base[socket_scheme.size()] == '/')
        return by_socket(percent_decode(base.substr(socket_scheme.size())), root);
    if (base.find("://") == base.npos && base.find('/') != base.npos) {
        TRY(parsed, parse_root(uri, fs::absolute(base).lexically_normal()));
        return by_root(environment, parsed, std::move(parameters));
    }
    return Failure(FailureKind::usage, "'" + sanitize(redact_url(uri)) + "' is not a local Nix store")
        .with_hint("use auto, daemon, local, local?root=DIR or unix:///SOCKET (--store, NIX_REMOTE, or 'store' in "
                   "nix.conf)");
}

} // namespace cachefill::daemon
