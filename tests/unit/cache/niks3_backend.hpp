#pragma once

#include "support/niks3_server.hpp"
#include "unit/cache/backends.hpp"

namespace cachefill::test {

class Niks3Backend {
  public:
    explicit Niks3Backend(const std::filesystem::path& directory) : Niks3Backend(settings(directory)) {}
    explicit Niks3Backend(Niks3ServerSettings settings) : server_(std::move(settings)) {}
    static Niks3ServerSettings settings(const std::filesystem::path& directory);

    std::string uri() const { return "niks3://" + server_.host() + "?scheme=http"; }
    cache::Credentials credentials() const { return credentials("push-token"); }
    cache::Credentials credentials(const std::string& token) const;
    std::string cachix_api() const { return {}; }
    Niks3Server& server() { return server_; }

  private:
    Niks3Server server_;
};

} // namespace cachefill::test
