#include "report/notification.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace cachefill;
using event::Severity;
using nlohmann::json;
using report::Finding;
using report::NotifyFormat;

namespace {

report::Joined joined_with(std::vector<Finding> findings) {
    report::JoinInput input;
    input.findings = std::move(findings);
    input.place = {.repository = "kim/nix",
                   .branch = "develop",
                   .commit = "0123456789abcdef",
                   .workflow = "cachefill",
                   .run_url = "https://github.com/kim/nix/actions/runs/7"};
    return report::join_reports(std::move(input));
}

Finding finding(Severity severity, std::string title, std::string text = {}) {
    return {
        .severity = severity, .source = "x86_64-linux", .title = std::move(title), .text = std::move(text), .url = {}};
}

json posted(const report::Joined& joined, NotifyFormat format) {
    auto body = report::notification(joined, Severity::notice, format);
    BOOST_REQUIRE(body.has_value());
    return json::parse(*body);
}

std::size_t utf16_units(const std::string& text) {
    std::size_t units = 0;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0) != 0x80) units += byte >= 0xF0 ? 2 : 1;
    }
    return units;
}

// More than any service takes, in characters that take more room than they look.
report::Joined too_much() {
    std::vector<Finding> findings;
    for (int i = 0; i < 300; ++i) {
        std::string wide;
        for (int j = 0; j < 300; ++j) wide += "😀*";
        findings.push_back(finding(Severity::error, "finding " + std::to_string(i), wide));
    }
    auto joined = joined_with(std::move(findings));
    joined.place.repository = std::string(400, 'r');
    joined.place.branch = std::string(4000, 'b');
    return joined;
}

} // namespace

BOOST_AUTO_TEST_SUITE(notification)

BOOST_AUTO_TEST_CASE(nothing_is_sent_when_there_is_nothing_to_say) {
    for (auto format : {NotifyFormat::discord, NotifyFormat::slack, NotifyFormat::json}) {
        BOOST_TEST(!report::notification(joined_with({}), Severity::notice, format));
        // The lowest level never sends by itself, even where somebody asks for it.
        BOOST_TEST(!report::notification(joined_with({finding(Severity::info, "x")}), Severity::info, format));
        BOOST_TEST(
            report::notification(joined_with({finding(Severity::notice, "x")}), Severity::info, format).has_value());
    }
}

BOOST_AUTO_TEST_CASE(the_bar_can_be_raised) {
    auto joined = joined_with({finding(Severity::warning, "x")});
    BOOST_TEST(report::notification(joined, Severity::warning, NotifyFormat::json).has_value());
    BOOST_TEST(!report::notification(joined, Severity::error, NotifyFormat::json));
}

BOOST_AUTO_TEST_CASE(info_comes_along_when_something_else_is_said) {
    auto body = posted(joined_with({finding(Severity::info, "small"), finding(Severity::error, "large")}),
                       NotifyFormat::discord);
    std::string description = body["embeds"][0]["description"];
    BOOST_TEST(description.find("small") != std::string::npos);
    BOOST_TEST(description.find("large") < description.find("small"));
}

BOOST_AUTO_TEST_CASE(the_format_is_told_by_the_host_and_by_nothing_else) {
    auto format = [](const char* url) { return report::format_for(url, NotifyFormat::automatic); };
    BOOST_TEST((format("https://discord.com/api/webhooks/1/t") == NotifyFormat::discord));
    BOOST_TEST((format("https://ptb.discord.com/api/webhooks/1/t") == NotifyFormat::discord));
    BOOST_TEST((format("https://user:pw@DISCORDAPP.com:443/api") == NotifyFormat::discord));
    BOOST_TEST((format("https://hooks.slack.com/services/T/B/x") == NotifyFormat::slack));
    BOOST_TEST((format("https://notdiscord.com/") == NotifyFormat::json));
    BOOST_TEST((format("https://example.org/discord.com") == NotifyFormat::json));
    BOOST_TEST((format("https://discord.com@example.org/") == NotifyFormat::json));
    BOOST_TEST((format("") == NotifyFormat::json));
    BOOST_TEST((report::format_for("https://discord.com/", NotifyFormat::slack) == NotifyFormat::slack));
}

