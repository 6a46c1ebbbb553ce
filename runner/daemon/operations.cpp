#include "daemon/operations.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace cachefill::daemon {

namespace {

enum GarbageAction : std::uint64_t { return_dead = 1, delete_specific = 3 };
constexpr std::uint64_t information = 3; // verbosity of messages
constexpr std::uint64_t vomit = 7;       // verbosity of build logs: they come as results anyway

WireWriter begin(Operation operation) {
    WireWriter writer;
    writer.word(static_cast<std::uint64_t>(operation));
    return writer;
}

Request make_request(Operation operation, WireWriter& writer, std::string doing) {
    return Request(operation, writer.take(), std::move(doing));
}

Request about_path(Operation operation, const nix::StorePath& path, const std::string& doing) {
    auto writer = begin(operation);
    writer.path(path);
    auto request = make_request(operation, writer, doing + " " + path.to_string());
    request.path = path;
    return request;
}

// Output names have the alphabet of store path names.
bool is_output_name(std::string_view name) {
    auto is_allowed = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("+-._?=").find(c) != std::string_view::npos;
    };
    return !name.empty() && std::all_of(name.begin(), name.end(), is_allowed);
}

Result<void> write_derived_paths(const std::vector<DerivedPath>& paths, WireWriter& writer) {
    writer.word(paths.size());
    for (const auto& path : paths) {
        bool all = path.outputs.size() == 1 && path.outputs[0] == "*";
        for (const auto& output : path.outputs)
            if (!all && !is_output_name(output))
                return Failure(FailureKind::usage, "'" + sanitize(output) + "' cannot be the name of an output of " +
                                                       path.path.to_string());
        writer.string(path.to_wire());
    }
    return {};
}

Request garbage(GarbageAction action, const std::vector<nix::StorePath>& paths, std::string doing) {
    auto writer = begin(Operation::collect_garbage);
    writer.word(action);
    writer.paths(paths);
    writer.word(0); // ignore liveness: always refused
    writer.word(std::numeric_limits<std::uint64_t>::max());
    for (int obsolete = 0; obsolete < 3; ++obsolete) writer.word(0);
    return make_request(Operation::collect_garbage, writer, std::move(doing));
}

std::optional<nix::PathInfo> read_path_info(const nix::StorePath& path, WireReader& reader) {
    if (!reader.flag()) return {};
    auto deriver = reader.optional_path();
    auto digits = reader.string();
    auto references = reader.paths();
    auto registration_time = std::chrono::sys_seconds(std::chrono::seconds(reader.word()));
    auto nar_size = reader.word();
    auto ultimate = reader.flag();
    auto signatures = reader.strings();
    auto content_address = reader.string();
    if (!reader.ok()) return {};
    auto hash = codec::Hash::parse_digits(codec::HashAlgorithm::sha256, digits);
    if (!hash) {
        reader.fail(std::move(hash).error().with_context("reading the NAR hash of " + path.to_string()));
        return {};
    }
    return nix::PathInfo{path,
                         *hash,
                         nar_size,
                         std::move(references),
                         std::move(deriver),
                         registration_time,
                         ultimate,
                         std::move(signatures),
                         std::string(content_address)};
}

// A realisation: {"id": …, "outPath": base name, …}. Only that path means the same in every Nix.
Result<nix::StorePath> parse_realisation(std::string_view text) {
    auto json = nlohmann::json::parse(text, nullptr, false);
    auto path = json.is_object() ? json.find("outPath") : json.end();
    if (!json.is_object() || path == json.end() || !path->is_string())
        return Failure(FailureKind::protocol,
                       "the Nix daemon sent a realisation without a path: '" + ellipsize(sanitize(text), 200) + "'");
    const auto& base_name = path->get_ref<const std::string&>();
    return base_name.starts_with('/') ? nix::StorePath::parse(base_name) : nix::StorePath::parse_base_name(base_name);
}

