#include "build/build_request.hpp"

#include "base/text.hpp"
#include "build/nix_words.hpp"
#include "build/timed_request.hpp"
#include "daemon/fetch_trouble.hpp"

#include <algorithm>

namespace cachefill::build {

using async::Task;
using event::BuildOutcome;
using plan::DerivationId;

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_messages = 32;
// Whoever watches the limits itself ends the build first, and says why.
constexpr std::chrono::milliseconds grace = 15s;

// The first line of what newer daemons say ("Cannot build 'PATH'.") repeats what was asked for; the reason is the
// second.
std::string without_what_was_asked(std::string_view text) {
    constexpr std::string_view label = "Reason: ";
    auto line_end = text.find('\n');
    if (text.starts_with("Cannot build ") && line_end != text.npos && text.substr(line_end + 1).starts_with(label))
        text.remove_prefix(line_end + 1 + label.size());
    return std::string(text);
}

std::string reason(const daemon::BuildResult& result) {
    if (result.error_message.empty()) return std::string(daemon::to_string(result.status));
    return without_what_was_asked(result.error_message);
}

// Without the outermost "building PATH", which whoever reads it knows.
std::string reason(const Failure& failure) {
    std::string text;
    const auto& context = failure.context();
    for (std::size_t i = context.size() - std::min<std::size_t>(context.size(), 1); i-- > 0;) text += context[i] + ": ";
    return text + failure.cause();
}

BuildOutcome outcome_of(const daemon::BuildResult& result, bool daemon_began) {
    using daemon::BuildStatus;
    bool was_there = result.status == BuildStatus::already_valid ||
                     result.status == BuildStatus::resolves_to_already_valid ||
                     result.status == BuildStatus::substituted;
    // Whoever made it: its word is not ours.
    if (was_there && !daemon_began) return BuildOutcome::found;
    if (daemon::is_success(result.status)) return BuildOutcome::built;
    bool was_refused = result.status == daemon::BuildStatus::input_rejected && !daemon_began;
    return was_refused ? BuildOutcome::refused : BuildOutcome::failed;
}

// A remote builder's log may have come only within what Nix says.
void note_failure(BuildRecord& record, const std::string& said, const LogTail& log) {
    auto words = nix_words(said);
    record.error = std::move(words.reason);
    record.log_tail = log.lines();
    if (record.log_tail.empty()) record.log_tail = std::move(words.log);
}

// Told by builders and the daemon in words only.
bool disk_was_full(const std::vector<std::string>& log) {
    return std::any_of(log.begin(), log.end(), daemon::tells_of_full_disk);
}
bool disk_was_full(const BuildRecord& record) {
    return daemon::tells_of_full_disk(record.error) || disk_was_full(record.log_tail);
}

} // namespace

BuildRequest::BuildRequest(const plan::Graph& graph, async::Clock& clock, std::vector<DerivationId> derivations,
                           const BuildLimits& limits, const BuildListener& listener, Builder builder)
    : graph_(graph), clock_(clock), limits_(limits), listener_(listener), builder_(builder) {
    for (auto id : derivations) {
        Running running{.derivation = id, .start = clock_.now(), .last_line = clock_.now(), .builder = {}, .log = {}};
        running_.emplace(graph_.derivation(id).path.to_string(), std::move(running));
    }
}

