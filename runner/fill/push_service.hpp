#pragma once

#include "desktop/collector.hpp"
#include "desktop/courier.hpp"
#include "fill/pusher.hpp"
#include "options/settings.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::fill {

// Carries what is queued to one cache of the configuration. The cache is opened, its credentials read and its answers
// remembered from the first path after a rest on; all that is dropped when there is nothing to do.
class CacheCarrier final : public desktop::Carrier {
  public:
    CacheCarrier(session::Session& session, options::PushCache cache, std::set<std::string> other_targets,
                 event::Sink& sink)
        : session_(session), cache_(std::move(cache)), other_targets_(std::move(other_targets)), sink_(sink) {}

    async::Task<Result<void>> carry(std::vector<nix::StorePath> paths, OnSettled on_settled) override;
    void stop(std::chrono::milliseconds grace) override;
    void rest() override { pusher_.reset(); }

    // Changes when the token or key is renewed.
    std::string credentials_fingerprint() const;

  private:
    async::Task<Result<void>> open();

    session::Session& session_;
    options::PushCache cache_;
    std::set<std::string> other_targets_;
    event::Sink& sink_;
    std::unique_ptr<Pusher> pusher_;
    std::chrono::steady_clock::time_point opened_{};
    bool stopped_ = false; // the current carry() is to end
};

// A connection for work in the background, which may have to wait for its turn on a busy machine.
async::Task<Result<std::unique_ptr<daemon::Connection>>> connect_patiently(const daemon::Endpoint& endpoint);

} // namespace cachefill::fill
