#include "app/commands/commands.hpp"
#include "doctor/doctor.hpp"
#include "doctor/doctor_report.hpp"
#include "report/run_report.hpp"

namespace cachefill::app {

async::Task<int> doctor_command(CommandContext& context) {
    const auto& settings = context.session.settings();
    if (settings.arguments.size() > 1 && !settings.switches) {
        context.console.print_error(Failure(FailureKind::usage, "doctor looks at one host")
                                        .with_hint("without a name it is the host of this machine's name"));
        co_return 2;
    }
    doctor::Doctor doctor(context.session);
    auto examination = co_await doctor.examine();
    co_await doctor.find_changes(examination);
    co_return context.console.close_with_answer(exit_code_of(examination), to_text(examination, settings.verbose),
                                                to_json(examination));
}

} // namespace cachefill::app