Task<std::vector<BuildRequest::Ending>> BuildRequest::run(daemon::Connection& connection) {
    std::vector<daemon::DerivedPath> wanted;
    for (const auto& [path, running] : running_) {
        daemon::DerivedPath request{.path = graph_.derivation(running.derivation).path, .outputs = {"*"}};
        wanted.push_back(std::move(request));
    }
    auto listen = [this](const daemon::LogEvent& log) { on_log(log); };
    connection.set_log_sink(std::move(listen));
    // A remote builder has to be found first.
    if (running_.size() == 1 && builder_ == Builder::here) announce(running_.begin()->second);
    auto asked = co_await ask(connection, std::move(wanted));
    connection.set_log_sink({});
    if (!asked) co_return end_overdue();
    auto& results = *asked;
    if (!results) co_return end_without_results(results.error(), connection.is_broken());
    std::vector<Ending> endings;
    for (const auto& [path, running] : running_) {
        auto is_its = [&asked = path](const daemon::BuildResult& result) {
            return std::string_view(result.derived_path).substr(0, result.derived_path.find('!')) == asked;
        };
        auto result = std::find_if(results->begin(), results->end(), is_its);
        if (result != results->end()) {
            endings.push_back(end(running, *result));
            continue;
        }
        auto record = record_of(running);
        record.outcome = BuildOutcome::failed;
        record.error = "the daemon gave no result for it";
        endings.push_back({running.derivation, Ending::How::ended, std::move(record), {}});
    }
    co_return endings;
}

Task<std::optional<BuildRequest::Results>> BuildRequest::ask(daemon::Connection& connection,
                                                             std::vector<daemon::DerivedPath> wanted) {
    bool is_limited = limits_.silence.count() > 0 || limits_.time.count() > 0;
    if (builder_ == Builder::here || !is_limited)
        co_return co_await connection.build_paths(std::move(wanted), daemon::BuildMode::normal);
    auto shortest = limits_.silence.count() == 0 || (limits_.time.count() > 0 && limits_.time < limits_.silence)
                        ? limits_.time
                        : limits_.silence;
    auto latest = [this] { return at_the_latest(); };
    co_return co_await ask_in_time(connection, std::move(wanted), clock_, shortest, latest);
}

std::optional<async::Clock::TimePoint> BuildRequest::at_the_latest() const {
    std::optional<async::Clock::TimePoint> moment;
    auto not_after = [&moment](async::Clock::TimePoint from, std::chrono::seconds limit) {
        if (limit.count() > 0 && (!moment || from + limit + grace < *moment)) moment = from + limit + grace;
    };
    for (const auto& [path, running] : running_) {
        if (!running.daemon_began) continue;
        not_after(running.last_line, limits_.silence);
        not_after(running.start, limits_.time);
    }
    return moment;
}

std::vector<BuildRequest::Ending> BuildRequest::end_overdue() const {
    std::vector<Ending> endings;
    for (const auto& [path, running] : running_) {
        auto record = record_of(running);
        end_at_limit(record, running, {});
        endings.push_back({running.derivation, Ending::How::ended, std::move(record), {}});
    }
    return endings;
}

void BuildRequest::end_at_limit(BuildRecord& record, const Running& running, const std::string& said) const {
    TimesOfBuild times{.ran = since(running.start), .silent = since(running.last_line)};
    auto limit = limit_reached(limits_, times, said);
    record.outcome = limit.outcome;
    note_failure(record, limit.words, running.log);
}

std::vector<BuilderTrouble> BuildRequest::passed_over() const {
    std::vector<BuilderTrouble> troubles;
    for (const auto& message : messages_)
        if (auto trouble = builder_passed_over(message)) troubles.push_back(std::move(*trouble));
    return troubles;
}

std::optional<BuildRequest::Ending> BuildRequest::blame_builder(const Running& running, const std::string& said) const {
    if (builder_ == Builder::here) return {};
    Ending ending{.derivation = running.derivation, .record = record_of(running), .trouble = {}};
    auto reason = said;
    if (running.daemon_began) {
        auto told = remote_failure(messages_);
        if (!told) return {};
        reason = without_what_was_asked(told->reason);
        ending.trouble = std::move(told->trouble);
        if (ending.trouble && ending.trouble->address.empty()) ending.trouble->address = running.builder;
    } else {
        auto troubles = passed_over();
        ending.trouble = troubles.empty() ? refusal_by_builders(said) : std::move(troubles.back());
        if (!ending.trouble) return {};
    }
    if (!ending.trouble && disk_was_full(running.log.lines())) // which came as it was printed, and not in the message
        ending.trouble = BuilderTrouble{.kind = BuilderTrouble::Kind::full,
                                        .address = running.builder,
                                        .said = reason.substr(0, reason.find('\n'))};
    if (!ending.trouble && tells_of_time_limit(reason)) {
        end_at_limit(ending.record, running, reason);
        return ending;
    }
    bool began = running.daemon_began && !(ending.trouble && ending.trouble->kind == BuilderTrouble::Kind::refused);
    ending.record.outcome = began ? BuildOutcome::failed : BuildOutcome::refused;
    note_failure(ending.record, ending.trouble ? ending.trouble->in_words() : reason, running.log);
    ending.record.builder_failed = ending.trouble.has_value();
    if (ending.trouble) ending.how = Ending::How::builder_failed;
    return ending;
}

