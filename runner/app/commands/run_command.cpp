#include "app/commands/commands.hpp"
#include "fill/run.hpp"
#include "options/exit_code.hpp"
#include "options/settings.hpp"
#include "report/run_report.hpp"

namespace cachefill::app {

async::Task<int> run_command(CommandContext& context) {
    const auto& settings = context.session.settings();
    if (settings.dry_run) co_return co_await plan_command(context);
    if (settings.shard > 0 && settings.bundle.empty()) {
        context.console.print_error(Failure(FailureKind::usage, "--shard says which part of a bundle is built, and "
                                                                "there is no bundle")
                                        .with_hint("add --bundle FILE, which 'cachefill plan --shards' writes"));
        co_return static_cast<int>(options::ExitCode::usage);
    }
    fill::Run run(context.session, fill::Extent::fill);
    context.on_signal = [&run](int signal) { run.interrupt(signal); };
    co_await run.execute();
    context.on_signal = {};
    co_return context.console.close_with(run.report());
}

} // namespace cachefill::app
