// Text of other programs and people on its way to a terminal.
//
// What has been made harmless stays as it is when it is made so again, has no control characters but newlines and tabs,
// and is UTF-8. No login of an address is left in it. A name is one line. What is cut has the width it may have.
#include "base/foreign_text.hpp"

#include "base/foreign_json.hpp"
#include "base/given_url.hpp"
#include "base/text.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::fuzz {

namespace {

// Not by our own idea of UTF-8: nlohmann's strict writer throws at what is none.
bool is_utf8(const std::string& text) {
    try {
        return !nlohmann::json(text).dump().empty();
    } catch (const nlohmann::json::exception&) {
        return false;
    }
}

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

} // namespace

void foreign_text(std::string_view input) {
    if (may_become_planted(input)) return;
    auto clean = sanitize(input);
    require(sanitize(clean) == clean, "what is harmless stays as it is");
    require(is_utf8(clean), "what is shown is UTF-8");
    auto steers = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F; };
    require(std::none_of(clean.begin(), clean.end(), steers), "no control characters are left");
    require_harmless(clean_foreign(input));

    auto name = shown_name(input);
    require(name.find('\n') == name.npos && is_utf8(name), "a name is one line");
    require(std::none_of(name.begin(), name.end(), steers), "a name steers nothing");
    require(characters(ellipsize(clean, 40)) <= 40, "what is cut has its width");
    require(is_utf8(ellipsize(clean, 40)), "no character is cut");

    auto address = "https://kim:" + std::string(planted) + "@" + std::string(input);
    require(!holds_planted(redact_url(address)), "no login is left in an address");
    require(!holds_planted(GivenUrl(address).shown()), "no login is left in what was given");
    require(!holds_planted(clean_foreign("error: cannot fetch '" + address + "'")), "no login is left in a sentence");

    auto json = parse_foreign_json(input);
    if (json.is_discarded()) return;
    auto text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    require(!parse_foreign_json(text).is_discarded(), "JSON that was read can be written");
}

} // namespace cachefill::fuzz
