#pragma once

#include "github/actions_api.hpp"
#include "github/context.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// A run and the other runs of its workflow on its branch. Pure but for the two calls at the end.
namespace cachefill::github {

// Everything these questions need is known, and no stranger can name the branch: several forks may have one of the
// same name, whose runs GitHub lists together.
bool can_see_siblings(const Context& context);

// The newest run that was started after this one and waits. Empty: none, or it runs already, beside this one.
std::optional<WorkflowRun> newer_waiting_run(const std::vector<WorkflowRun>& runs, const Context& context);
// One that was started after this one and is not over.
bool has_newer_run(const std::vector<WorkflowRun>& runs, const Context& context);
// How many runs before and including this one were started by dispatch, of this commit, since something else started
// one; the first of such a row counts only if something else stands before it.
std::uint64_t reruns_so_far(std::vector<WorkflowRun> runs, const Context& context);

// Looks every `interval` until a newer run waits, on two looks in a row: one that has just been started is queued for a
// moment, too. A failure is one that asking again will not heal (no permission, no such workflow).
async::Task<Result<WorkflowRun>> wait_for_newer_run(ActionsApi& api, const Context& context,
                                                    std::chrono::seconds interval);

enum class RerunOutcome { started, already_running, used_up };
// Starts the workflow again on the same branch, at most `most` times in a row.
async::Task<Result<RerunOutcome>> start_again(ActionsApi& api, const Context& context, std::uint64_t most);

} // namespace cachefill::github
