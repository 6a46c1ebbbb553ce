#pragma once

#include <string>
#include <string_view>

namespace cachefill {

// A token or key. It cannot be printed, formatted or compared by accident: whoever needs the bytes says reveal(), and
// does so only where they go out (a header, a signature). The memory is wiped when it goes away.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(const Secret&) = default;
    Secret(Secret&&) noexcept = default;
    Secret& operator=(const Secret&) = default;
    Secret& operator=(Secret&&) noexcept = default;
    ~Secret();

    bool empty() const { return value_.empty(); }
    std::string_view reveal() const { return value_; }

  private:
    std::string value_;
};

} // namespace cachefill
