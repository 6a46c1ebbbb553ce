#include "eval/flake_failure.hpp"

#include "base/files.hpp"
#include "base/foreign_json.hpp"
#include "base/foreign_text.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "eval/source_line.hpp"
#include "eval/untracked.hpp"
#include "nix/version.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::eval {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view name_the_flake =
    "name the flake: a directory with a flake.nix, or a reference such as github:owner/repository";
constexpr std::uint64_t longest_lock = 64U << 20;
constexpr std::string_view relative_inputs_since = "2.26";

bool is_since_relative_inputs(std::string_view nix_version) {
    auto version = nix::parse_version("nix (Nix) " + std::string(nix_version));
    return version && version->is_at_least(2, 26);
}

// Before nix has said where the flake's copy in the store is, an error in flake.nix can only be recognised by the file:
// it is ours if our work tree holds the same text at the same place.
SourceMap guess_source(const EvaluatorError& error, const fs::path& directory) {
    SourceMap sources{.source = {}, .directory = directory, .url = {}};
    if (directory.empty()) return sources;
    auto at = error.own.file.find(std::string(nix::store_dir) + "/");
    if (at == std::string::npos) return sources;
    auto named = error.own.file.substr(0, error.own.file.find(':'));
    auto inside = nix::StorePath::parse_inside(std::string_view(named).substr(std::min(at, named.size())));
    if (!inside || inside->second.empty()) return sources;
    auto ours = read_file(directory / fs::path(inside->second).relative_path());
    auto theirs = read_file(named);
    if (ours && theirs && *ours == *theirs) sources.source = inside->first;
    return sources;
}

// Where flake.nix would lie.
struct Whereabouts {
    fs::path directory;       // of this machine that is meant, as was named; empty for any other reference
    std::string subdirectory; // "?dir=…"
    fs::path flake() const { return directory / subdirectory; }
};

Whereabouts whereabouts_of(const FlakePlace& place) {
    Whereabouts found;
    std::string_view text = place.reference;
    if (auto query = text.find("?dir="); query != std::string_view::npos) {
        auto value = text.substr(query + 5);
        found.subdirectory = percent_decode(value.substr(0, value.find_first_of("&#")));
    }
    found.directory = place.directory;
    if (!found.directory.empty()) return found;
    for (std::string_view scheme : {"path:", "git+file://"})
        if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
    text = text.substr(0, text.find('?'));
    std::error_code ignored;
    for (const fs::path& directory : {fs::path(text), fs::path(percent_decode(text))})
        if (found.directory.empty() && fs::is_directory(directory, ignored)) found.directory = directory;
    return found;
}

// The file that a message calls missing, in the work tree: whatever stands behind the flake's own copy in the store,
// which is the only one there can be while flake.nix is read.
async::Task<std::optional<UntrackedFile>> find_untracked_of_flake(std::string missing, Whereabouts where,
                                                                  Environment environment) {
    if (where.directory.empty()) co_return std::nullopt;
    auto root = co_await work_tree_root(where.directory, environment);
    if (root.empty()) co_return std::nullopt;
    SourceMap sources{.source = {}, .directory = std::move(root), .url = {}};
    if (auto at = missing.find(std::string(nix::store_dir) + "/"); at != std::string::npos)
        if (auto inside = nix::StorePath::parse_inside(std::string_view(missing).substr(at)))
            sources.source = inside->first;
    co_return co_await find_untracked(std::move(missing), std::move(sources), std::move(environment));
}

Failure foreign_lock(const std::string& shown, const RelativeInput& input, const std::string& nix_version,
                     const std::string& lock_command) {
    auto since = std::string(relative_inputs_since);
    if (!is_since_relative_inputs(nix_version))
        return Failure(FailureKind::eval, "flake.lock of " + shown + " was written by Nix " + since +
                                              " or newer: Nix " + nix_version + " cannot read its relative input '" +
                                              sanitize(input.path) + "'")
            .with_hint("use Nix " + since +
                       " or newer on this machine, too; or give up the input and read the "
                       "folder as it is, 'import " +
                       sanitize(input.path) + "'");
    return Failure(FailureKind::eval, "flake.lock of " + shown + " was written by a Nix before " + since + ": Nix " +
                                          nix_version + " wants its relative input '" + shown_name(input.path) +
                                          "' written in another way")
        .with_hint("run '" + lock_command + "' and commit flake.lock; a Nix before " + since +
                   " cannot read it any more");
}

// Was a folder meant, and there is none?
bool is_missing_folder(const std::string& shown, const Whereabouts& where) {
    std::error_code ignored;
    bool is_path = shown.starts_with('/') || shown.starts_with("./") || shown.starts_with("../");
    return is_path && where.directory.empty() && !fs::exists(shown.substr(0, shown.find('?')), ignored);
}

