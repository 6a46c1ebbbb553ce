#pragma once

#include "support/attic_server.hpp"
#include "unit/cache/backends.hpp"

namespace cachefill::test {

class AtticBackend {
  public:
    explicit AtticBackend(const std::filesystem::path& directory) : AtticBackend(settings(directory)) {}
    explicit AtticBackend(AtticServerSettings settings) : server_(std::move(settings)) {}
    static AtticServerSettings settings(const std::filesystem::path& directory);

    std::string uri() const { return "attic://" + server_.host() + "/team?scheme=http"; }
    cache::Credentials credentials() const { return credentials("push-token"); }
    cache::Credentials credentials(const std::string& token) const;
    std::string cachix_api() const { return {}; }
    AtticServer& server() { return server_; }

  private:
    AtticServer server_;
};

} // namespace cachefill::test