BuildResult read_build_result(unsigned minor, WireReader& reader) {
    BuildResult result;
    result.derived_path = reader.string();
    auto status = reader.word();
    if (status <= static_cast<std::uint64_t>(BuildStatus::no_substituters))
        result.status = static_cast<BuildStatus>(status);
    auto message = reader.string();
    reader.word(); // times built
    reader.word(); // is not deterministic
    reader.word(); // start
    reader.word(); // stop
    if (minor >= 37)
        for (int usage = 0; usage < 2; ++usage) // CPU time, user and system
            if (reader.flag()) reader.word();
    reader.list(16, [&] {
        auto id = reader.string(); // "sha256:HEX!OUTPUT"
        auto realisation = reader.string();
        if (!reader.ok()) return;
        auto path = parse_realisation(realisation);
        if (path)
            result.outputs.emplace(id.substr(id.rfind('!') + 1), std::move(path).value());
        else
            reader.fail(std::move(path).error());
    });
    if (!reader.ok()) return {};
    result.error_message = trim(clean_foreign(message));
    return result;
}

OutputPaths read_output_paths(WireReader& reader) {
    OutputPaths outputs;
    reader.list(16, [&] {
        auto name = reader.string();
        auto path = reader.optional_path();
        if (reader.ok()) outputs.emplace(name, std::move(path));
    });
    return outputs;
}

} // namespace

std::string_view to_string(BuildStatus status) {
    static constexpr std::array<std::string_view, 15> names{
        "built",
        "substituted",
        "already valid",
        "failed",
        "input rejected",
        "output rejected",
        "failed for the moment",
        "failed before",
        "timed out",
        "failed for another reason",
        "dependency failed",
        "log limit exceeded",
        "not deterministic",
        "resolves to something already valid",
        "no substituters",
    };
    return names.at(static_cast<std::size_t>(status));
}

std::string DerivedPath::to_wire() const {
    auto text = path.to_string();
    if (!outputs.empty()) text += "!" + join(outputs, ",");
    return text;
}

Request set_options(const Options& options) {
    auto writer = begin(Operation::set_options);
    writer.word(options.keep_failed);
    writer.word(options.keep_going);
    writer.word(options.try_fallback);
    writer.word(information);
    writer.word(options.max_build_jobs);
    writer.word(options.max_silent_seconds);
    writer.word(1); // obsolete: use a build hook
    writer.word(vomit);
    writer.word(0); // obsolete: log type
    writer.word(0); // obsolete: print the build trace
    writer.word(options.build_cores);
    writer.word(options.use_substitutes);
    writer.map(options.overrides);
    return make_request(Operation::set_options, writer, "setting the Nix daemon's options");
}

Request query_valid_paths(const std::vector<nix::StorePath>& paths) {
    auto writer = begin(Operation::query_valid_paths);
    writer.paths(paths);
    writer.word(0); // do not substitute
    return make_request(Operation::query_valid_paths, writer,
                        "asking which of " + counted(paths.size(), "path") + " are valid");
}

Request query_path_info(const nix::StorePath& path) {
    return about_path(Operation::query_path_info, path, "asking for the path info of");
}

Result<Request> build_paths(const std::vector<DerivedPath>& paths, BuildMode mode) {
    auto writer = begin(Operation::build_paths_with_results);
    TRY_VOID(write_derived_paths(paths, writer));
    writer.word(static_cast<std::uint64_t>(mode));
    auto doing = "building " + (paths.size() == 1 ? paths[0].to_wire() : counted(paths.size(), "derived path"));
    return make_request(Operation::build_paths_with_results, writer, std::move(doing));
}

Result<Request> query_missing(const std::vector<DerivedPath>& paths) {
    auto writer = begin(Operation::query_missing);
    TRY_VOID(write_derived_paths(paths, writer));
    return make_request(Operation::query_missing, writer, "asking what the Nix daemon would build");
}

Request ensure_path(const nix::StorePath& path) { return about_path(Operation::ensure_path, path, "fetching"); }

