#include "app/commands/commands.hpp"
#include "fill/run.hpp"
#include "report/run_report.hpp"

namespace cachefill::app {

async::Task<int> run_command(CommandContext& context) {
    if (context.session.settings().dry_run) co_return co_await plan_command(context);
    fill::Run run(context.session, fill::Extent::fill);
    context.on_signal = [&run](int signal) { run.interrupt(signal); };
    co_await run.execute();
    context.on_signal = {};
    co_return context.console.close_with(run.report());
}

} // namespace cachefill::app
