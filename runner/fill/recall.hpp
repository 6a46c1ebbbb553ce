#pragma once

#include "eval/evaluator.hpp"
#include "fill/run_context.hpp"
#include "session/evaluation_record.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::fill {

struct TargetRecord;

// What a run that completed this very commit has left in the own cache of its evaluation, so that whoever finds all of
// it still there need not evaluate, nor fetch the flake's inputs. Only time hangs on it: what cannot be asked or read
// is evaluated.
class Recall {
  public:
    explicit Recall(RunContext& run) : run_(run) {}

    // From now on it is about this flake. False: there can be no record that would do, as where more than hosts are
    // wanted, more than one cache is filled, or nothing is.
    bool expect(const eval::FlakeInfo& flake);
    // Empty: there is none, or it does not come in time.
    async::Task<std::optional<session::EvaluationRecord>> find();
    // Could the consumers of what was recorded fetch all that they need, with the caches that count for `host`?
    async::Task<bool> is_whole(const session::EvaluationRecord& record, const eval::EvaluatedTarget& evaluated,
                               std::size_t host);
    // Leaves one, if every target is complete and its evaluation depends on nothing but what the key names.
    async::Task<void> leave(const std::vector<eval::TargetRef>& hosts, const std::vector<TargetRecord>& targets);

  private:
    std::optional<session::EvaluationRecord> describe(const std::vector<eval::TargetRef>& hosts,
                                                      const std::vector<TargetRecord>& targets) const;

    RunContext& run_;
    std::string key_; // empty: there is none
    bool is_there_ = false;
};

} // namespace cachefill::fill
