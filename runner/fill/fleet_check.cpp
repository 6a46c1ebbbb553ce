// Whether the other outputs of the flake are right, too: `nix flake check` beside the targets.
#include "async/deadline.hpp"
#include "async/together.hpp"
#include "base/elapsed.hpp"
#include "fill/fleet.hpp"
#include "options/settings.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

// Said where hosts that do not evaluate are said, since to whoever reads it this is the same.
Task<void> Fleet::check() {
    if (bundle()) {
        run_.say(event::Severity::notice, "the rest of the flake is not checked: a bundle stands for the flake",
                 "the job that writes the bundle can check it: cachefill run --check flake --read-only");
        co_return;
    }
    auto start = run_.clock.now();
    run_.stage_started(event::Stage::check);
    auto fetched = co_await fetch_inputs();
    if (!fetched) run_.fail(std::move(fetched).error());
    if (!fetched) co_return;
    auto check_all = [this](async::TaskGroup& group) { group.spawn(check_outputs()); };
    co_await async::together(run_.evaluations, check_all); // among them, so that a signal ends it as it ends them
    for (const auto& finding : check_findings_) {
        event::EvaluationFinished finished;
        finished.target = "flake:" + finding.output;
        finished.position = finding.position;
        finished.error = finding.failure.cause();
        run_.session.sink().on_event(finished);
    }
    run_.stage_finished(event::Stage::check, start);
}

// All of it together takes no longer than one host may, nor than the run.
Task<void> Fleet::check_outputs() {
    auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(run_.session.settings().eval_timeout);
    if (const auto& deadline = run_.session.settings().deadline)
        limit = std::min<std::chrono::milliseconds>(limit, *deadline - run_.clock.elapsed_since(run_.start));
    auto look = [](eval::Evaluator& evaluator, std::vector<eval::CheckFinding>& findings) -> Task<Result<void>> {
        co_await evaluator.check(findings);
        co_return Result<void>();
    };
    auto work = look(*evaluator_, check_findings_);
    auto checked = co_await async::with_deadline(std::move(work), std::max(limit, 0ms), "checking the flake");
    if (checked) co_return;
    eval::CheckFinding unfinished{.output = "the rest", .failure = std::move(checked).error(), .position = {}};
    check_findings_.push_back(std::move(unfinished));
}

} // namespace cachefill::fill
