#include "shard/bundled_evaluator.hpp"

#include "event/event.hpp"

namespace cachefill::shard {

using async::Task;

namespace {

class BundledEvaluator final : public eval::Evaluator {
  public:
    BundledEvaluator(const Bundle& bundle, event::Sink& sink) : bundle_(bundle), sink_(sink) {}

    Task<Result<eval::FlakeInfo>> read() override { co_return bundle_.flake; }
    Task<Result<eval::FlakeInfo>> open() override { co_return bundle_.flake; }
    Task<Result<std::vector<eval::TargetRef>>> discover(std::vector<std::string>) override { co_return bundle_.hosts; }

    Task<Result<eval::EvaluatedTarget>> evaluate(eval::TargetRef target) override {
        event::EvaluationStarted started{.target = target.display()};
        sink_.on_event(started);
        const auto* known = bundle_.find(target);
        if (!known)
            co_return Failure(FailureKind::usage, "the bundle has nothing of " + target.display() +
                                                      ", which was not selected where it was made")
                .with_hint("select the same hosts for the plan that writes the bundle");
        if (!known->evaluated) co_return *known->failure;
        auto evaluated = *known->evaluated;
        evaluated.evaluated_before = true;
        evaluated.took = {}; // here
        evaluated.peak_memory = 0;
        co_return evaluated;
    }

    Task<void> check(std::vector<eval::CheckFinding>&) override { co_return; }
    std::optional<event::Position> position_of_failure(const eval::TargetRef& target) const override {
        const auto* known = bundle_.find(target);
        return known ? known->position : std::nullopt;
    }
    std::string system_needed_for(const eval::TargetRef& target) const override {
        const auto* known = bundle_.find(target);
        return known ? known->needs_system : std::string();
    }

  private:
    const Bundle& bundle_;
    event::Sink& sink_;
};

} // namespace

std::unique_ptr<eval::Evaluator> make_bundled_evaluator(const Bundle& bundle, event::Sink& sink) {
    return std::make_unique<BundledEvaluator>(bundle, sink);
}

} // namespace cachefill::shard
