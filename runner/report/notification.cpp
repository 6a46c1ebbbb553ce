#include "report/notification.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::report {

using event::Severity;

namespace {

using Json = nlohmann::ordered_json;

// Discord: an embed's title 256, its description 4096, its footer 2048, all of it 6000. Slack: a header 150, a
// section's text 3000, 50 blocks. Both count UTF-16 units at worst.
constexpr std::size_t discord_title = 256, discord_description = 4096, discord_footer = 500;
constexpr std::size_t slack_header = 150, slack_section = 3000;
constexpr std::size_t longest_line = 400; // of one finding, before escaping

std::size_t utf16_units(std::string_view text) {
    std::size_t units = 0;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0) != 0x80) units += byte >= 0xF0 ? 2 : 1;
    }
    return units;
}

std::string cut(std::string_view text, std::size_t limit) {
    if (utf16_units(text) <= limit) return std::string(text);
    std::size_t units = 1, end = 0; // one for the ellipsis
    while (end < text.size()) {
        std::size_t next = end + 1;
        while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
        units += utf16_units(text.substr(end, next - end));
        if (units > limit) break;
        end = next;
    }
    return std::string(text.substr(0, end)) + "…";
}

std::string one_line(std::string_view text) {
    std::string line;
    for (auto word : split_words(text)) {
        if (!line.empty()) line += ' ';
        line += word;
    }
    return line;
}

std::string plain(std::string_view text) { return std::string(text); }

std::string for_discord(std::string_view text) {
    std::string escaped;
    for (std::size_t i = 0; i < text.size(); ++i) {
        // "https://…" becomes a link by itself.
        bool is_scheme = text.substr(i, 3) == "://";
        if (is_scheme || std::string_view("\\*_~`|<>[]@#").find(text[i]) != std::string_view::npos) escaped += '\\';
        escaped += text[i];
    }
    return escaped;
}

std::string for_slack(std::string_view text) {
    std::string escaped;
    for (char c : text) {
        if (c == '&')
            escaped += "&amp;";
        else if (c == '<')
            escaped += "&lt;";
        else if (c == '>')
            escaped += "&gt;";
        else if (c == '*' || c == '_' || c == '~' || c == '`') // no escape exists: an invisible joiner keeps it plain
            escaped += std::string("\xE2\x81\xA0") + c;
        else
            escaped += c;
    }
    return escaped;
}

using Escape = std::string (*)(std::string_view);

// Findings, the worst first, a line each, as many as fit; the others are counted.
std::string lines_of(const Joined& joined, std::size_t limit, Escape escape, std::string_view bold) {
    static constexpr std::string_view marks[]{"ℹ️", "🔵", "⚠️", "❌"};
    std::string text;
    std::size_t shown = 0;
    for (const auto& finding : joined.findings) {
        auto words = finding.title + (finding.text.empty() ? "" : ": " + finding.text);
        std::string line(marks[static_cast<std::size_t>(finding.severity)]);
        line += " " + std::string(bold) + escape(cut(one_line(finding.source), 80)) + std::string(bold) + ": " +
                escape(cut(one_line(words), longest_line)) + "\n";
        if (utf16_units(text) + utf16_units(line) + 40 > limit) break;
        text += line;
        ++shown;
    }
    if (auto rest = joined.findings.size() - shown; rest > 0) text += "and " + std::to_string(rest) + " more\n";
    return text;
}

std::string title_of(const Joined& joined) {
    auto where = joined.place.repository.empty() ? std::string() : " (" + joined.place.repository + ")";
    return "cachefill: " + joined.headline() + where;
}

std::string place_of(const Joined& joined) {
    std::vector<std::string> parts;
    for (const auto& part : {joined.place.workflow, joined.place.branch, joined.place.commit.substr(0, 12)})
        if (!part.empty()) parts.push_back(one_line(part));
    return join(parts, " · ");
}

Json discord(const Joined& joined) {
    static constexpr int colors[]{0x6E7781, 0x0969DA, 0xBF8700, 0xCF222E};
    Json embed;
    embed["title"] = cut(title_of(joined), discord_title);
    embed["description"] = lines_of(joined, discord_description, for_discord, "**");
    embed["color"] = colors[static_cast<std::size_t>(joined.worst())];
    if (!joined.place.run_url.empty()) embed["url"] = joined.place.run_url;
    if (auto place = place_of(joined); !place.empty()) embed["footer"] = {{"text", cut(place, discord_footer)}};
    // Nobody is pinged, whatever a log line says.
    return {{"username", "cachefill"}, {"allowed_mentions", {{"parse", Json::array()}}}, {"embeds", {embed}}};
}

Json slack(const Joined& joined) {
    auto title = title_of(joined);
    Json blocks = Json::array();
    blocks.push_back(
        {{"type", "header"}, {"text", {{"type", "plain_text"}, {"text", cut(title, slack_header)}, {"emoji", true}}}});
    blocks.push_back(
        {{"type", "section"},
         {"text",
          {{"type", "mrkdwn"}, {"text", lines_of(joined, slack_section, for_slack, "*")}, {"verbatim", true}}}});
    std::string context = for_slack(place_of(joined));
    if (!joined.place.run_url.empty())
        context += (context.empty() ? "<" : " · <") + for_slack(joined.place.run_url) + "|the run>";
    if (!context.empty())
        blocks.push_back(
            {{"type", "context"},
             {"elements", {{{"type", "mrkdwn"}, {"text", cut(context, slack_section)}, {"verbatim", true}}}}});
    return {{"text", for_slack(title)}, {"blocks", blocks}};
}

Json generic(const Joined& joined) {
    auto json = Json::parse(to_json(joined));
    // Of a large update they would be more than a webhook takes, and the report has them.
    for (auto& job : json["jobs"]) job.erase("changes");
    json["source"] = "cachefill";
    json["text"] = title_of(joined) + "\n" + lines_of(joined, 4000, plain, "");
    return json;
}

std::string host_of(std::string_view url) {
    auto start = url.find("://");
    if (start == std::string_view::npos) return {};
    auto authority = url.substr(start + 3);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    if (auto at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
    return to_lower(authority.substr(0, authority.find(':')));
}

} // namespace

NotifyFormat format_for(std::string_view url, NotifyFormat wanted) {
    if (wanted != NotifyFormat::automatic) return wanted;
    auto host = host_of(url);
    for (std::string_view name : {"discord.com", "discordapp.com"})
        if (host == name || host.ends_with("." + std::string(name))) return NotifyFormat::discord;
    if (host == "hooks.slack.com" || host == "hooks.slack-gov.com") return NotifyFormat::slack;
    return NotifyFormat::json;
}

std::string_view to_string(NotifyFormat format) {
    switch (format) {
    case NotifyFormat::automatic:
        return "auto";
    case NotifyFormat::discord:
        return "discord";
    case NotifyFormat::slack:
        return "slack";
    case NotifyFormat::json:
        break;
    }
    return "json";
}

std::optional<std::string> notification(const Joined& joined, Severity from, NotifyFormat format) {
    if (joined.worst() < std::max(from, Severity::notice)) return {};
    auto json = format == NotifyFormat::discord ? discord(joined)
                : format == NotifyFormat::slack ? slack(joined)
                                                : generic(joined);
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace cachefill::report
