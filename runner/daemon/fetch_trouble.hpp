#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::daemon {

// Why a path could not be fetched.
enum class FetchTrouble : std::uint8_t {
    network,     // a substituter could not be asked, or broke off: refused, reset, silent, 5xx, 429
    absent,      // those that answered do not have it
    untrusted,   // it is there, and signed by nobody whom this machine's Nix believes
    corrupt,     // what came is not what was announced
    disk,        // no room in this machine's store
    daemon_gone, // under the request, again and again
    other,
};
std::string_view to_string(FetchTrouble trouble);

struct FetchReason {
    FetchTrouble trouble = FetchTrouble::other;
    std::string cache; // the substituter's address without secrets; empty if it is not known
    std::string said;  // what happened in Nix's words, one line, without the address
    std::string in_words() const { return cache.empty() ? said : cache + ": " + said; }
};

// The protocol has one answer for all of these, and so it is Nix's words that tell: this is the only place that reads
// them (those of 2.8, 2.26 and 2.34 are in its test). `messages`: what the daemon said meanwhile, in order.
FetchReason reason_of_failed_fetch(const std::vector<std::string>& messages, std::string_view error);

// Do Nix or a builder say that there is no room in this machine's store?
bool tells_of_full_disk(std::string_view words);

// What a message says of a download that Nix will try again by itself ("…; retrying in 65063 ms"), or has given up;
// empty for a message that tells of no such trouble.
std::optional<FetchReason> trouble_told(std::string_view message);

} // namespace cachefill::daemon
