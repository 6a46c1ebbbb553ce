#pragma once

#include "event/event.hpp"

namespace cachefill::event {

// Passes on what somebody has to say, and not the progress of each build and path. `next` outlives it.
class MessagesOnly final : public Sink {
  public:
    explicit MessagesOnly(Sink& next) : next_(next) {}
    void on_event(const Event& event) override {
        if (std::holds_alternative<Message>(event)) next_.on_event(event);
    }

  private:
    Sink& next_;
};

} // namespace cachefill::event
