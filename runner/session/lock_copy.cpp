#include "session/lock_copy.hpp"

#include "async/git.hpp"
#include "base/foreign_text.hpp"
#include "base/own_place.hpp"
#include "base/text.hpp"
#include "eval/nix_command.hpp"
#include "options/settings.hpp"

namespace cachefill::session {

using async::Task;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr auto update_patience = 30min; // it may have to download every input
constexpr auto git_patience = 60s;

Task<Result<std::string>> run(async::ProcessSpec spec, std::string shown,
                              std::chrono::steady_clock::duration patience) {
    CO_TRY(finished, co_await async::run_process(std::move(spec), patience));
    if (!finished.status.success())
        co_return Failure(FailureKind::machine, "'" + shown + "' failed: " +
                                                    ellipsize(std::string(trim(clean_foreign(finished.error))), 1000));
    co_return std::move(finished.output);
}

Task<Result<std::string>> git(std::vector<std::string> arguments, fs::path directory, const Environment& environment) {
    auto shown = "git " + join(arguments, " ");
    auto spec = async::git_process(directory, std::move(arguments), environment);
    co_return co_await run(std::move(spec), std::move(shown), git_patience);
}

// Nix starts git for inputs that lie on this machine, whose settings are nobody's to run (eval::run_nix).
Task<Result<void>> update_lock(Session& session, fs::path directory) {
    CO_TRY_VOID(co_await session.learn_nix());
    auto settings = session.eval_settings(directory.string());
    eval::NixCommand update;
    update.arguments = {"flake", "update"};
    update.doing = "moving flake.lock to the newest inputs";
    update.deadline = update_patience;
    update.tree = directory;
    update.directory = std::move(directory);
    eval::NixHooks silent{.on_message = [](event::Severity, const std::string&) {}, .on_start = {}};
    auto ran = co_await eval::run_nix(settings, std::move(update), std::move(silent));
    if (!ran) co_return std::move(ran).error();
    if (!ran->status.success())
        co_return eval::failure_of(*ran, eval::SourceMap{}).with_context("running 'nix flake update'");
    co_return Result<void>();
}

// `copied` is the top of the copy.
Result<void> copy_file_to(const fs::path& from, const fs::path& to, const fs::path& copied) {
    std::error_code error;
    if (!is_in_work_tree(to.parent_path(), copied))
        return Failure(FailureKind::usage, "cannot copy " + from.string() +
                                               ": another file of the repository is a "
                                               "link in its folder's place");
    fs::create_directories(to.parent_path(), error);
    if (!error && fs::is_symlink(fs::symlink_status(from, error)))
        fs::copy_symlink(from, to, error);
    else if (!error && fs::is_regular_file(from, error))
        fs::copy_file(from, to, error);
    if (error) return Failure(FailureKind::machine, "cannot copy " + from.string() + ": " + error.message());
    return {};
}

} // namespace

Task<Result<std::unique_ptr<LockCopy>>> LockCopy::make(Session& session) {
    auto environment = session.environment().without_our_secrets();
    fs::path flake = session.settings().flake;
    std::error_code error;
    flake = fs::canonical(flake, error);
    if (error || !fs::is_directory(flake, error))
        co_return Failure(FailureKind::usage, "--update needs a flake in a directory of this machine, and '" +
                                                  sanitize(session.settings().flake) + "' is none");
    std::vector<std::string> where{"rev-parse", "--show-toplevel"};
    auto root = co_await git(std::move(where), flake, environment);
    if (!root)
        co_return std::move(root).error().with_hint("--update works on a flake in a git repository, of which it copies "
                                                    "what git tracks");
    fs::path top(std::string(trim(*root)));
    std::vector<std::string> list{"ls-files", "-z"};
    CO_TRY(files, co_await git(std::move(list), top, environment));
    CO_TRY(directory, TemporaryDirectory::make("cachefill-update-"));
    auto copied = fs::canonical(directory.path(), error);
    for (auto name : split(files, '\0')) {
        if (name.empty()) continue;
        auto from = top / fs::path(std::string(name));
        if (!fs::exists(fs::symlink_status(from, error))) continue; // deleted, and not yet told to git
        CO_TRY_VOID(copy_file_to(from, copied / fs::path(std::string(name)), copied));
    }
    std::vector<std::string> init{"init", "-q"};
    CO_TRY_VOID(co_await git(std::move(init), copied, environment));
    std::vector<std::string> add{"add", "-A", "-f"};
    CO_TRY_VOID(co_await git(std::move(add), copied, environment));
    auto in_copy = copied / fs::relative(flake, top, error);
    auto original = flake / "flake.lock";
    std::string before;
    if (fs::exists(original, error)) {
        CO_TRY(text, read_file(original));
        before = std::move(text);
    }
    // Nix writes through links; the copy has those of the original.
    if (!is_in_work_tree(in_copy / "flake.lock", copied))
        co_return Failure(FailureKind::usage, original.string() + " is a link out of its repository, or by an absolute "
                                                                  "path")
            .with_hint("put the file itself there: --update changes no other one");
    CO_TRY_VOID(co_await update_lock(session, in_copy));
    std::vector<std::string> stage{"add", "-A", "-f"};
    CO_TRY_VOID(co_await git(std::move(stage), copied, environment));
    std::unique_ptr<LockCopy> copy(
        new LockCopy(std::move(directory), std::move(in_copy), std::move(original), std::move(before)));
    co_return copy;
}

Result<void> LockCopy::adopt() const {
    std::string now;
    std::error_code error;
    if (std::filesystem::exists(original_, error)) {
        TRY(text, read_file(original_));
        now = std::move(text);
    }
    if (now != before_)
        return Failure(FailureKind::machine, original_.string() + " was changed by somebody else in the meantime")
            .with_hint("look at it, and run guard again");
    TRY(moved, read_file(flake_ / "flake.lock"));
    if (moved == before_) return {};
    return write_file_atomically(original_, moved);
}

} // namespace cachefill::session
