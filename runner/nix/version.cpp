#include "nix/version.hpp"

#include "base/text.hpp"

namespace cachefill::nix {

namespace {

constexpr const char* install_hint = "install Nix 2.8 or newer: https://nixos.org/download";

bool starts_with_digit(std::string_view word) { return !word.empty() && word[0] >= '0' && word[0] <= '9'; }

std::uint64_t leading_number(std::string_view text) {
    return parse_u64(text.substr(0, text.find_first_not_of("0123456789"))).value_or(0);
}

} // namespace

bool Version::is_at_least(std::uint64_t wanted_major, std::uint64_t wanted_minor) const {
    return major > wanted_major || (major == wanted_major && minor >= wanted_minor);
}

Result<Version> parse_version(std::string_view printed) {
    for (auto line : split(printed, '\n')) {
        auto words = split_words(line);
        if (words.size() < 2 || words[0] != "nix") continue;
        while (!words.empty() && !starts_with_digit(words.back())) words.pop_back();
        if (words.empty() || words.back().find('.') == std::string_view::npos) continue;
        auto parts = split(words.back(), '.');
        Version version{
            .text = sanitize(words.back()), .major = leading_number(parts[0]), .minor = leading_number(parts[1])};
        if (version.is_at_least(2, 8)) return version;
        return Failure(FailureKind::machine, "Nix " + version.text + " is too old; 2.8 is the oldest supported")
            .with_hint(install_hint);
    }
    return Failure(FailureKind::machine,
                   "'nix --version' printed '" + ellipsize(sanitize(trim(printed)), 200) + "', which names no version")
        .with_hint(install_hint);
}

} // namespace cachefill::nix
