#pragma once

#include "async/signal.hpp"
#include "base/result.hpp"

#include <boost/asio/ip/address.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace cachefill::http {

using Addresses = std::vector<async::asio::ip::address>;

// getaddrinfo. Blocks, for as long as it likes.
Result<Addresses> look_up(const std::string& host);

// Finds the addresses of hosts and remembers them. Asio's own resolver cannot be cancelled: its coroutine comes back
// only when getaddrinfo does. So each look-up has a thread that nobody waits for; whoever asks leaves at the deadline,
// others may still join the same look-up, and a thread that ends after the resolver has gone finds its result
// unwanted. IP addresses and localhost are answered at once.
class Resolver {
  public:
    using LookUp = std::function<Result<Addresses>(const std::string&)>;

    explicit Resolver(async::Executor executor, LookUp look_up = http::look_up);
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    ~Resolver();

    // Never an empty list. An empty optional when the deadline passed.
    async::Task<Result<std::optional<Addresses>>> resolve(std::string host,
                                                          std::chrono::steady_clock::time_point deadline);

    // This one answered: try it first from now on.
    void prefer(const std::string& host, const async::asio::ip::address& address);
    // None of them answered: ask anew next time.
    void forget(const std::string& host);

  private:
    struct Entry;
    struct Mailbox;
    struct Waiting;

    void start(const std::string& host);
    void finish(const std::string& host, Result<Addresses> result);

    async::Executor executor_;
    LookUp look_up_;
    std::map<std::string, std::shared_ptr<Entry>> entries_;
    std::shared_ptr<Mailbox> mailbox_;
};

} // namespace cachefill::http
