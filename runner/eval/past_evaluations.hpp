#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace cachefill::eval {

// What is known of a target's evaluations. Zero and empty: nothing.
struct PastEvaluation {
    std::uint64_t need = 0;                // bytes at its peak, with a collector that begins as Nix has it
    std::chrono::milliseconds took{};      // from beginning to end, the last time
    std::chrono::milliseconds plain{};     // processor time, the last time without more room (room_for())
    std::chrono::milliseconds with_room{}; // the last time with it
    std::string licence;                   // what nixpkgs' licence check said, where it evaluates impurely alone
    std::string lock;                      // for which the check has said so: lock_name()
    unsigned unasked = 0;                  // times since then that the check was not asked again
};

// What one evaluation used.
struct Used {
    std::uint64_t peak = 0;
    std::chrono::milliseconds took{};
    std::chrono::milliseconds processor{};
    std::uint64_t room = 0;    // that it was given, bytes; 0: none
    std::uint64_t granted = 0; // that it was to stay within
    bool succeeded = false;
};

// What evaluations took, kept between runs: {"version": 1, "peaks": {"nixos:nas": 734003200}, "evaluations":
// {"nixos:nas": {…}}}. Only helps to decide how to evaluate, never what comes of it.
class PastEvaluations {
  public:
    static constexpr unsigned most_unasked = 10;

    // A file that is not there is an empty history; one that cannot be understood is a failure, and the caller goes on
    // with an empty one.
    static Result<PastEvaluations> read(const std::filesystem::path& file);
    Result<void> write(const std::filesystem::path& file) const;

    PastEvaluation of(const std::string& target) const;

    // A need that shrank is believed by half, so that one warm run does not make the next cold one too bold, and only
    // of an evaluation that came to its end; one that grew, of a plain one alone, as more room is used if it is there.
    void learn(const std::string& target, const Used& used);

    // The check has just refused it for the lock of this name, and impurely it evaluates.
    void learn_refusal(const std::string& target, std::string licence, std::string lock);
    void forget_refusal(const std::string& target);
    // What the check said the last time, if it would say so again as far as one can know: for the same lock, and not
    // more than `most_unasked` times in a row, since the configuration may allow unfree packages by now. Counts.
    std::optional<std::string> refusal_to_expect(const std::string& target, const std::string& lock);

  private:
    std::map<std::string, PastEvaluation> targets_;
};

// Names a lock file's text.
std::string lock_name(const std::string& lock);

} // namespace cachefill::eval