Request add_temp_root(const nix::StorePath& path) {
    return about_path(Operation::add_temp_root, path, "protecting from garbage collection");
}

Result<Request> add_indirect_root(const std::filesystem::path& link) {
    if (!link.is_absolute() || link.native().find('\0') != std::string::npos)
        return Failure(FailureKind::usage, "a garbage collector root needs an absolute path, and '" +
                                               sanitize(link.native()) + "' is none");
    auto writer = begin(Operation::add_indirect_root);
    writer.string(link.native());
    return make_request(Operation::add_indirect_root, writer, "making " + sanitize(link.native()) + " a root");
}

Request query_derivation_outputs(const nix::StorePath& derivation) {
    return about_path(Operation::query_derivation_output_map, derivation, "asking for the outputs of");
}

Result<Request> query_realisation(const std::string& id) {
    if (!nix::is_realisation_id(id))
        return Failure(FailureKind::usage, "'" + ellipsize(sanitize(id), 200) + "' names no realisation");
    auto writer = begin(Operation::query_realisation);
    writer.string(id);
    return make_request(Operation::query_realisation, writer, "asking where " + id + " went");
}

Request add_objects() {
    auto writer = begin(Operation::add_multiple_to_store);
    writer.word(0); // do not repair
    writer.word(0); // do check signatures
    return make_request(Operation::add_multiple_to_store, writer, "adding store objects");
}

std::string objects_header(std::uint64_t count) {
    WireWriter writer;
    writer.word(count);
    return writer.take();
}

std::string path_info_for_import(const nix::PathInfo& info) {
    WireWriter writer;
    writer.path(info.path);
    writer.string(info.deriver ? info.deriver->to_string() : std::string());
    writer.string(info.nar_hash.to_base16());
    writer.paths(info.references);
    writer.word(0); // registration time: of whoever adds it
    writer.word(info.nar_size);
    writer.word(0); // ultimate
    writer.word(info.signatures.size());
    for (const auto& signature : info.signatures) writer.string(signature);
    writer.string(info.content_address);
    return writer.take();
}

Request find_dead() { return garbage(return_dead, {}, "asking for the paths that no root keeps"); }

Request delete_paths(const std::vector<nix::StorePath>& paths) {
    return garbage(delete_specific, paths, "deleting " + counted(paths.size(), "store path"));
}

Reply read_reply(const Request& request, unsigned minor, WireReader& reader) {
    switch (request.operation) {
    case Operation::set_options:
    case Operation::add_multiple_to_store:
        break;
    case Operation::ensure_path:
    case Operation::add_temp_root:
    case Operation::add_indirect_root:
        reader.word(); // 1
        break;
    case Operation::query_valid_paths:
        return reader.paths();
    case Operation::query_path_info:
        return read_path_info(*request.path, reader);
    case Operation::query_derivation_output_map:
        return read_output_paths(reader);
    case Operation::query_realisation: {
        std::optional<nix::Realisation> realisation; // a list of one or none
        reader.list(8, [&] {
            auto text = reader.string();
            if (!reader.ok()) return;
            auto parsed = nix::Realisation::parse(text);
            if (parsed)
                realisation = std::move(parsed).value();
            else
                reader.fail(std::move(parsed).error());
        });
        return realisation;
    }
    case Operation::query_missing: {
        Missing missing;
        missing.to_build = reader.paths();
        missing.to_substitute = reader.paths();
        missing.unknown = reader.paths();
        missing.download_size = reader.word();
        missing.nar_size = reader.word();
        return missing;
    }
    case Operation::build_paths_with_results: {
        std::vector<BuildResult> results;
        reader.list(64, [&] {
            auto result = read_build_result(minor, reader);
            if (reader.ok()) results.push_back(std::move(result));
        });
        return results;
    }
    case Operation::collect_garbage: {
        Garbage collected;
        collected.paths = reader.paths();
        collected.bytes_freed = reader.word();
        reader.word(); // obsolete
        return collected;
    }
    }
    return std::monostate{};
}

} // namespace cachefill::daemon
