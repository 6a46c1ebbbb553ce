#pragma once

#include "app/commands/commands.hpp"
#include "captured_output.hpp"
#include "report/run_report.hpp"
#include "support/twins.hpp"

#include <boost/asio/post.hpp>

#include <optional>
#include <string>
#include <vector>

namespace cachefill::test {

// Whole commands, as main() runs them, over a fleet and a machine of which everything outside is a twin.
class CommandScene : public Twins {
  public:
    explicit CommandScene(const std::string& more_nix_settings = {}) : Twins(more_nix_settings) {
        machine.environment.set("PATH", machine.path("bin").string()); // no git, which would only tell of logins
        machine.environment.set("LC_ALL", "C.UTF-8");
        machine.settings.color = options::Color::never;
    }

    int code = -1; // of the last command
    std::string output, errors;
    std::vector<std::string> replacement;
    std::string input;                   // what stands on its standard input
    std::string prints_to;               // its standard output, if that is none to be read
    std::optional<app::CiSetup> ci = {}; // of a step of GitHub

    using Function = async::Task<int> (*)(app::CommandContext&);
    int perform(options::Command command, Function function) {
        CapturedOutput captured(input, prints_to);
        replacement.clear();
        auto body = [&](session::Session& session) -> async::Task<void> {
            app::Console console(loop.get_executor(), machine.settings, machine.environment);
            console_ = &console;
            struct Silence { // however it ends
                app::Console*& heard;
                ~Silence() { heard = nullptr; }
            } silence{console_};
            options::Invocation invocation{.command = command, .settings = machine.settings, .remarks = {}};
            app::CommandContext context{.invocation = invocation,
                                        .ci = ci ? &*ci : nullptr,
                                        .session = session,
                                        .console = console,
                                        .on_signal = on_signal_,
                                        .replacement = replacement};
            code = co_await function(context);
        };
        play(body);
        output = captured.output();
        errors = captured.errors();
        return code;
    }
    // As main() does when a signal comes.
    void interrupt_at(std::chrono::milliseconds moment, int signal) {
        at(moment, [this, signal] {
            boost::asio::post(loop, [this, signal] {
                if (on_signal_) on_signal_(signal);
            });
        });
    }

    bool says(const std::string& part) const { return output.find(part) != std::string::npos; }
    bool complains(const std::string& part) const { return errors.find(part) != std::string::npos; }

    // What the session says the console hears, as in the program.
    void on_event(const event::Event& event) override {
        Twins::on_event(event);
        if (console_) console_->sink().on_event(event);
    }

  private:
    app::Console* console_ = nullptr;
    std::function<void(int)> on_signal_;
};

} // namespace cachefill::test