void BuildRequest::announce(Running& running) {
    if (running.announced) return;
    running.announced = true;
    running.start = running.last_line = clock_.now();
    listener_.on_started(running.derivation);
}

void BuildRequest::on_log(const daemon::LogEvent& log) {
    if (log.kind == daemon::LogEvent::Kind::message && builder_ == Builder::remote) {
        messages_.push_back(log.text);
        if (messages_.size() > most_messages) messages_.erase(messages_.begin());
    }
    if (!log.path) return;
    auto found = running_.find(log.path->to_string());
    if (found == running_.end()) return;
    auto& running = found->second;
    if (log.kind == daemon::LogEvent::Kind::build_started) {
        announce(running);
        running.daemon_began = true;
        if (!log.machine.empty()) running.builder = log.machine; // the builder's own daemon says "here"
        running.start = running.last_line = clock_.now();
    }
    if (log.kind != daemon::LogEvent::Kind::build_log_line) return;
    running.last_line = clock_.now();
    running.log.add(log.text);
    listener_.on_log_line(running.derivation, log.text);
}

BuildRecord BuildRequest::record_of(const Running& running) const {
    BuildRecord record;
    if (!running.announced) return record;
    record.start = running.start;
    record.took = since(running.start);
    record.builder = running.builder;
    return record;
}

BuildRequest::Ending BuildRequest::end(const Running& running, const daemon::BuildResult& result) const {
    auto record = record_of(running);
    record.outcome = outcome_of(result, running.daemon_began);
    if (result.status == daemon::BuildStatus::timed_out) {
        end_at_limit(record, running, result.error_message);
    } else if (record.outcome == BuildOutcome::built || record.outcome == BuildOutcome::found) {
        for (const auto& output : graph_.derivation(running.derivation).outputs) {
            if (output.path != plan::no_path)
                record.outputs.push_back(graph_.path(output.path));
            else if (auto it = result.outputs.find(output.name); it != result.outputs.end())
                record.outputs.push_back(it->second);
        }
        return {running.derivation, Ending::How::ended, std::move(record), {}};
    } else {
        auto said = reason(result);
        if (auto ending = blame_builder(running, said)) return std::move(*ending);
        note_failure(record, said, running.log);
    }
    record.disk_was_full = disk_was_full(record);
    return {running.derivation, Ending::How::ended, std::move(record), {}};
}

// Of one derivation that Nix will not build it may say so by failing the request as a whole, whatever else was asked
// for; a daemon may even end by it.
std::vector<BuildRequest::Ending> BuildRequest::end_without_results(const Failure& failure, bool daemon_is_gone) const {
    bool is_shared = running_.size() > 1;
    std::vector<Ending> endings;
    for (const auto& [path, running] : running_) {
        auto blamed = daemon_is_gone ? std::nullopt : blame_builder(running, reason(failure));
        if (blamed) {
            endings.push_back(std::move(*blamed));
            continue;
        }
        auto record = record_of(running);
        record.outcome = running.daemon_began || daemon_is_gone ? BuildOutcome::failed : BuildOutcome::refused;
        note_failure(record, reason(failure), running.log);
        record.disk_was_full = disk_was_full(record);
        auto how = is_shared ? Ending::How::ask_alone : daemon_is_gone ? Ending::How::daemon_gone : Ending::How::ended;
        endings.push_back({running.derivation, how, std::move(record), {}});
    }
    return endings;
}

} // namespace cachefill::build
