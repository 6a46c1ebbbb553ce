#include "eval/flake.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "eval/expression.hpp"
#include "eval/flake_failure.hpp"
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
    return fs::path(percent_decode(path.substr(0, path.find('?')))).lexically_normal();
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
    NixCommand command;
    command.arguments = {"eval", "--impure", "--json", "--expr",
                         "builtins.intersectAttrs { substituters = 1; extra-substituters = 1; trusted-public-keys = 1; "
                         "extra-trusted-public-keys = 1; } ((import (/. + " +
                             nix_string(file.string()) + ")).nixConfig or { })"};
    command.doing = "reading nixConfig";
    command.deadline = std::min(settings.deadline, version_deadline);
    command.evaluating.emplace(Evaluating{.flake = info, .impure = true});
    NixHooks silent{.on_message = [](event::Severity, const std::string&) {}, .on_start = {}};
    auto run = co_await run_nix(settings, std::move(command), std::move(silent));
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
                   .archive = {},
                   .lock = object.contains("locks") ? object["locks"].dump() : std::string(),
                   .extra_substituters = {},
                   .extra_trusted_public_keys = {}};
    info.dirty = info.revision.empty() && text_at(resolved, "type") == "git";
    return info;
}

SourceMap source_map(const FlakeInfo& info) {
    return {.source = info.source, .directory = info.directory, .url = info.url};
}

async::Task<Result<OpenedFlake>> read_flake(const EvalSettings& settings, NixHooks hooks,
                                            std::optional<event::Position>& position) {
    auto version = co_await read_version(settings);
    if (!version) co_return std::move(version).error();

    auto place = place_flake(settings.flake);
    const auto& shown = place.shown;
    if (place.directory.empty() && nix::has_login(place.reference))
        co_return Failure(FailureKind::usage, "the address of the flake " + shown +
                                                  " holds a login, which everybody on this machine would see while Nix "
                                                  "and git run")
            .with_hint("leave the login out of the address; Nix takes it from netrc or access-tokens, and git from its "
                       "credential helper");
    NixCommand metadata;
    metadata.arguments = {"flake", "metadata", "--json", "--no-update-lock-file", place.reference};
    metadata.doing = "reading the flake " + shown;
    metadata.deadline = settings.deadline;
    metadata.directory = place.directory;
    metadata.tree = place.tree;
    auto run = co_await run_nix(settings, std::move(metadata), hooks);
    if (!run) co_return std::move(run).error();
    if (!run->status.success()) {
        auto failure = co_await flake_failure(*run, settings, place, *version, position);
        co_return std::move(failure).with_context("reading the flake " + shown);
    }
    auto info = parse_metadata(run->output);
    if (!info) co_return std::move(info).error();
    info->nix_version = *version;
    OpenedFlake opened{.info = std::move(*info), .reference = place.reference, .directory = place.directory};
    if (opened.info.directory.empty() && !opened.info.url.empty()) {
        opened.reference = opened.info.url;
        opened.directory.clear();
    }
    co_await read_nix_config(settings, opened.info);
    co_return opened;
}

async::Task<Result<void>> fetch_inputs(const EvalSettings& settings, OpenedFlake& flake, NixHooks hooks,
                                       std::optional<event::Position>& position) {
    auto place = place_flake(settings.flake);
    const auto& shown = place.shown;
    // Once here, or every evaluator would fetch them beside the others. Inputs that nobody can fetch may also be inputs
    // that no host needs, so this is not yet a failure.
    NixCommand archive;
    archive.arguments = {"flake", "archive", "--json", "--no-update-lock-file", flake.reference};
    archive.doing = "fetching the inputs of " + shown;
    archive.deadline = settings.deadline;
    archive.directory = flake.directory;
    archive.tree = flake.info.directory;
    auto fetched = co_await run_nix(settings, std::move(archive), hooks);
    if (!fetched) co_return std::move(fetched).error();
    if (fetched->status.success() && !flake.info.source) flake.info.source = archived_source(fetched->output);
    if (fetched->status.success()) flake.info.archive = fetched->output;
    if (!fetched->status.success()) {
        if (fetched->complaint() == Complaint::lock_out_of_date) {
            auto failure = co_await flake_failure(*fetched, settings, place, flake.info.nix_version, position);
            co_return std::move(failure).with_context("reading the flake " + shown);
        }
        auto failure = failure_of(*fetched, source_map(flake.info));
        if (hooks.on_message)
            hooks.on_message(event::Severity::warning,
                             "not all inputs of " + shown + " can be fetched: " + failure.cause());
    }
    co_return Result<void>();
}

} // namespace cachefill::eval
