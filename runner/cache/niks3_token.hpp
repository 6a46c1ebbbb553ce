#pragma once

#include "async/clock.hpp"
#include "async/limiter.hpp"
#include "cache/niks3_login.hpp"
#include "http/client.hpp"

#include <chrono>
#include <optional>

namespace cachefill::cache {

// The token for a server of niks3: the one that was found, or one of GitHub's, which is asked for when it is first
// needed, and anew before it can have run out.
class Niks3Token {
  public:
    // Client and clock outlive it.
    Niks3Token(async::Executor executor, http::Client& client, const async::Clock& clock, Niks3Login login);

    // For whom GitHub's is made out. Empty: for nobody, since the server wants none of GitHub's, or (`wanted`) one for
    // somebody who is not the server.
    void set_audience(std::string audience, std::string wanted) {
        audience_ = std::move(audience);
        wanted_ = std::move(wanted);
    }
    // Empty: there is none. An auth failure where GitHub's would be needed, and the server takes none or GitHub gives
    // none.
    async::Task<Result<std::optional<Secret>>> get();
    // The server refuses it: true if another one can be had, which get() will then ask for.
    bool forget();

    const Niks3Login& login() const { return login_; }

  private:
    http::Client& client_;
    const async::Clock& clock_;
    Niks3Login login_;
    std::string audience_, wanted_;
    async::Limiter one_at_a_time_;
    std::optional<Secret> lent_;
    async::Clock::TimePoint lent_at_;
};

} // namespace cachefill::cache