Failure explain(Failure failure, Complaint complaint, const std::string& reference, const std::string& shown,
                const Whereabouts& where) {
    auto cause = failure.cause();
    // Nix repeats what it was given, with what only looks like a login to us.
    bool hides_login = shown != reference && shown == redact_url(reference);
    if (auto at = hides_login ? cause.find(reference) : cause.npos; at != cause.npos)
        cause.replace(at, reference.size(), shown);
    auto first_line = cause.substr(0, cause.find('\n'));
    auto named = where.directory.empty() ? shown : where.directory.string();
    switch (complaint) {
    case Complaint::no_flake:
        return Failure(FailureKind::usage, "there is no flake.nix in " + shown + " or above it")
            .with_hint(std::string(name_the_flake));
    case Complaint::foreign_owner:
        return Failure(FailureKind::machine,
                       "git refuses to read " + shown + ", because another user owns it: " + first_line)
            .with_hint("run 'git config --global --add safe.directory " + shell_word(named) + "', or change the owner");
    case Complaint::fragment:
        return Failure(FailureKind::usage, cause)
            .with_hint("leave out '#' and what follows; choose hosts with --hosts");
    case Complaint::not_a_reference:
        return Failure(FailureKind::usage, shown + " is no flake: " + cause);
    case Complaint::missing_file:
        if (is_missing_folder(shown, where))
            return Failure(FailureKind::usage, "there is no such folder").with_hint(std::string(name_the_flake));
        return Failure(FailureKind::usage, "the flake " + shown + " cannot be read: " + cause)
            .with_hint(std::string(name_the_flake));
    default:
        return failure;
    }
}

Failure with_position(Failure failure, const std::optional<event::Position>& position, const fs::path& work_tree) {
    if (!position || position->line == 0) return failure;
    failure = with_source_line(std::move(failure), *position, work_tree);
    auto place = position->file + ":" + std::to_string(position->line) + ":" + std::to_string(position->column);
    return std::move(failure).with_context("reading " + place);
}

fs::path current_directory() {
    std::error_code ignored;
    return fs::current_path(ignored);
}

} // namespace

std::optional<RelativeInput> foreign_relative_input(std::string_view lock, std::string_view nix_version) {
    auto json = parse_foreign_json(lock);
    if (!json.is_object() || !json.contains("nodes") || !json["nodes"].is_object()) return {};
    bool wants_parent = is_since_relative_inputs(nix_version);
    for (const auto& [name, node] : json["nodes"].items()) {
        auto locked = node.is_object() ? node.find("locked") : node.end();
        if (!node.is_object() || locked == node.end() || !locked->is_object()) continue;
        auto path = locked->find("path");
        if (path == locked->end() || !path->is_string() || path->get_ref<const std::string&>().starts_with('/'))
            continue;
        RelativeInput input{.name = name, .path = path->get<std::string>(), .has_parent = node.contains("parent")};
        if (input.has_parent != wants_parent) return input;
    }
    return {};
}

async::Task<Failure> flake_failure(const NixRun& run, const EvalSettings& settings, FlakePlace place,
                                   std::string nix_version, std::optional<event::Position>& position) {
    const auto where = whereabouts_of(place);
    const auto& environment = settings.environment;
    const auto& shown = place.shown;
    SourceMap sources;
    if (run.log.error()) {
        sources = guess_source(*run.log.error(), where.directory);
        position = locate(*run.log.error(), sources);
    }
    auto failure = failure_of(run, sources);
    auto complaint = run.complaint();
    auto lock_command = "nix flake lock " + shell_word(where.directory.empty() ? shown : where.flake().string());
    bool is_about_lock = complaint == Complaint::lock_out_of_date || complaint == Complaint::lock_unreadable;
    if (is_about_lock && !where.directory.empty()) {
        std::string lock_name = "flake.lock";
        auto untracked = co_await find_untracked_below(where.flake(), std::move(lock_name), environment);
        if (untracked) co_return explain_untracked(failure, *untracked, current_directory());
        if (auto lock = read_file(where.flake() / "flake.lock", longest_lock))
            if (auto input = foreign_relative_input(*lock, nix_version))
                co_return foreign_lock(shown, *input, nix_version, lock_command);
    }
    if (complaint == Complaint::lock_unreadable) {
        RelativeInput input{.name = {}, .path = unlocked_path(run.message()), .has_parent = true};
        bool is_relative = !input.path.empty() && !input.path.starts_with('/');
        if (is_relative) co_return foreign_lock(shown, input, nix_version, lock_command);
    }
    if (is_about_lock)
        co_return Failure(FailureKind::eval, "the lock file of " + shown + " is out of date: " + failure.cause())
            .with_hint("run '" + lock_command + "' and commit flake.lock");
    auto missing = missing_file(run.message());
    bool is_flake_itself = missing && fs::path(*missing).filename() == "flake.nix";
    if (complaint == Complaint::no_flake) missing = "flake.nix";
    if (missing) {
        std::optional<UntrackedFile> untracked;
        if (complaint == Complaint::no_flake && !where.directory.empty())
            untracked = co_await find_untracked_below(where.flake(), std::string(*missing), environment);
        else
            untracked = co_await find_untracked_of_flake(*missing, where, environment);
        if (untracked) co_return explain_untracked(failure, *untracked, current_directory());
    }
    if (is_flake_itself) complaint = Complaint::no_flake;
    failure = explain(std::move(failure), complaint, place.reference, shown, where);
    co_return with_position(std::move(failure), position, where.directory);
}

async::Task<Failure> failure_in_flake(const NixRun& run, SourceMap sources, Environment environment) {
    auto failure = failure_of(run, sources);
    auto missing = missing_file(run.message());
    if (!missing) co_return failure;
    auto untracked = co_await find_untracked(std::move(*missing), std::move(sources), std::move(environment));
    if (untracked) co_return explain_untracked(failure, *untracked, current_directory());
    co_return failure;
}

} // namespace cachefill::eval
