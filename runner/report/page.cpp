#include "report/page.hpp"

#include "base/foreign_text.hpp"
#include "codec/hash.hpp"
#include "report/page_files.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::report {

namespace {

using Json = nlohmann::ordered_json;

// Documents come from other machines: what would steer a terminal, or is a login, is no text for a page either.
void clean(Json& json) {
    if (json.is_string()) json = clean_foreign(json.get_ref<const std::string&>());
    if (json.is_array())
        for (auto& value : json) clean(value);
    if (!json.is_object()) return;
    auto cleaned = Json::object();
    for (auto& [name, value] : json.items()) {
        clean(value);
        cleaned[clean_foreign(name)] = std::move(value);
    }
    json = std::move(cleaned);
}

// What is nested more deeply than any report is left out: whoever walks through it goes down as deep.
Json read(std::string_view document) {
    constexpr int deepest = 32;
    return Json::parse(document, [](int depth, Json::parse_event_t, Json&) { return depth <= deepest; });
}

// JSON that means the same and ends no element around it, whatever stands in its texts.
std::string inside_markup(const Json& json) {
    std::string safe;
    auto text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    safe.reserve(text.size() + text.size() / 16);
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string_view rest(text.data() + i, text.size() - i);
        if (rest[0] == '<') {
            safe += "\\u003c";
        } else if (rest[0] == '>') {
            safe += "\\u003e";
        } else if (rest[0] == '&') {
            safe += "\\u0026";
        } else if (rest.starts_with("\u2028") || rest.starts_with("\u2029")) {
            safe += rest.starts_with("\u2028") ? "\\u2028" : "\\u2029";
            i += 2;
        } else {
            safe += rest[0];
        }
    }
    return safe;
}

std::string source_of(std::string_view content) {
    return "'" + codec::hash_bytes(codec::HashAlgorithm::sha256, content).to_sri() + "'";
}

} // namespace

std::string to_html(const Joined& joined) {
    Json data;
    data["joined"] = Json::parse(to_json(joined));
    for (auto& job : data["joined"]["jobs"]) job.erase("changes"); // the reports have them
    data["reports"] = Json::array();
    for (const auto& job : joined.jobs)
        if (!job.document.empty()) data["reports"].push_back({{"name", job.name}, {"report", read(job.document)}});
    clean(data);
    std::string script;
    for (auto part : page_scripts) script += part;
    const auto policy = "default-src 'none'; script-src " + source_of(script) + "; style-src " + source_of(page_style) +
                        "; base-uri 'none'; form-action 'none'";
    const std::pair<std::string_view, std::string> parts[]{{"%POLICY%", policy},
                                                           {"%STYLE%", std::string(page_style)},
                                                           {"%DATA%", inside_markup(data)},
                                                           {"%SCRIPT%", script}};
    std::string page;
    auto rest = page_frame;
    for (const auto& [mark, content] : parts) {
        auto at = rest.find(mark);
        page += rest.substr(0, at);
        page += content;
        rest.remove_prefix(at + mark.size());
    }
    return page += rest;
}

} // namespace cachefill::report
