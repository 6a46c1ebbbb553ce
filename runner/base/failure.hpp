#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace cachefill {

// What sort of thing went wrong. Retry, exit code and colour look at this, never at the text.
enum class FailureKind {
    usage,     // wrong flags, arguments or configuration
    auth,      // no, wrong or insufficient credentials
    not_found, // the thing that was named does not exist (an absent narinfo is no failure: see Result<optional<…>>)
    network,   // could not reach, cut off, or the other side said "later" (5xx, 429)
    timeout,   // a deadline passed
    protocol,  // the other side said something that makes no sense
    store,     // the Nix store or daemon refused or lost something
    eval,      // a flake or host does not evaluate
    build,     // a derivation does not build
    machine,   // this machine could not: disk full, no permission, no such program
    internal,  // a bug of ours
};

std::string_view to_string(FailureKind kind);

// One thing that went wrong, told so that a person can act: what was being done (context, outermost last), what
// happened (cause, with the numbers), what to do now (hint). Values; never contains secrets, because URLs are redacted
// before they get here (see text.hpp: redact_url).
class Failure {
  public:
    Failure(FailureKind kind, std::string cause) : kind_(kind), cause_(std::move(cause)) {}

    FailureKind kind() const { return kind_; }
    const std::string& cause() const { return cause_; }
    const std::vector<std::string>& context() const { return context_; } // innermost first
    const std::string& hint() const { return hint_; }
    // What the server asked us to wait before trying again, if it did.
    std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }
    // The HTTP status behind this failure, 0 if none.
    int http_status() const { return http_status_; }

    // By value, so that `failure = std::move(failure).with_…` is no move of a thing onto itself, which empties it.
    // "while …": each layer adds only what it knows and the one below did not.
    [[nodiscard]] Failure with_context(std::string doing) && {
        context_.push_back(std::move(doing));
        return std::move(*this);
    }
    [[nodiscard]] Failure with_hint(std::string hint) && {
        if (hint_.empty()) hint_ = std::move(hint);
        return std::move(*this);
    }
    [[nodiscard]] Failure with_retry_after(std::chrono::seconds delay) && {
        retry_after_ = delay;
        return std::move(*this);
    }
    [[nodiscard]] Failure with_http_status(int status) && {
        http_status_ = status;
        return std::move(*this);
    }
    // The cause with more said about it, for instance how often it was tried.
    [[nodiscard]] Failure with_cause_suffix(std::string_view suffix) && {
        cause_ += suffix;
        return std::move(*this);
    }

    // May the same request succeed if it is simply sent again?
    bool can_heal() const { return kind_ == FailureKind::network || kind_ == FailureKind::timeout; }

    // Everything on one line, outermost context first: "while a: while b: cause".
    std::string one_line() const;

  private:
    FailureKind kind_;
    int http_status_ = 0;
    std::string cause_;
    std::vector<std::string> context_;
    std::string hint_;
    std::optional<std::chrono::seconds> retry_after_;
};

// "error: …\n  while: …\n  cause: …\n  hint:  …", the one shape in which a person sees a failure. `headline` says what
// could not be done; without one the cause is the headline.
std::string render(const Failure& failure, std::string_view headline = {});

} // namespace cachefill
