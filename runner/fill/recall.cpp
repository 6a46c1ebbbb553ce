#include "fill/recall.hpp"

#include "async/deadline.hpp"
#include "cache/document.hpp"
#include "cache/nar_look.hpp"
#include "fill/fleet.hpp"
#include "options/settings.hpp"
#include "plan/needs.hpp"
#include "session/evaluation.hpp"
#include "session/targets.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto most_time = 15s; // two answers, of which one may be large; it is evaluated then

} // namespace

bool Recall::expect(const eval::FlakeInfo& flake) {
    const auto& settings = run_.session.settings();
    if (run_.is_filling() && settings.also_push.empty() && settings.also.empty())
        key_ = session::fleet_key(run_.session, flake);
    return !key_.empty();
}

Task<std::optional<session::EvaluationRecord>> Recall::find() {
    if (key_.empty() || run_.judge.is_out(plan::own_cache)) co_return std::nullopt;
    std::string what = "the record of the evaluation";
    auto reading = cache::read_document(run_.judge.backend(plan::own_cache), session::record_path(key_),
                                        run_.judge.own_keys(), std::move(what), session::EvaluationRecord::largest);
    auto text = co_await async::with_deadline(std::move(reading), most_time, "reading the record of the evaluation");
    if (text && !*text) co_return std::nullopt;
    auto record = text ? session::parse_evaluation_record(**text) : std::move(text).error();
    if (!record) {
        run_.say(event::Severity::notice, record.error().one_line() + "; the flake is evaluated",
                 record.error().hint());
        co_return std::nullopt;
    }
    is_there_ = true;
    co_return std::move(*record);
}

Task<bool> Recall::is_whole(const session::EvaluationRecord& record, const eval::EvaluatedTarget& evaluated,
                            std::size_t host) {
    plan::Graph graph; // of its own: of what is evaluated after all another one knows more
    auto read = [&record](const nix::StorePath& path) { return record.read(path); };
    auto target = session::add_target(graph, evaluated, read);
    if (!target) co_return false;
    std::vector<plan::PathId> needed;
    for (auto path : plan::needed_paths(graph, *target)) needed.push_back(run_.graph.intern(graph.path(path)));
    auto& upstreams = run_.consumers->upstreams();
    presence::Judge::Counting counts = [&upstreams, host] { return upstreams.counting(host); };
    co_await run_.judge.ask_whole(needed, std::move(counts));
    std::vector<plan::CacheMask> counting(run_.graph.path_count(), upstreams.counting(host));
    co_return std::all_of(needed.begin(), needed.end(), [&](plan::PathId path) {
        return plan::completeness(path, run_.facts, counting) == plan::Completeness::complete;
    });
}

std::optional<session::EvaluationRecord> Recall::describe(const std::vector<eval::TargetRef>& hosts,
                                                          const std::vector<TargetRecord>& targets) const {
    session::EvaluationRecord record;
    record.hosts = hosts;
    for (const auto& target : targets) {
        if (!target.evaluated || !session::is_by_key_alone(*target.evaluated)) return {};
        if (!session::is_fit_for_record(*target.evaluated)) return {};
        record.printed[target.ref.display()] = target.evaluated->printed;
        if (!target.planned) continue;
        if (!target.was_verified || target.verified.verdict != event::TargetVerdict::complete) return {};
        if (!session::add_needed(record, run_.graph, run_.live.targets()[*target.planned])) return {};
    }
    return record;
}

Task<void> Recall::leave(const std::vector<eval::TargetRef>& hosts, const std::vector<TargetRecord>& targets) {
    const auto& settings = run_.session.settings();
    bool may_write = run_.outlets.are_open() && !settings.read_only && settings.manifest &&
                     run_.session.cache_info().permission == cache::Permission::write;
    if (key_.empty() || is_there_ || !may_write || run_.interrupted) co_return;
    auto record = describe(hosts, targets);
    if (!record) co_return;
    auto text = session::to_json(*record);
    if (text.size() > session::EvaluationRecord::largest) co_return;
    auto left = co_await cache::publish_document(run_.judge.backend(plan::own_cache),
                                                 run_.session.cache_info().preferred_compression,
                                                 session::record_path(key_), std::string(), std::move(text));
    if (!left) {
        auto failure = std::move(left).error().with_context("leaving the record of the evaluation");
        run_.say(event::Severity::notice, failure.one_line(), failure.hint());
    }
}

} // namespace cachefill::fill