BOOST_AUTO_TEST_CASE(discord_gets_an_embed_that_pings_nobody) {
    auto body = posted(joined_with({finding(Severity::error, "<@1> @everyone **x**", "[a](https://b)")}),
                       NotifyFormat::discord);
    BOOST_TEST(body["allowed_mentions"]["parse"].empty());
    const auto& embed = body["embeds"][0];
    BOOST_TEST(embed["title"] == "cachefill: 1 error (kim/nix)");
    BOOST_TEST(embed["url"] == "https://github.com/kim/nix/actions/runs/7");
    BOOST_TEST(embed["footer"]["text"] == "cachefill · develop · 0123456789ab");
    std::string description = embed["description"];
    BOOST_TEST(description.find("\\<\\@1\\> \\@everyone \\*\\*x\\*\\*: \\[a\\](https\\://b)") != std::string::npos,
               description);
}

BOOST_AUTO_TEST_CASE(discords_limits_hold_for_any_text) {
    auto body = posted(too_much(), NotifyFormat::discord);
    const auto& embed = body["embeds"][0];
    std::string title = embed["title"], description = embed["description"], footer = embed["footer"]["text"];
    BOOST_TEST(utf16_units(title) <= 256U);
    BOOST_TEST(utf16_units(description) <= 4096U);
    BOOST_TEST(utf16_units(footer) <= 2048U);
    BOOST_TEST(utf16_units(title) + utf16_units(description) + utf16_units(footer) <= 6000U);
    BOOST_TEST(description.find(" more\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(slack_gets_blocks_with_its_control_characters_escaped) {
    auto body = posted(joined_with({finding(Severity::error, "<!channel> a & b")}), NotifyFormat::slack);
    BOOST_TEST(body["text"] == "cachefill: 1 error (kim/nix)");
    BOOST_TEST(body["blocks"][0]["type"] == "header");
    std::string section = body["blocks"][1]["text"]["text"];
    BOOST_TEST(section.find("&lt;!channel&gt; a &amp; b") != std::string::npos);
    // Names and addresses in it become no links.
    BOOST_TEST(body["blocks"][1]["text"]["verbatim"] == true);
    BOOST_TEST(body["blocks"][2]["elements"][0]["verbatim"] == true);
    std::string context = body["blocks"][2]["elements"][0]["text"];
    BOOST_TEST(context.find("<https://github.com/kim/nix/actions/runs/7|the run>") != std::string::npos, context);
}

BOOST_AUTO_TEST_CASE(slacks_limits_hold_for_any_text) {
    auto body = posted(too_much(), NotifyFormat::slack);
    BOOST_TEST(utf16_units(body["blocks"][0]["text"]["text"].get<std::string>()) <= 150U);
    BOOST_TEST(utf16_units(body["blocks"][1]["text"]["text"].get<std::string>()) <= 3000U);
    BOOST_TEST(utf16_units(body["blocks"][2]["elements"][0]["text"].get<std::string>()) <= 3000U);
    BOOST_TEST(body["blocks"].size() <= 50U);
}

BOOST_AUTO_TEST_CASE(a_plain_webhook_gets_the_joined_report_and_a_text) {
    auto body = posted(joined_with({finding(Severity::warning, "slow", "very")}), NotifyFormat::json);
    BOOST_TEST(body["schema_version"] == 1);
    BOOST_TEST(body["source"] == "cachefill");
    BOOST_TEST(body["severity"] == "warning");
    BOOST_TEST(body["findings"][0]["title"] == "slow");
    std::string text = body["text"];
    BOOST_TEST(text.find("x86_64-linux: slow: very") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(invalid_utf8_and_line_ends_do_not_break_a_message) {
    auto joined = joined_with({finding(Severity::error, "a\nb\xff", "c\r\nd")});
    for (auto format : {NotifyFormat::discord, NotifyFormat::slack, NotifyFormat::json})
        BOOST_TEST(posted(joined, format).is_object());
    std::string description = posted(joined, NotifyFormat::discord)["embeds"][0]["description"];
    BOOST_TEST(std::count(description.begin(), description.end(), '\n') == 1);
}

// Of a large update they would be megabytes.
BOOST_AUTO_TEST_CASE(what_changed_in_each_host_stays_in_the_report) {
    report::JobReport job;
    job.name = "x86";
    job.changes.push_back({.host = "nixos:nas", .difference = {}});
    report::JoinInput input;
    input.reports = {job};
    input.expected = {"lost"};
    auto joined = report::join_reports(std::move(input));
    BOOST_TEST(report::to_json(joined).find("\"changes\"") != std::string::npos);
    auto body = report::notification(joined, Severity::warning, NotifyFormat::json).value();
    BOOST_TEST(body.find("\"changes\"") == std::string::npos);
    BOOST_TEST(body.find("\"x86\"") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
