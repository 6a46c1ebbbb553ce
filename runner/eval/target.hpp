#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::eval {

enum class TargetKind : std::uint8_t { nixos, darwin, home, package, check, dev_shell, attribute };
std::string_view to_string(TargetKind kind);

// A flake output that somebody will want to fetch.
struct TargetRef {
    TargetKind kind = TargetKind::nixos;
    std::string name;                        // "nas", "kim@nixos-laptop"; of packages "x86_64-linux.hello"
    std::vector<std::string> attribute_path; // of the thing discovered: {"nixosConfigurations", "nas"}
    std::string display() const;             // "nixos:nas"
    bool is_host() const { return kind == TargetKind::nixos || kind == TargetKind::darwin || kind == TargetKind::home; }
};

// "nixos:nixos-*", "darwin:*", "nas", "!template-*": glob over names with an optional kind; a leading '!' takes away.
// Without any positive selector all hosts are meant. The last match decides.
class Selectors {
  public:
    // A usage failure for an unknown kind (with a suggestion) or an empty pattern.
    static Result<Selectors> parse(const std::vector<std::string>& texts);
    bool selects(const TargetRef& target) const;
    // Selectors without wildcard that match nothing in `all`: each a name somebody got wrong.
    std::vector<std::string> unmatched_names(const std::vector<TargetRef>& all) const;
    bool names_exactly(const TargetRef& target) const; // without wildcard: somebody asked for this one

  private:
    struct Rule {
        bool negative = false;
        std::optional<TargetKind> kind; // empty: any host
        std::string pattern;
        std::string text; // as written
        bool matches(const TargetRef& target) const;
    };
    std::vector<Rule> rules_;
};

} // namespace cachefill::eval
