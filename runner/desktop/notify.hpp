#pragma once

#include "base/environment.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace cachefill::desktop {

// Tells the service manager how we are (sd_notify(3), by the socket that NOTIFY_SOCKET names). Does nothing where there
// is none.
class ServiceManager {
  public:
    explicit ServiceManager(const Environment& environment);

    void ready() const { send("READY=1"); }
    void status(const std::string& text) const;
    void stopping() const { send("STOPPING=1"); }
    void alive() const { send("WATCHDOG=1"); }
    // How often it wants to hear from us; empty: never.
    std::optional<std::chrono::milliseconds> interval() const { return interval_; }

  private:
    void send(const std::string& message) const;
    std::string socket_;
    std::optional<std::chrono::milliseconds> interval_;
};

// Low priority for the processor, the lowest for the disk: whatever else runs here goes first. Best effort.
void run_in_the_background();

} // namespace cachefill::desktop
