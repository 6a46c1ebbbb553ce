#include "base/failure.hpp"

#include "base/text.hpp"

namespace cachefill {

std::string_view to_string(FailureKind kind) {
    switch (kind) {
    case FailureKind::usage:
        return "usage";
    case FailureKind::auth:
        return "auth";
    case FailureKind::not_found:
        return "not-found";
    case FailureKind::network:
        return "network";
    case FailureKind::timeout:
        return "timeout";
    case FailureKind::protocol:
        return "protocol";
    case FailureKind::store:
        return "store";
    case FailureKind::eval:
        return "eval";
    case FailureKind::build:
        return "build";
    case FailureKind::machine:
        return "machine";
    case FailureKind::internal:
        return "internal";
    }
    return "internal";
}

std::string Failure::one_line() const {
    std::string line;
    for (auto it = context_.rbegin(); it != context_.rend(); ++it) line += *it + ": ";
    return sanitize(line + cause_); // it may quote names of files, whoever chose those
}

namespace {

// Lines after the first stand below it, apart from what is said next.
std::string indented(const std::string& text) {
    std::string lines;
    for (char c : text) lines += c == '\n' ? std::string("\n  ") : std::string(1, c);
    return lines;
}

} // namespace

std::string render(const Failure& failure, std::string_view headline) {
    std::string text = "error: ";
    text += headline.empty() ? indented(failure.cause()) : std::string(headline);
    const auto& context = failure.context();
    for (auto it = context.rbegin(); it != context.rend(); ++it) text += "\n  while: " + *it;
    if (!headline.empty()) text += "\n  cause: " + failure.cause();
    if (!failure.hint().empty()) text += "\n  hint:  " + failure.hint();
    return sanitize(text);
}

} // namespace cachefill
