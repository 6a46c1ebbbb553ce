#include "eval/nix_command.hpp"

#include "async/deadline.hpp"
#include "async/git.hpp"
#include "async/together.hpp"
#include "base/elapsed.hpp"
#include "base/text.hpp"
#include "eval/confinement.hpp"
#include "eval/flake.hpp"
#include "eval/room.hpp"
#include "eval/temporary_place.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <memory>

namespace cachefill::eval {

namespace {

constexpr std::size_t longest_output = 64U << 20;
constexpr std::chrono::seconds grace_for_builders{3};
constexpr std::chrono::seconds settings_deadline{60}; // of git, to tell its own
constexpr int shell_killed = 128 + SIGKILL;

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
    auto is_in = [text](std::string_view word) { return text.find(word) != std::string_view::npos; };
    return std::any_of(words.begin(), words.end(), is_in);
}

// One that prints more than anybody reads is ended.
async::Task<void> read_output(async::ChildProcess& child, std::string& text, bool& is_too_long) {
    std::array<char, 16384> buffer{};
    for (;;) {
        auto [error, count] =
            co_await child.standard_output().async_read_some(boost::asio::buffer(buffer), async::use_task_tuple);
        if (error) co_return;
        is_too_long = text.size() + count > longest_output;
        if (is_too_long) {
            co_await child.end(grace_for_builders);
            child.signal(SIGKILL);
            co_return;
        }
        text.append(buffer.data(), count);
    }
}

async::Task<void> read_log(async::StreamDescriptor& stream, EvaluatorLog& log) {
    auto buffer = std::make_unique<std::array<char, 65536>>();
    for (;;) {
        auto [error, count] = co_await stream.async_read_some(boost::asio::buffer(*buffer), async::use_task_tuple);
        if (error) break;
        log.feed(std::string_view(buffer->data(), count));
    }
    log.finish();
}

Result<TemporaryDirectory> make_temporary(std::string_view prefix, const Environment& environment) {
    auto made = TemporaryDirectory::make(prefix);
    if (!made) TRY_VOID(check_temporary_place(environment));
    return made;
}

async::Task<Result<NixRun>> run_to_end(async::ProcessSpec spec, NixHooks hooks) {
    auto executor = co_await boost::asio::this_coro::executor;
    auto start = std::chrono::steady_clock::now();
    auto process = async::ChildProcess::start(executor, spec);
    if (!process) {
        auto failure = std::move(process).error();
        if (async::find_program("nix", spec.environment)) co_return failure;
        co_return Failure(FailureKind::machine, "there is no program 'nix' on PATH")
            .with_hint("install Nix 2.8 or newer (https://nixos.org/download), or put its directory on PATH");
    }
    async::ChildProcess& child = **process;
    if (hooks.on_start) hooks.on_start(child.pid());
    NixRun run{.status = {}, .output = {}, .log = EvaluatorLog(hooks.on_message), .took = {}};
    bool is_too_long = false;
    auto readers = [&](async::TaskGroup& group) {
        group.spawn(read_output(child, run.output, is_too_long));
        group.spawn(read_log(child.standard_error(), run.log));
    };
    std::exception_ptr cancelled;
    try {
        co_await async::together(readers);
        run.status = co_await child.wait();
    } catch (...) { // rethrown below, once what nix builds by itself (import-from-derivation) has ended with it
        cancelled = std::current_exception();
    }
    if (cancelled) {
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        co_await child.end(grace_for_builders);
        co_await boost::asio::this_coro::throw_if_cancelled(true);
        std::rethrow_exception(cancelled);
    }
    if (is_too_long)
        co_return Failure(FailureKind::eval,
                          "nix answered with more than " + std::to_string(longest_output >> 20) + " MiB, and was ended")
            .with_hint("is what stands on PATH as nix really Nix?");
    run.took = elapsed_since(start);
    co_return run;
}

} // namespace

std::string NixRun::message() const {
    if (status.success()) return {};
    if (log.error()) return sanitize(log.error()->text);
    auto is_error = [](const std::string& line) { return line.starts_with("error:"); };
    const auto& lines = log.foreign_lines();
    auto last = std::find_if(lines.rbegin(), lines.rend(), is_error);
    return last == lines.rend() ? std::string() : std::string(trim(std::string_view(*last).substr(strlen("error:"))));
}

bool NixRun::out_of_memory() const {
    if (status.success()) return false;
    if (status.signal == SIGKILL || status.code == shell_killed) return true;
    // Nix reports it as its own error in some places and dies of it in others (an abort from Boehm's collector).
    auto says_so = [](std::string_view text) { return complaint_in(text) == Complaint::out_of_memory; };
    if (says_so(message())) return true;
    return std::any_of(log.foreign_lines().begin(), log.foreign_lines().end(), says_so);
}

std::vector<std::string> nix_arguments(const EvalSettings& settings, std::vector<std::string> command) {
    std::vector<std::string> arguments{"nix", "--extra-experimental-features", "nix-command flakes"};
    auto add = [&arguments](std::initializer_list<std::string> more) {
        arguments.insert(arguments.end(), more.begin(), more.end());
    };
    arguments.insert(arguments.end(), command.begin(), command.end());
    add({"--log-format", "internal-json", "--option", "warn-dirty", "false"});
    if (!settings.store_uri.empty()) add({"--store", settings.store_uri});
    // Said either way: nix.conf and NIX_CONFIG do not decide it.
    if (settings.accept_flake_config)
        add({"--accept-flake-config"});
    else
        add({"--option", "accept-flake-config", "false"});
    if (!settings.import_from_derivation) add({"--option", "allow-import-from-derivation", "false"});
    for (const auto& [name, value] : settings.nix_options) add({"--option", name, value});
    return arguments;
}

