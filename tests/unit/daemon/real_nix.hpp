#pragma once

#include "base/environment.hpp"
#include "base/files.hpp"
#include "daemon/connection.hpp"

#include <string>

namespace cachefill::test {

// A store of its own below a temporary directory, served by the real `nix-daemon --stdio`.
class RealNix {
  public:
    RealNix();

    // Nix must be there when CACHEFILL_REQUIRE_NIX is set; else tests that need it may skip themselves.
    static bool is_there();

    const Environment& environment() const { return environment_; }
    const daemon::Endpoint& endpoint() const { return endpoint_; }
    const std::string& store_uri() const { return store_uri_; }
    std::filesystem::path directory() const { return directory_.path(); }

    // The output of a program; its failure is an exception with what it said.
    std::string run(std::vector<std::string> arguments) const;
    // `attributes` of a derivation whose builder is /bin/sh; {name} and {script} come first.
    nix::StorePath instantiate(const std::string& name, const std::string& script,
                               const std::string& more_attributes = {}) const;

  private:
    TemporaryDirectory directory_;
    std::string store_uri_;
    Environment environment_;
    daemon::Endpoint endpoint_;
};

} // namespace cachefill::test
