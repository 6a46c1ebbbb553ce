#include "session/evaluation.hpp"

#include "daemon/connection.hpp"
#include "eval/evaluated.hpp"
#include "eval/evaluator.hpp"
#include "eval/expression.hpp"
#include "event/event.hpp"
#include "options/known_hosts.hpp"
#include "options/settings.hpp"
#include "session/evaluation_memory.hpp"
#include "session/host_list.hpp"
#include "session/outside.hpp"
#include "session/session.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::session {

using async::Task;
using Json = nlohmann::json;

namespace {

std::string expression_of(const eval::TargetRef& target) {
    return Json{target.attribute_path, eval::target_expression(target.kind)}.dump();
}

std::string expression_of_hosts() {
    Json expressions;
    for (auto kind : host_kinds) expressions.push_back(eval::listing_expression(kind));
    return expressions.dump();
}

class RememberingEvaluator final : public eval::Evaluator {
  public:
    RememberingEvaluator(Session& session, eval::EvalSettings settings, std::unique_ptr<EvaluationMemory> memory)
        : session_(session), settings_(settings), memory_(std::move(memory)),
          evaluator_(session.outside().make_evaluator(session.executor(), std::move(settings), session.sink())) {}

    Task<Result<eval::FlakeInfo>> read() override {
        auto read = co_await evaluator_->read();
        if (read) flake_ = *read;
        co_return read;
    }
    Task<Result<eval::FlakeInfo>> open() override {
        auto opened = co_await evaluator_->open();
        if (opened) flake_ = *opened;
        co_return opened;
    }

    Task<Result<std::vector<eval::TargetRef>>> discover(std::vector<std::string> extra_kinds) override {
        // Of further kinds one that cannot be listed is told and left out.
        auto key = extra_kinds.empty() ? key_of(expression_of_hosts()) : std::string();
        if (auto known = recall(key))
            if (auto hosts = hosts_in(Json::parse(*known, nullptr, false))) co_return std::move(*hosts);
        auto found = co_await evaluator_->discover(std::move(extra_kinds));
        // No host at all ends a command, and may be a mishap of Nix: it is looked for again.
        if (found && !found->empty() && !key.empty()) memory_->keep(key, to_json(*found).dump());
        co_return found;
    }

    Task<Result<eval::EvaluatedTarget>> evaluate(eval::TargetRef target) override {
        auto key = key_of(expression_of(target));
        if (auto known = recall(key)) {
            auto evaluated = eval::parse_evaluated(target, *known);
            auto is_there = evaluated.has_value();
            if (is_there) is_there = co_await keep_in_store(evaluated->derivation);
            if (is_there) {
                evaluated->evaluated_before = true;
                event::EvaluationStarted started{.target = target.display()};
                session_.sink().on_event(started);
                co_return evaluated;
            }
        }
        auto evaluated = co_await evaluator_->evaluate(std::move(target));
        if (evaluated && !key.empty() && is_by_key_alone(*evaluated)) memory_->keep(key, evaluated->printed);
        co_return evaluated;
    }

    Task<void> check(std::vector<eval::CheckFinding>& findings) override { return evaluator_->check(findings); }
    std::optional<event::Position> position_of_failure(const eval::TargetRef& target) const override {
        return evaluator_->position_of_failure(target);
    }
    std::optional<std::chrono::milliseconds> expected_time(const eval::TargetRef& target) const override {
        return evaluator_->expected_time(target);
    }
    std::string system_needed_for(const eval::TargetRef& target) const override {
        return evaluator_->system_needed_for(target);
    }

  private:
    std::string key_of(std::string_view expression) const {
        return flake_ ? evaluation_key(*flake_, settings_, session_.nix(), expression) : std::string();
    }
    std::optional<std::string> recall(const std::string& key) const {
        return key.empty() ? std::optional<std::string>() : memory_->find(key);
    }
    // A garbage collection may have taken it, or take it just now.
    Task<bool> keep_in_store(nix::StorePath derivation) {
        std::vector<nix::StorePath> paths(1, derivation);
        auto rooted = co_await session_.connection().add_temp_roots(paths);
        if (!rooted) co_return false;
        auto valid = co_await session_.connection().query_valid_paths(std::move(paths));
        co_return valid.has_value() && !valid->empty();
    }

    Session& session_;
    eval::EvalSettings settings_;
    std::unique_ptr<EvaluationMemory> memory_;
    std::unique_ptr<eval::Evaluator> evaluator_;
    std::optional<eval::FlakeInfo> flake_;
};

} // namespace

bool is_by_key_alone(const eval::EvaluatedTarget& evaluated) {
    return !evaluated.impure && evaluated.read_by_evaluation.empty() && evaluated.unknown_reads == 0 &&
           evaluated.built_by_evaluation.empty() && evaluated.fetched_by_evaluation.empty();
}

std::unique_ptr<eval::Evaluator> make_evaluator(Session& session, std::string flake) {
    auto settings = session.eval_settings(std::move(flake));
    if (!session.settings().fresh && session.may_use_state()) {
        auto memory = EvaluationMemory::open(session.state_directory() / "evaluations.sqlite");
        if (memory) return std::make_unique<RememberingEvaluator>(session, std::move(settings), std::move(*memory));
        event::Message message{
            .severity = event::Severity::info, .text = memory.error().one_line(), .hint = memory.error().hint()};
        session.sink().on_event(message);
    }
    return session.outside().make_evaluator(session.executor(), std::move(settings), session.sink());
}

void remember_hosts(const Session& session, const std::vector<eval::TargetRef>& found) {
    if (!session.may_use_state()) return;
    std::vector<std::string> hosts;
    for (const auto& target : found)
        if (target.is_host()) hosts.push_back(target.display());
    options::remember_hosts(session.state_directory(), session.settings().flake, hosts);
}

} // namespace cachefill::session