Environment nix_environment(const EvalSettings& settings) {
    auto environment = settings.environment;
    // Acts only with --impure. 0 is somebody's no.
    if (environment.get_or("NIXPKGS_ALLOW_UNFREE") != "0") environment.set("NIXPKGS_ALLOW_UNFREE", "1");
    environment.set("GIT_TERMINAL_PROMPT", "0");
    async::refuse_programs_of_folders(environment);
    // Not GIT_SSH_COMMAND with BatchMode: that would overrule a core.sshCommand that brings the right key. Whoever set
    // an askpass program means it to answer.
    if (environment.get_or("SSH_ASKPASS").empty()) environment.set("SSH_ASKPASS_REQUIRE", "never");
    return environment;
}

std::string installable(const std::string& flake, const std::vector<std::string>& attribute_path) {
    std::vector<std::string> quoted;
    for (const auto& name : attribute_path) quoted.push_back('"' + name + '"');
    return flake + "#" + percent_encode(join(quoted, "."));
}

NixCommand evaluation(const OpenedFlake& flake, bool impure, const std::vector<std::string>& attribute_path,
                      std::string function) {
    NixCommand command;
    command.arguments = {"eval", "--json", "--show-trace", "--no-update-lock-file", "--option", "eval-cache", "false"};
    if (impure) command.arguments.emplace_back("--impure");
    command.arguments.push_back(installable(flake.reference, attribute_path));
    command.arguments.emplace_back("--apply");
    command.arguments.push_back(std::move(function));
    command.directory = flake.directory;
    command.tree = flake.info.directory;
    command.evaluating.emplace(Evaluating{.flake = flake.info, .impure = impure});
    return command;
}

async::Task<Result<NixRun>> run_nix(const EvalSettings& settings, NixCommand command, NixHooks hooks) {
    async::ProcessSpec spec;
    spec.arguments = nix_arguments(settings, std::move(command.arguments));
    spec.environment = nix_environment(settings);
    std::error_code ignored;
    if (std::filesystem::is_directory(command.tree, ignored)) { // else Nix says what is wrong with it
        std::vector<std::string> there{"-C", command.tree.string()};
        CO_TRY(guarded, co_await async::without_programs(spec.environment, std::move(there), settings_deadline));
        spec.environment = std::move(guarded);
    }
    if (command.room) spec.environment.set(heap_variable, std::to_string(command.room));
    if (!settings.before_git.empty()) async::stand_before_git(spec.environment, settings.before_git);
    if (!command.directory.empty()) spec.environment.set("PWD", command.directory.string());
    spec.directory = std::move(command.directory);
    std::optional<TemporaryDirectory> temporary, data;
    if (const auto& evaluating = command.evaluating) {
        CO_TRY(made, make_temporary("cachefill-eval", settings.environment));
        temporary.emplace(std::move(made));
        spec.confinement = confinement_of(settings, evaluating->flake, evaluating->impure, temporary->path());
    }
    bool is_confined = spec.confinement.has_value();
    if (is_confined) spec.environment.set("TMPDIR", temporary->path().string());
    if (!settings.accept_flake_config) {
        // What a person once allowed to some flake (trusted-settings.json) goes by names and values: any other flake
        // may say the same, and Nix then goes by that in spite of its option.
        CO_TRY(made, make_temporary("cachefill-data", settings.environment));
        data.emplace(std::move(made));
        async::move_data_of_nix(spec.environment, data->path());
        if (is_confined) spec.confinement->readable.push_back(data->path());
    }
    auto work = run_to_end(std::move(spec), std::move(hooks));
    auto run = co_await async::with_deadline(std::move(work), command.deadline, std::move(command.doing));
    if (run && !run->status.success())
        if (auto usable = check_temporary_place(settings.environment); !usable)
            co_return std::move(usable).error().with_cause_suffix("; nix ended with: " +
                                                                  ellipsize(run->message(), 300));
    if (run) run->was_confined = is_confined;
    co_return run;
}

Failure failure_of(const NixRun& run, const SourceMap& sources) {
    auto cause = run.log.error() ? clean_message(*run.log.error(), sources) : run.message();
    if (cause.empty() && run.status.signal)
        cause =
            "nix was ended by signal " + std::to_string(run.status.signal) + " (" + strsignal(run.status.signal) + ")";
    if (cause.empty()) cause = "nix ended with exit code " + std::to_string(run.status.code) + " and did not say why";

    std::vector<std::string> more;
    auto complaint = run.complaint();
    if (complaint == Complaint::git_failed || complaint == Complaint::foreign_owner) {
        for (const auto& line : run.log.foreign_lines())
            if (contains_any(line, {"fatal:", "error:", "warning:", "denied", "ERROR"})) more.push_back(line);
    } else if (complaint == Complaint::build_failed) {
        more.assign(run.log.build_lines().begin(), run.log.build_lines().end());
    }
    if (more.size() > 10) more.erase(more.begin(), more.end() - 10);
    if (!more.empty()) cause += "\n" + join(more, "\n");

    auto is_network = [](std::string_view text) { return complaint_in(text) == Complaint::network; };
    bool network = complaint == Complaint::network || std::any_of(more.begin(), more.end(), is_network);
    auto refused = run.was_confined ? refused_by_confinement(join(more, "\n") + run.message()) : std::string();
    Failure failure(network ? FailureKind::network : FailureKind::eval, std::move(cause));
    return refused.empty() ? failure : std::move(failure).with_hint(std::move(refused));
}

} // namespace cachefill::eval
