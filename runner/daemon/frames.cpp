#include "daemon/frames.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"

namespace cachefill::daemon {

namespace {

// More are never under way in a sane daemon; those beyond it are not followed.
constexpr std::size_t most_activities = 100'000;
constexpr std::size_t most_traces = 20;
constexpr std::size_t most_fields = 8; // those we read come first

enum ActivityType : std::uint64_t {
    copy_path = 100,
    file_transfer = 101,
    copy_paths = 103,
    builds = 104,
    build = 105,
    substitute = 108,
    query_path_info = 109,
    post_build_hook = 110,
};

enum ResultType : std::uint64_t {
    build_log_line = 101,
    set_phase = 104,
    progress = 105,
    post_build_log_line = 107,
};

std::vector<Field> read_fields(WireReader& reader) {
    std::vector<Field> fields;
    auto add = [&fields](Field field) {
        if (fields.size() < most_fields) fields.push_back(field);
    };
    reader.list(16, [&] {
        auto kind = reader.word();
        if (kind == 0)
            add(reader.word());
        else if (kind == 1)
            add(reader.string());
        else
            reader.fail(Failure(FailureKind::protocol, "the Nix daemon sent an activity with a field of unknown type " +
                                                           std::to_string(kind)));
    });
    return fields;
}

std::uint64_t number(const std::vector<Field>& fields, std::size_t index) {
    if (index >= fields.size()) return 0;
    const auto* value = std::get_if<std::uint64_t>(&fields[index]);
    return value ? *value : 0;
}

std::string_view text(const std::vector<Field>& fields, std::size_t index) {
    if (index >= fields.size()) return {};
    const auto* value = std::get_if<std::string_view>(&fields[index]);
    return value ? *value : std::string_view();
}

std::string clean(std::string_view foreign) {
    auto text = clean_foreign(foreign);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

LogEvent make_event(LogEvent::Kind kind, std::optional<nix::StorePath> path, std::string text = {}) {
    LogEvent event;
    event.kind = kind;
    event.path = std::move(path);
    event.text = std::move(text);
    return event;
}

} // namespace

StartActivityFrame read_start_activity(WireReader& reader) {
    StartActivityFrame frame;
    frame.id = reader.word();
    frame.level = reader.word();
    frame.type = reader.word();
    frame.text = reader.string();
    frame.fields = read_fields(reader);
    frame.parent = reader.word();
    return frame;
}

ResultFrame read_result(WireReader& reader) {
    ResultFrame frame;
    frame.id = reader.word();
    frame.type = reader.word();
    frame.fields = read_fields(reader);
    return frame;
}

Failure read_error(WireReader& reader) {
    reader.string(); // "Error"
    reader.word();   // level
    reader.string(); // "Error" once more
    auto message = clean(reader.string());
    reader.word(); // has a position: never
    std::vector<std::string> traces;
    reader.list(16, [&] {
        reader.word();
        auto trace = reader.string();
        if (traces.size() < most_traces) traces.push_back(clean(trace));
    });
    Failure failure(FailureKind::store, message.empty() ? "the Nix daemon failed without saying why" : message);
    for (auto& trace : traces) failure = std::move(failure).with_context(std::move(trace));
    return failure;
}

std::optional<LogEvent> ActivityLog::on_next(std::string_view text) {
    auto event = make_event(LogEvent::Kind::message, {}, clean(text));
    if (event.text.empty()) return {};
    if (event.text.starts_with("error:"))
        event.level = 0;
    else if (event.text.starts_with("warning:"))
        event.level = 1;
    return event;
}

std::optional<LogEvent> ActivityLog::on_start(const StartActivityFrame& frame) {
    Activity activity;
    activity.type = frame.type;
    if (frame.type == build || frame.type == substitute || frame.type == post_build_hook) {
        if (auto path = nix::StorePath::parse(text(frame.fields, 0))) activity.path = std::move(path).value();
    } else if (auto parent = activities_.find(frame.parent); parent != activities_.end()) {
        activity.path = parent->second.path;
        activity.cache = parent->second.cache;
    }
    if (frame.type == substitute || frame.type == query_path_info || frame.type == copy_path)
        activity.cache = sanitize(redact_url(text(frame.fields, 1)));
    auto path = activity.path;
    auto cache = activity.cache;
    if (activities_.size() < most_activities) activities_.insert_or_assign(frame.id, std::move(activity));
    if (frame.type == build) {
        auto event = make_event(LogEvent::Kind::build_started, std::move(path), clean(frame.text));
        event.machine = sanitize(redact_url(text(frame.fields, 1)));
        return event;
    }
    if (frame.type != substitute && frame.text.empty()) return {};
    auto kind = frame.type == substitute ? LogEvent::Kind::substitution_started : LogEvent::Kind::other;
    auto event = make_event(kind, std::move(path), clean(frame.text));
    event.cache = std::move(cache);
    return event;
}

std::optional<LogEvent> ActivityLog::on_stop(std::uint64_t id) {
    auto found = activities_.find(id);
    if (found == activities_.end()) return {};
    auto activity = std::move(found->second);
    activities_.erase(found);
    if (activity.type != build) return {};
    return make_event(LogEvent::Kind::build_stopped, std::move(activity.path));
}

std::optional<LogEvent> ActivityLog::on_result(const ResultFrame& frame) {
    auto found = activities_.find(frame.id);
    if (found == activities_.end()) return {};
    auto& activity = found->second;
    switch (frame.type) {
    case build_log_line:
    case post_build_log_line:
        return make_event(LogEvent::Kind::build_log_line, activity.path, clean(text(frame.fields, 0)));
    case set_phase:
        return make_event(LogEvent::Kind::phase, activity.path, clean(text(frame.fields, 0)));
    case progress:
        return on_progress(activity, frame);
    default: // numbers above 108 mean different things in different Nixes
        return {};
    }
}

// Every step of the daemon's scheduler repeats all the counts: only a change is news.
std::optional<LogEvent> ActivityLog::on_progress(Activity& activity, const ResultFrame& frame) {
    bool goals = activity.type == builds || activity.type == copy_paths;
    if (!goals && activity.type != file_transfer && activity.type != copy_path) return {};
    auto done = number(frame.fields, 0), failed = number(frame.fields, 3);
    if (done == activity.done && failed == activity.failed) return {};
    auto moved = done > activity.done ? done - activity.done : done; // one that begins anew counts from zero
    activity.done = done;
    activity.failed = failed;
    auto event = make_event(goals ? LogEvent::Kind::goals_progress : LogEvent::Kind::download_progress, activity.path);
    event.done = done;
    if (!goals) event.moved = moved;
    event.cache = activity.cache;
    event.expected = number(frame.fields, 1);
    event.failed = failed;
    return event;
}

} // namespace cachefill::daemon
