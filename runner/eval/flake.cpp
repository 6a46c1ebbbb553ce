#include "eval/flake.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "eval/expression.hpp"
#include "eval/flake_place.hpp"
#include "nix/flake_url.hpp"
#include "nix/version.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::eval {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::chrono::seconds version_deadline{60};
constexpr std::string_view name_the_flake =
    "name the flake: a directory with a flake.nix, or a reference such as github:owner/repository";

std::string text_at(const Json& object, const char* key) {
    auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// The work tree behind a resolved reference: {"type": "git", "url": "file:///home/kim/fleet?dir=sub"} or {"type":
// "path"}.
fs::path work_tree(const Json& resolved) {
    auto type = text_at(resolved, "type");
    if (type == "path") return fs::path(text_at(resolved, "path")).lexically_normal();
    constexpr std::string_view file = "file://";
    auto url = text_at(resolved, "url");
    // A ref or revision was asked for: the work tree is not what is evaluated.
    if (type != "git" || !url.starts_with(file) || resolved.contains("ref") || resolved.contains("rev")) return {};
    auto path = std::string_view(url).substr(file.size());
    return fs::path(nix::percent_decode(path.substr(0, path.find('?')))).lexically_normal();
}

bool contains(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

// What nix says about a flake that it cannot read, told so that a person can act.
Failure explain(Failure failure, const std::string& shown) {
    const std::string cause = failure.cause();
    if (contains(cause, "requires lock file changes"))
        return Failure(FailureKind::eval, "the lock file of " + shown + " is out of date: " + cause)
            .with_hint("run `nix flake lock` in the flake and commit flake.lock");
    if (contains(cause, "could not find a flake.nix") || contains(cause, "is not part of a flake") ||
        contains(cause, "does not contain a 'flake.nix'") ||
        (contains(cause, "flake.nix") && contains(cause, "does not exist")))
        return Failure(FailureKind::usage, "there is no flake.nix in " + shown + " or above it")
            .with_hint(std::string(name_the_flake));
    // 2.8 runs `git diff`, which refuses such a repository and prints its usage (exit code 129).
    if (contains(cause, "not owned by current user") || contains(cause, "dubious ownership") ||
        contains(cause, "program 'git' failed with exit code 129"))
        return Failure(FailureKind::machine, "git refuses to read " + shown +
                                                 ", because another user owns it: " + cause.substr(0, cause.find('\n')))
            .with_hint("run `git config --global --add safe.directory " + shown + "`, or change the owner");
    if (contains(cause, "unexpected fragment"))
        return Failure(FailureKind::usage, cause)
            .with_hint("leave out '#' and what follows; choose hosts with --hosts");
    if (contains(cause, "is unsupported") || contains(cause, "is not a valid URL") || contains(cause, "is not a flake"))
        return Failure(FailureKind::usage, shown + " is no flake: " + cause);
    if (contains(cause, "No such file or directory") || contains(cause, "does not exist"))
        return Failure(FailureKind::usage, "the flake " + shown + " cannot be read: " + cause)
            .with_hint(std::string(name_the_flake));
    return failure;
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

// The directory of this machine that is meant; empty for any other reference.
fs::path directory_of(const FlakePlace& place) {
    if (!place.directory.empty()) return place.directory;
    std::string_view text = place.reference;
    for (std::string_view scheme : {"path:", "git+file://"})
        if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
    text = text.substr(0, text.find('?'));
    std::error_code ignored;
    for (fs::path directory : {fs::path(text), fs::path(nix::percent_decode(text))})
        if (fs::is_directory(directory, ignored)) return directory;
    return {};
}

Failure with_position(Failure failure, const std::optional<event::Position>& position) {
    if (!position || position->line == 0) return failure;
    auto place = position->file + ":" + std::to_string(position->line) + ":" + std::to_string(position->column);
    return std::move(failure).with_context("reading " + place);
}

void add_strings(const Json& object, const char* key, std::vector<std::string>& strings) {
    auto it = object.find(key);
    if (it == object.end()) return;
    auto add = [&strings](const Json& value) {
        if (!value.is_string()) return;
        auto text = value.get<std::string>();
        for (auto word : split_words(text))
            if (std::find(strings.begin(), strings.end(), word) == strings.end()) strings.emplace_back(word);
    };
    if (it->is_array())
        for (const auto& value : *it) add(value);
    else
        add(*it);
}

// nixConfig is not part of the metadata. flake.nix is read like any file: its head must be plain values, so nothing of
// the flake is evaluated. Without it we only know fewer upstreams.
async::Task<void> read_nix_config(const EvalSettings& settings, FlakeInfo& info) {
    if (info.directory.empty() && !info.source) co_return;
    auto tree = info.directory.empty() ? fs::path(info.source->to_string()) : info.directory;
    auto file = tree / info.subdirectory / "flake.nix";
    std::vector<std::string> command{
        "eval", "--impure", "--json", "--expr",
        "builtins.intersectAttrs { substituters = 1; extra-substituters = 1; trusted-public-keys = 1; "
        "extra-trusted-public-keys = 1; } ((import (/. + " +
            nix_string(file.string()) + ")).nixConfig or { })"};
    NixHooks silent{.on_message = [](event::Severity, const std::string&) {}, .on_start = {}};
    auto run = co_await run_nix(settings, std::move(command), version_deadline, "reading nixConfig", std::move(silent));
    if (!run || !run->status.success()) co_return;
    auto json = Json::parse(run->output, nullptr, false);
    if (!json.is_object()) co_return;
    for (const char* key : {"substituters", "extra-substituters"}) add_strings(json, key, info.extra_substituters);
    for (const char* key : {"trusted-public-keys", "extra-trusted-public-keys"})
        add_strings(json, key, info.extra_trusted_public_keys);
}

async::Task<Result<std::string>> read_version(const EvalSettings& settings) {
    if (!settings.nix_version.empty()) co_return settings.nix_version;
    async::ProcessSpec spec;
    spec.arguments = {"nix", "--version"};
    spec.environment = nix_environment(settings);
    if (!async::find_program("nix", spec.environment))
        co_return Failure(FailureKind::machine, "there is no program 'nix' on PATH")
            .with_hint("install Nix 2.8 or newer (https://nixos.org/download), or put its directory on PATH");
    CO_TRY(finished, co_await async::run_process(std::move(spec), version_deadline));
    CO_TRY(version, nix::parse_version(finished.output.empty() ? finished.error : finished.output));
    co_return std::move(version.text);
}

// Where the tree lies in the store, in what `nix flake archive --json` printed.
std::optional<nix::StorePath> archived_source(std::string_view json) {
    auto object = Json::parse(json, nullptr, false);
    if (!object.is_object()) return {};
    auto path = nix::StorePath::parse(text_at(object, "path"));
    if (!path) return {};
    return std::move(*path);
}

} // namespace

Result<FlakeInfo> parse_metadata(std::string_view json) {
    auto not_understood = [&] {
        return Failure(FailureKind::protocol, "'nix flake metadata' printed something else than metadata: '" +
                                                  ellipsize(sanitize(trim(json)), 200) + "'");
    };
    auto object = Json::parse(json, nullptr, false);
    if (!object.is_object()) return not_understood();
    // Determinate Nix with lazy trees has not copied the tree yet, and names no path.
    std::optional<nix::StorePath> source;
    if (object.contains("path")) {
        auto path = nix::StorePath::parse(text_at(object, "path"));
        if (!path) return not_understood();
        source = std::move(*path);
    }
    auto resolved = object.value("resolved", Json::object());
    if (!resolved.is_object() || text_at(resolved, "type").empty()) return not_understood();
    FlakeInfo info{.nix_version = {},
                   .url = text_at(object, "url"),
                   .revision = text_at(object, "revision"),
                   .dirty = false,
                   .source = std::move(source),
                   .directory = work_tree(resolved),
                   .subdirectory = text_at(resolved, "dir"),
                   .extra_substituters = {},
                   .extra_trusted_public_keys = {}};
    info.dirty = info.revision.empty() && text_at(resolved, "type") == "git";
    return info;
}

SourceMap source_map(const FlakeInfo& info) {
    return {.source = info.source, .directory = info.directory, .url = info.url};
}

async::Task<Result<OpenedFlake>> open_flake(const EvalSettings& settings, NixHooks hooks,
                                            std::optional<event::Position>& position) {
    auto version = co_await read_version(settings);
    if (!version) co_return std::move(version).error();

    auto place = place_flake(settings.flake);
    const auto& shown = place.shown;
    std::vector<std::string> metadata{"flake", "metadata", "--json", "--no-update-lock-file", place.reference};
    auto run = co_await run_nix(settings, std::move(metadata), flake_deadline, "reading the flake " + shown, hooks,
                                place.directory);
    if (!run) co_return std::move(run).error();
    if (!run->status.success()) {
        SourceMap sources;
        if (run->log.error()) {
            sources = guess_source(*run->log.error(), directory_of(place));
            position = locate(*run->log.error(), sources);
        }
        auto failure = explain(failure_of(*run, sources), shown);
        co_return with_position(std::move(failure), position).with_context("reading the flake " + shown);
    }
    auto info = parse_metadata(run->output);
    if (!info) co_return std::move(info).error();
    info->nix_version = *version;
    OpenedFlake opened{.info = std::move(*info), .reference = place.reference, .directory = place.directory};
    if (opened.info.directory.empty() && !opened.info.url.empty()) {
        opened.reference = opened.info.url;
        opened.directory.clear();
    }

    // Once here, or every evaluator would fetch them beside the others. Inputs that nobody can fetch may also be inputs
    // that no host needs, so this is not yet a failure.
    std::vector<std::string> archive{"flake", "archive", "--json", "--no-update-lock-file", opened.reference};
    auto fetched = co_await run_nix(settings, std::move(archive), flake_deadline, "fetching the inputs of " + shown,
                                    hooks, opened.directory);
    if (!fetched) co_return std::move(fetched).error();
    if (fetched->status.success() && !opened.info.source) opened.info.source = archived_source(fetched->output);
    if (!fetched->status.success()) {
        auto failure = failure_of(*fetched, source_map(opened.info));
        if (contains(failure.cause(), "requires lock file changes"))
            co_return explain(std::move(failure), shown).with_context("reading the flake " + shown);
        if (hooks.on_message)
            hooks.on_message(event::Severity::warning,
                             "not all inputs of " + shown + " can be fetched: " + failure.cause());
    }
    co_await read_nix_config(settings, opened.info);
    co_return opened;
}

} // namespace cachefill::eval
