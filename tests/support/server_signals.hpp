#pragma once

#include <csignal>
#include <signal.h>

namespace cachefill::test {

// What ends a stand-in. Made before any thread is started, so that none of them gets these signals.
class ServerSignals {
  public:
    ServerSignals() {
        sigemptyset(&signals_);
        sigaddset(&signals_, SIGTERM);
        sigaddset(&signals_, SIGINT);
        pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    }
    void wait() const {
        int received = 0;
        sigwait(&signals_, &received);
    }

  private:
    sigset_t signals_;
};

} // namespace cachefill::test
