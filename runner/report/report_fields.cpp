#include "report/report_fields.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "report/columns.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace cachefill::report::fields {

using event::BuildOutcome;
using event::PushOutcome;
using event::TargetVerdict;
using nlohmann::json;

namespace {

template <class Value, std::size_t count>
std::optional<Value> one_of(const std::array<Value, count>& values, std::string_view word) {
    for (auto value : values)
        if (event::to_string(value) == word) return value;
    return {};
}

constexpr std::array verdicts{TargetVerdict::complete,      TargetVerdict::by_path,   TargetVerdict::incomplete,
                              TargetVerdict::not_evaluated, TargetVerdict::elsewhere, TargetVerdict::unknown};
constexpr std::array build_outcomes{BuildOutcome::built,     BuildOutcome::found,   BuildOutcome::failed,
                                    BuildOutcome::timed_out, BuildOutcome::silent,  BuildOutcome::refused,
                                    BuildOutcome::cancelled, BuildOutcome::blocked, BuildOutcome::not_started,
                                    BuildOutcome::elsewhere};
constexpr std::array push_outcomes{PushOutcome::published, PushOutcome::already_there, PushOutcome::withheld,
                                   PushOutcome::failed, PushOutcome::not_pushed};

} // namespace

std::string prose_at(const json& object, const char* key) {
    auto it = object.find(key);
    return it != object.end() && it->is_string() ? clean_foreign(it->get_ref<const std::string&>()) : std::string();
}

std::string text_at(const json& object, const char* key) { return one_line(prose_at(object, key)); }

std::string page_at(const json& object, const char* key) {
    auto it = object.find(key);
    if (it == object.end() || !it->is_string()) return {};
    const auto& url = it->get_ref<const std::string&>();
    auto begin = url.find("://") == url.npos ? url.size() : url.find("://") + 3;
    auto scheme = to_lower(std::string_view(url).substr(0, begin));
    auto host = std::string_view(url).substr(begin, std::min(url.find_first_of("/?#", begin), url.size()) - begin);
    bool is_plain = std::all_of(url.begin(), url.end(), [](char c) {
        return c > ' ' && c < '\x7f' && std::string_view("\"'`<>\\^{|}").find(c) == std::string_view::npos;
    });
    bool leads = (scheme == "http://" || scheme == "https://") && !host.empty();
    if (!is_plain || !leads || host.find('@') != host.npos) return {};
    // A query that says more than is shown of one is left out, so that what is left leads somewhere.
    return clean_foreign(url) == url ? url : url.substr(0, url.find_first_of("?#"));
}

std::vector<std::string> texts_at(const json& object, const char* key) {
    std::vector<std::string> texts;
    for (const auto& entry : list_at(object, key))
        if (entry.is_string()) texts.push_back(one_line(clean_foreign(entry.get_ref<const std::string&>())));
    return texts;
}

std::vector<std::string> lines_at(const json& object, const char* key) {
    std::vector<std::string> lines;
    for (const auto& entry : list_at(object, key)) {
        if (!entry.is_string()) continue;
        auto text = clean_foreign(entry.get_ref<const std::string&>());
        for (auto line : split(text, '\n')) lines.emplace_back(line);
    }
    return lines;
}

std::uint64_t number_at(const json& object, const char* key) {
    auto it = object.find(key);
    return it != object.end() && it->is_number_unsigned() ? it->get<std::uint64_t>() : 0;
}

const json& list_at(const json& object, const char* key) {
    static const json nothing = json::array();
    auto it = object.find(key);
    return it != object.end() && it->is_array() ? *it : nothing;
}

bool flag_at(const json& object, const char* key, bool otherwise) {
    auto flag = object.find(key);
    return flag != object.end() && flag->is_boolean() ? flag->get<bool>() : otherwise;
}

std::optional<TargetVerdict> verdict_of(const json& target) { return one_of(verdicts, text_at(target, "verdict")); }
std::optional<BuildOutcome> build_outcome_of(const json& build) {
    return one_of(build_outcomes, text_at(build, "outcome"));
}
std::optional<PushOutcome> push_outcome_of(const json& push) { return one_of(push_outcomes, text_at(push, "outcome")); }

} // namespace cachefill::report::fields
