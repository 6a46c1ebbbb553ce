#pragma once

#include "async/signal.hpp"
#include "base/environment.hpp"
#include "daemon/settings.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cachefill::event {
class Sink;
}

namespace cachefill::http {
class Client;
struct ClientSettings;
} // namespace cachefill::http

namespace cachefill::presence {

// What the Nix on this machine that will evaluate and build goes by: asked once, by whoever needs it first, and the
// same for everybody.
class NixConfiguration {
  public:
    // As daemon::effective_settings.
    using Ask = std::function<async::Task<Result<daemon::Settings>>(Environment, std::vector<std::string> arguments)>;

    // `store`: what --store says; empty: Nix decides.
    NixConfiguration(async::Executor executor, Environment environment, std::string store,
                     Ask ask = daemon::effective_settings)
        : environment_(std::move(environment)), store_(std::move(store)), ask_(std::move(ask)), answered_(executor) {}
    NixConfiguration(const NixConfiguration&) = delete;
    NixConfiguration& operator=(const NixConfiguration&) = delete;

    // Never null; lives as long as this. A failure where there is no Nix, or one that is too old.
    async::Task<const Result<daemon::Settings>*> read();

  private:
    Environment environment_;
    std::string store_;
    Ask ask_;
    async::Signal answered_;
    bool is_asking_ = false;
    std::optional<Result<daemon::Settings>> settings_;
};

// How Nix itself would ask caches, as far as it is not left to its defaults; without the logins. `nix` is null where
// there is none.
http::ClientSettings client_settings_like(const daemon::Settings* nix, const Environment& environment);

// The files of logins. Nix reads one only, the last here; but a run writes to caches, too, and who may do that is
// usually told by the user's own.
struct NetrcFiles {
    std::vector<std::filesystem::path> readable;
    std::vector<std::filesystem::path> unreadable; // there, but not for this user
};
NetrcFiles find_netrc_files(const daemon::Settings* nix, const Environment& environment);

// A client that asks Nix for its configuration before it asks anybody else. Warns once of what it cannot read.
std::unique_ptr<http::Client> make_client_like_nix(async::Executor executor, NixConfiguration& configuration,
                                                   const Environment& environment, event::Sink& sink);

} // namespace cachefill::presence
