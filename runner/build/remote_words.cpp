#include "build/remote_words.hpp"

#include "base/text.hpp"
#include "build/nix_words.hpp"
#include "daemon/fetch_trouble.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace cachefill::build {

namespace {

constexpr std::string_view error_sign = "error:";

std::string_view without_error_signs(std::string_view text) {
    for (text = trim(text); text.starts_with(error_sign); text = trim(text)) text.remove_prefix(error_sign.size());
    return text;
}

// Behind the first of these words; empty if they do not stand there.
std::string_view behind(std::string_view text, std::string_view words) {
    auto place = text.find(words);
    return place == text.npos ? std::string_view() : text.substr(place + words.size());
}

// "ADDRESS' failed: REASON" or "ADDRESS': REASON": both parts; empty ones if it is neither.
std::pair<std::string_view, std::string_view> address_and_reason(std::string_view text, std::string_view separator) {
    auto end = text.find(separator);
    if (end == text.npos) return {};
    return {text.substr(0, end), text.substr(end + separator.size())};
}

std::string one_line(std::string_view text) {
    std::vector<std::string_view> words = split_words(text);
    std::string line;
    for (auto word : words) line += (line.empty() ? "" : " ") + std::string(word);
    return line;
}

// Nix there says so of what it would not begin, whoever asks.
bool tells_of_refusal(std::string_view reason) {
    constexpr std::array<std::string_view, 4> words{"is required to build", "system or feature not available",
                                                    "unable to start any build", "not privileged"};
    auto said = to_lower(reason);
    return std::any_of(words.begin(), words.end(), [&](auto word) { return said.find(word) != said.npos; });
}

std::optional<BuilderTrouble::Kind> whose_fault(const NixWords& words) {
    bool is_full = daemon::tells_of_full_disk(words.reason) ||
                   std::any_of(words.log.begin(), words.log.end(), daemon::tells_of_full_disk);
    if (is_full) return BuilderTrouble::Kind::full;
    if (tells_of_refusal(words.reason)) return BuilderTrouble::Kind::refused;
    return {};
}

// Nix writes what follows the first line of an error below its "error: ", of an error within another further in.
std::string without_margin(std::string_view text) {
    constexpr std::size_t step = 7;
    auto lines = split(text, '\n');
    auto margin = text.size();
    for (std::size_t i = 1; i < lines.size(); ++i)
        if (!trim(lines[i]).empty()) margin = std::min(margin, lines[i].find_first_not_of(' '));
    std::string all;
    for (std::size_t i = 0; i < lines.size(); ++i)
        all += i == 0 ? std::string(lines[i])
                      : "\n" + std::string(lines[i].substr(std::min(lines[i].size(), margin / step * step)));
    return all;
}

// "error: build of '/nix/store/….drv' on 'ssh://arm' failed: REASON"
std::optional<RemoteFailure> told_by_builder(std::string_view message) {
    auto text = without_error_signs(message);
    if (!text.starts_with("build of '")) return {};
    auto [address, reason] = address_and_reason(behind(text, "' on '"), "' failed: ");
    if (reason.empty()) return {};
    RemoteFailure failure{.reason = without_margin(without_error_signs(reason)), .trouble = {}};
    auto words = nix_words(failure.reason);
    if (auto kind = whose_fault(words))
        failure.trouble =
            BuilderTrouble{.kind = *kind, .address = std::string(address), .said = one_line(words.reason)};
    return failure;
}

} // namespace

std::string BuilderTrouble::in_words() const {
    auto who = address.empty() ? std::string("a remote builder") : "the remote builder " + address;
    switch (kind) {
    case Kind::away:
        return who + " cannot be reached: " + said;
    case Kind::refused:
        return who + " refuses it: " + said;
    case Kind::full:
        return who + " has no room on its disk: " + said;
    case Kind::lost:
        return who + " broke off: " + said;
    }
    return who + ": " + said;
}

std::string BuilderTrouble::hint() const {
    switch (kind) {
    case Kind::away: {
        auto host = behind(address, "://");
        host = host.substr(0, host.find('?'));
        if (host.empty()) return {};
        return "as the user who runs the Nix daemon, usually root, try: ssh " + std::string(host) +
               " nix-store --version";
    }
    case Kind::refused:
        return "compare its line in `builders` with `system`, `extra-platforms`, `system-features` and `trusted-users` "
               "there";
    case Kind::full:
        return "free some space there";
    case Kind::lost:
        break;
    }
    return {};
}

std::optional<BuilderTrouble> builder_passed_over(std::string_view message) {
    constexpr std::string_view beginning = "cannot build on '";
    auto text = without_error_signs(message);
    if (!text.starts_with(beginning)) return {};
    auto [address, said] = address_and_reason(text.substr(beginning.size()), "': ");
    if (said.empty()) return {};
    return BuilderTrouble{.kind = BuilderTrouble::Kind::away,
                          .address = std::string(address),
                          .said = one_line(without_error_signs(said))};
}

std::optional<BuilderTrouble> refusal_by_builders(std::string_view reason) {
    if (!tells_of_refusal(reason)) return {};
    return BuilderTrouble{
        .kind = BuilderTrouble::Kind::refused, .address = {}, .said = one_line(without_error_signs(reason))};
}

bool tells_of_time_limit(std::string_view reason) {
    auto behind_words = behind(reason, "timed out after ");
    auto words = split_words(behind_words);
    return words.size() >= 2 && parse_u64(words[0]) && words[1].starts_with("second");
}

std::optional<RemoteFailure> remote_failure(const std::vector<std::string>& messages) {
    for (const auto& message : messages)
        if (auto told = told_by_builder(message)) return told;
    for (const auto& message : messages) {
        if (!trim(message).starts_with(error_sign)) continue;
        std::string said = one_line(without_error_signs(message));
        BuilderTrouble trouble{.kind = BuilderTrouble::Kind::lost, .address = {}, .said = said};
        return RemoteFailure{.reason = std::move(said), .trouble = std::move(trouble)};
    }
    return {};
}

} // namespace cachefill::build
