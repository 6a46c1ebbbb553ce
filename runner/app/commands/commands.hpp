#pragma once

#include "app/ci.hpp"
#include "app/console.hpp"
#include "options/command_line.hpp"
#include "session/session.hpp"

// One function per command; each returns the exit code. They run under Console's signal watch: `on_signal` is set by
// them as soon as there is something to interrupt.
namespace cachefill::app {

struct CommandContext {
    const options::Invocation& invocation;
    const CiSetup* ci; // of `cachefill ci`; else null
    session::Session& session;
    Console& console;
    std::function<void(int)>& on_signal;
    // Set by a command that ends in another program: that one takes our place once everything here has been put away.
    std::vector<std::string>& replacement;
};

async::Task<int> run_command(CommandContext& context);
async::Task<int> plan_command(CommandContext& context);
async::Task<int> push_command(CommandContext& context);
async::Task<int> push_watch(CommandContext& context);  // push --watch
async::Task<int> push_status(CommandContext& context); // push --status
async::Task<int> verify_command(CommandContext& context);
async::Task<int> doctor_command(CommandContext& context);
async::Task<int> wait_command(CommandContext& context);
async::Task<int> guard_command(CommandContext& context);
async::Task<int> init_command(CommandContext& context);
async::Task<int> report_command(CommandContext& context);
async::Task<int> login_command(CommandContext& context);
async::Task<int> use_command(CommandContext& context);
async::Task<int> ci_command(CommandContext& context);
// The same answers of a step, where it could not even start; `json` is where its report goes, if that is known yet.
int refuse_step(const Failure& failure, const Environment& environment, const std::string& json);

} // namespace cachefill::app
