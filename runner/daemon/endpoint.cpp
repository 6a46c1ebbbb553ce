#include "base/text.hpp"
#include "daemon/connection.hpp"

#include <unistd.h>

namespace cachefill::daemon {

namespace {

std::filesystem::path state_directory(const Environment& environment) {
    return environment.get_or("NIX_STATE_DIR", "/nix/var/nix");
}

Endpoint by_socket(std::filesystem::path socket) {
    Endpoint endpoint;
    endpoint.socket = std::move(socket);
    return endpoint;
}

Endpoint by_default_socket(const Environment& environment) {
    auto usual = state_directory(environment) / "daemon-socket" / "socket";
    return by_socket(environment.get_or("NIX_DAEMON_SOCKET_PATH", usual.native()));
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

Result<Endpoint> by_root(const Environment& environment, std::string root, const std::string& uri) {
    while (root.size() > 1 && root.ends_with('/')) root.pop_back();
    if (!root.starts_with('/') || root.find_first_of("?&%#") != std::string::npos)
        return Failure(FailureKind::usage,
                       "'" + sanitize(uri) + "' needs the absolute path of a directory as its root");
    if (root == "/") return by_child(environment, "local");
    auto endpoint = by_child(environment, "local?root=" + root);
    endpoint.physical_root = root;
    return endpoint;
}

// What Nix itself does for `auto`: whoever may write the store's state uses it directly.
Endpoint by_rights(const Environment& environment) {
    auto state = state_directory(environment);
    if (::geteuid() == 0 || ::access(state.c_str(), R_OK | W_OK) == 0) return by_child(environment, {});
    return by_default_socket(environment);
}

} // namespace

Result<Endpoint> find_endpoint(const std::string& store_uri, const Environment& environment) {
    static constexpr std::string_view local_root = "local?root=", socket_scheme = "unix://";
    auto uri = store_uri.empty() ? environment.get_or("NIX_REMOTE") : store_uri;
    if (uri.empty() || uri == "auto") return by_rights(environment);
    if (uri == "daemon" || uri == socket_scheme) return by_default_socket(environment);
    if (uri == "local") return by_child(environment, "local");
    if (uri.starts_with(local_root)) return by_root(environment, uri.substr(local_root.size()), uri);
    if (uri.starts_with('/')) return by_root(environment, uri, uri);
    if (uri.starts_with(socket_scheme) && uri[socket_scheme.size()] == '/' && uri.find('?') == std::string::npos)
        return by_socket(uri.substr(socket_scheme.size()));
    return Failure(FailureKind::usage, "'" + sanitize(redact_url(uri)) + "' is not a local Nix store" +
                                           (store_uri.empty() ? " (from NIX_REMOTE)" : ""))
        .with_hint("use auto, daemon, local, local?root=DIR or unix:///SOCKET");
}

} // namespace cachefill::daemon
