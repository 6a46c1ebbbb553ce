#pragma once

#include "codec/hash.hpp"
#include "desktop/queue.hpp"
#include "event/event.hpp"

#include <string>
#include <vector>

namespace cachefill::test {

// A store path of this name; the same name gives the same path.
inline nix::StorePath path(const std::string& name) {
    auto digest = codec::hash_bytes(codec::HashAlgorithm::sha256, name).to_nix32();
    return nix::StorePath::parse_base_name(digest.substr(0, nix::hash_part_length) + "-" + name).value();
}

inline desktop::QueuedPath queued(const std::string& name, std::uint64_t size = 100) {
    return {.path = path(name), .nar_size = size};
}

// Keeps what was said.
class Ear final : public event::Sink {
  public:
    void on_event(const event::Event& event) override {
        if (const auto* message = std::get_if<event::Message>(&event)) said.push_back(message->text);
    }
    bool heard(const std::string& part) const {
        for (const auto& text : said)
            if (text.find(part) != std::string::npos) return true;
        return false;
    }
    std::vector<std::string> said;
};

} // namespace cachefill::test
