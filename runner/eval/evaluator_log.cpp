#include "eval/evaluator_log.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::eval {

namespace {

using Json = nlohmann::json;

constexpr std::string_view nix_prefix = "@nix ";
constexpr std::size_t longest_line = 64U << 20; // a trace through the module system takes megabytes
constexpr std::size_t kept_lines = 20;
constexpr std::size_t kept_frames = 500;
constexpr std::uint64_t build_activity = 105;
constexpr std::uint64_t substitute_activity = 108;
constexpr std::uint64_t log_line_result = 101;

std::string text_of(const Json& object, const char* key) {
    auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::uint64_t number_of(const Json& object, const char* key, std::uint64_t otherwise = 0) {
    auto it = object.find(key);
    return it != object.end() && it->is_number_unsigned() ? it->get<std::uint64_t>() : otherwise;
}

std::string first_field(const Json& object) {
    auto it = object.find("fields");
    if (it == object.end() || !it->is_array() || it->empty() || !it->front().is_string()) return {};
    return it->front().get<std::string>();
}

ErrorFrame frame_of(const Json& object) {
    return {.file = text_of(object, "file"), .line = number_of(object, "line"), .column = number_of(object, "column")};
}

void keep_last(std::deque<std::string>& lines, std::string line) {
    lines.push_back(std::move(line));
    if (lines.size() > kept_lines) lines.pop_front();
}

void add_once(std::vector<nix::StorePath>& paths, const std::string& text) {
    auto path = nix::StorePath::parse(text);
    if (path && std::find(paths.begin(), paths.end(), *path) == paths.end()) paths.push_back(std::move(*path));
}

// Of a message nobody but ReadWatch cares for. There are thousands, which all start alike: nix writes its keys in
// order.
bool is_chatter(std::string_view json) {
    constexpr std::string_view head = R"({"action":"msg","level":)";
    constexpr char talkative = '4';
    return json.size() > head.size() && json.starts_with(head) && json[head.size()] >= talkative &&
           json[head.size()] <= '9';
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text = trim(text.substr(prefix.size()));
    return true;
}

} // namespace

void EvaluatorLog::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        auto newline = bytes.find('\n');
        auto piece = bytes.substr(0, newline);
        if (partial_.size() + piece.size() > longest_line) {
            skipping_ = true;
            partial_.clear();
        }
        if (!skipping_) partial_ += piece;
        if (newline == std::string_view::npos) return;
        if (!skipping_) line(partial_);
        partial_.clear();
        skipping_ = false;
        bytes.remove_prefix(newline + 1);
    }
}

void EvaluatorLog::finish() {
    if (!partial_.empty()) line(partial_);
    partial_.clear();
}

void EvaluatorLog::line(std::string_view text) {
    if (text.starts_with(nix_prefix)) return event(text.substr(nix_prefix.size()));
    auto clean = ellipsize(clean_foreign(text), 2000);
    if (!trim(clean).empty()) keep_last(foreign_, std::string(trim(clean)));
}

void EvaluatorLog::event(std::string_view json) {
    if (is_chatter(json) && !reads_.is_listening()) return;
    auto object = Json::parse(json, nullptr, false);
    if (!object.is_object()) return;
    auto action = text_of(object, "action");
    auto type = number_of(object, "type");
    if (action == "start") reads_.on_start(number_of(object, "id"), type, text_of(object, "text"));
    if (action == "stop") return reads_.on_stop(number_of(object, "id"));
    if (action == "start" && type == build_activity) return add_once(built_, first_field(object));
    if (action == "start" && type == substitute_activity) return add_once(substituted_, first_field(object));
    if (action == "result" && type == log_line_result)
        return keep_last(build_lines_, ellipsize(clean_foreign(first_field(object)), 2000));
    if (action != "msg") return;

    reads_.on_message(text_of(object, "msg"));
    auto level = number_of(object, "level");
    if (!object.contains("raw_msg")) return message(text_of(object, "msg"), level);
    EvaluatorError error{.text = text_of(object, "raw_msg"), .own = frame_of(object), .trace = {}};
    if (auto trace = object.find("trace"); trace != object.end() && trace->is_array()) {
        for (const auto& frame : *trace) {
            if (error.trace.size() == kept_frames) break;
            if (frame.is_object()) error.trace.push_back(frame_of(frame));
        }
    }
    if (level == 0)
        error_ = std::move(error);
    else
        lesser_error_ = std::move(error);
}

// A message without raw_msg is a warning, a trace or chatter; only its words tell which, because 2.8 logs all of them
// at level 0.
void EvaluatorLog::message(std::string_view text, std::uint64_t level) {
    constexpr std::uint64_t notice_level = 2;
    if (level > notice_level) return;
    auto clean = clean_foreign(text);
    std::string_view rest = trim(clean);
    bool is_trace = take_prefix(rest, "trace:");
    bool is_warning = take_prefix(rest, "evaluation warning:") || take_prefix(rest, "warning:");
    if (rest.empty() || !(is_trace || is_warning)) return;
    on_message_(is_warning ? event::Severity::warning : event::Severity::info, ellipsize(rest, 2000));
}

} // namespace cachefill::eval
