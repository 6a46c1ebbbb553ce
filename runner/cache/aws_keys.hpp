#pragma once

#include "async/clock.hpp"
#include "async/limiter.hpp"
#include "cache/aws_identity.hpp"

#include <chrono>
#include <optional>

namespace cachefill::http {
class Client;
}

namespace cachefill::cache {

// The key of an identity, fetched from whoever gives it out when it is first needed, and again before it ends. Each
// question has a deadline of its own.
class AwsKeys {
  public:
    using Time = std::chrono::system_clock::time_point;

    // Client and clock outlive it.
    AwsKeys(async::Executor executor, http::Client& client, const async::Clock& clock, AwsIdentity identity);

    // Empty: there is none, so nothing is signed. A failure says who gave none and why.
    async::Task<Result<std::optional<AwsKey>>> get();
    // The server says that the key has ended: true if another one can be had, which get() will then fetch.
    bool forget();

  private:
    struct Lent {
        AwsKey key;
        std::optional<Time> end;
    };
    async::Task<Result<std::optional<Lent>>> fetch();
    async::Task<Result<Secret>> find_token(const AwsIdentity::WebIdentity& web);
    async::Task<Result<Lent>> ask_sts(const AwsIdentity::WebIdentity& web);
    async::Task<Result<Lent>> ask_container(const AwsIdentity::Container& container);
    // Empty: this is no instance.
    async::Task<Result<std::optional<Lent>>> ask_instance();
    async::Task<Result<Lent>> read_json(http::Request request, std::string source);

    http::Client& client_;
    const async::Clock& clock_;
    AwsIdentity identity_;
    async::Limiter one_at_a_time_;
    std::optional<Lent> lent_;
    bool has_none_ = false;
};

} // namespace cachefill::cache
