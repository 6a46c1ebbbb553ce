#include "shard/bundle.hpp"

#include "base/foreign_json.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "eval/evaluated.hpp"
#include "nix/flake_url.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <random>

namespace cachefill::shard {

namespace {

using Json = nlohmann::json;
using nix::StorePath;

constexpr std::array target_kinds{eval::TargetKind::nixos,    eval::TargetKind::darwin, eval::TargetKind::home,
                                  eval::TargetKind::package,  eval::TargetKind::check,  eval::TargetKind::dev_shell,
                                  eval::TargetKind::attribute};

Json paths_to_json(const std::vector<StorePath>& paths) {
    auto list = Json::array();
    for (const auto& path : paths) list.push_back(path.to_string());
    return list;
}

Result<StorePath> path_in(const Json& json) { return StorePath::parse(json.get<std::string>()); }

Result<std::vector<StorePath>> paths_in(const Json& json) {
    std::vector<StorePath> paths;
    for (const auto& entry : json) {
        TRY(path, path_in(entry));
        paths.push_back(std::move(path));
    }
    return paths;
}

// What somebody will be shown.
std::string text_in(const Json& json) { return sanitize(json.get<std::string>()); }

std::vector<std::string> without_logins(std::vector<std::string> words) {
    std::erase_if(words, [](const std::string& word) { return nix::may_have_login(word); });
    return words;
}

// In what a host's configuration says of caches, which are lines of nix.conf (eval/host_settings.hpp).
std::string without_logins(const std::string& conf) {
    std::vector<std::string> lines;
    for (auto line : split(conf, '\n')) {
        auto name = line.substr(0, line.find('='));
        bool is_of_caches = name.find("substituters") != name.npos || name.find("binary-caches") != name.npos;
        if (!is_of_caches || name.size() == line.size()) {
            lines.emplace_back(line);
            continue;
        }
        std::vector<std::string> words;
        for (auto word : split_words(line.substr(name.size() + 1))) words.emplace_back(word);
        lines.push_back(std::string(name) + "= " + join(without_logins(std::move(words)), " "));
    }
    return join(lines, "\n");
}

Json encode(const eval::TargetRef& target) {
    return {{"kind", eval::to_string(target.kind)}, {"name", target.name}, {"attribute_path", target.attribute_path}};
}

Result<eval::TargetRef> target_in(const Json& json) {
    auto is_it = [&json](eval::TargetKind kind) { return json.at("kind") == eval::to_string(kind); };
    auto kind = std::find_if(target_kinds.begin(), target_kinds.end(), is_it);
    if (kind == target_kinds.end()) return Failure(FailureKind::protocol, "a target is of no kind that is known here");
    return eval::TargetRef{.kind = *kind, .name = json.at("name"), .attribute_path = json.at("attribute_path")};
}

Json encode(const eval::FlakeInfo& flake) {
    return {{"url", redact_url(flake.url)},
            {"revision", flake.revision},
            {"dirty", flake.dirty},
            {"source", flake.source ? flake.source->to_string() : std::string()},
            {"subdirectory", flake.subdirectory},
            {"extra_substituters", without_logins(flake.extra_substituters)},
            {"extra_trusted_public_keys", flake.extra_trusted_public_keys}};
}

Result<eval::FlakeInfo> flake_in(const Json& json, std::string nix_version) {
    eval::FlakeInfo flake;
    flake.nix_version = std::move(nix_version);
    flake.url = text_in(json.at("url"));
    flake.revision = text_in(json.at("revision"));
    flake.dirty = json.at("dirty");
    if (!json.at("source").get_ref<const std::string&>().empty()) {
        TRY(source, path_in(json.at("source")));
        flake.source = std::move(source);
    }
    flake.subdirectory = text_in(json.at("subdirectory"));
    flake.extra_substituters = json.at("extra_substituters");
    flake.extra_trusted_public_keys = json.at("extra_trusted_public_keys");
    return flake;
}

Json encode(const eval::EvaluatedTarget& evaluated) {
    auto printed = Json::parse(evaluated.printed, nullptr, false);
    if (auto settings = printed.find("settings"); settings != printed.end() && settings->is_object())
        if (auto conf = settings->find("conf"); conf != settings->end() && conf->is_string())
            *conf = without_logins(conf->get<std::string>());
    auto reads = Json::array();
    for (const auto& read : evaluated.read_by_evaluation)
        reads.push_back({{"derivation", read.derivation.to_string()}, {"outputs", read.outputs}});
    return {{"printed", std::move(printed)},
            {"impure", evaluated.impure},
            {"why_impure", evaluated.why_impure},
            {"read", std::move(reads)},
            {"unknown_reads", evaluated.unknown_reads},
            {"built", paths_to_json(evaluated.built_by_evaluation)},
            {"fetched", paths_to_json(evaluated.fetched_by_evaluation)},
            {"took_ms", evaluated.took.count()},
            {"peak_bytes", evaluated.peak_memory}};
}

Result<eval::EvaluatedTarget> evaluated_in(const eval::TargetRef& target, const Json& json) {
    TRY(evaluated,
        eval::parse_evaluated(target, json.at("printed").dump(-1, ' ', false, Json::error_handler_t::replace)));
    evaluated.impure = json.at("impure");
    evaluated.why_impure = text_in(json.at("why_impure"));
    for (const auto& entry : json.at("read")) {
        TRY(derivation, path_in(entry.at("derivation")));
        evaluated.read_by_evaluation.push_back({.derivation = std::move(derivation), .outputs = entry.at("outputs")});
    }
    evaluated.unknown_reads = json.at("unknown_reads");
    TRY(built, paths_in(json.at("built")));
    evaluated.built_by_evaluation = std::move(built);
    TRY(fetched, paths_in(json.at("fetched")));
    evaluated.fetched_by_evaluation = std::move(fetched);
    evaluated.took = std::chrono::milliseconds(json.at("took_ms").get<std::uint32_t>());
    evaluated.peak_memory = json.at("peak_bytes");
    return evaluated;
}

Json encode(const Failure& failure) {
    return {{"kind", to_string(failure.kind())},
            {"cause", failure.cause()},
            {"context", failure.context()},
            {"hint", failure.hint()}};
}

Failure failure_in(const Json& json) {
    auto kind = FailureKind::eval;
    for (auto known :
         {FailureKind::usage, FailureKind::auth, FailureKind::not_found, FailureKind::network, FailureKind::timeout,
          FailureKind::protocol, FailureKind::store, FailureKind::build, FailureKind::machine, FailureKind::internal})
        if (json.at("kind") == to_string(known)) kind = known;
    auto cause = text_in(json.at("cause"));
    Failure failure(kind, cause.empty() ? "it does not evaluate, and nothing says why" : std::move(cause));
    for (const auto& doing : json.at("context")) failure = std::move(failure).with_context(text_in(doing));
    return std::move(failure).with_hint(text_in(json.at("hint")));
}

Json encode(const BundledTarget& target) {
    Json json{{"target", encode(target.target)}};
    if (target.evaluated) json["evaluated"] = encode(*target.evaluated);
    if (target.failure) json["failure"] = encode(*target.failure);
    if (!target.needs_system.empty()) json["needs_system"] = target.needs_system;
    if (target.position)
        json["position"] = {
            {"file", target.position->file}, {"line", target.position->line}, {"column", target.position->column}};
    return json;
}

Result<BundledTarget> bundled_target_in(const Json& json) {
    BundledTarget bundled;
    TRY(target, target_in(json.at("target")));
    bundled.target = std::move(target);
    if (auto evaluated = json.find("evaluated"); evaluated != json.end()) {
        TRY(read, evaluated_in(bundled.target, *evaluated));
        bundled.evaluated = std::move(read);
        return bundled;
    }
    bundled.failure = failure_in(json.at("failure"));
    if (auto system = json.find("needs_system"); system != json.end()) bundled.needs_system = text_in(*system);
    if (auto position = json.find("position"); position != json.end())
        bundled.position = event::Position{
            .file = text_in(position->at("file")), .line = position->at("line"), .column = position->at("column")};
    return bundled;
}

Json encode(const BundleContents& contents) {
    auto withheld = Json::array();
    for (const auto& [path, why] : contents.withheld) withheld.push_back({{"path", path.to_string()}, {"why", why}});
    auto objects = Json::array();
    for (const auto& object : contents.objects)
        objects.push_back(Json::array({object.path.to_string(), object.info_bytes, object.nar_bytes}));
    return {{"objects", std::move(objects)},
            {"withheld", std::move(withheld)},
            {"expected", paths_to_json(contents.expected)}};
}

Result<BundleContents> contents_in(const Json& json) {
    BundleContents contents;
    constexpr std::uint64_t most = std::uint64_t{1} << 62; // of all together: no sum goes astray
    std::uint64_t left = most;
    for (const auto& entry : json.at("objects")) {
        TRY(path, path_in(entry.at(0)));
        BundledObject object{.path = std::move(path), .info_bytes = entry.at(1), .nar_bytes = entry.at(2)};
        if (object.info_bytes > left || object.nar_bytes > left - object.info_bytes)
            return Failure(FailureKind::protocol, "its objects have impossible sizes");
        left -= object.size();
        contents.objects.push_back(std::move(object));
    }
    for (const auto& entry : json.at("withheld")) {
        TRY(path, path_in(entry.at("path")));
        contents.withheld.insert_or_assign(std::move(path), text_in(entry.at("why")));
    }
    TRY(expected, paths_in(json.at("expected")));
    contents.expected = std::move(expected);
    return contents;
}

Result<Bundle> bundle_in(const Json& json) {
    if (auto store = json.at("store").get<std::string>(); store != nix::store_dir)
        return Failure(FailureKind::protocol, "it is of the store directory " + ellipsize(sanitize(store), 100) +
                                                  ", and this machine's is " + std::string(nix::store_dir));
    Bundle bundle;
    bundle.run = json.at("run");
    if (bundle.run.size() != 32 || bundle.run.find_first_not_of("0123456789abcdef") != std::string::npos)
        return Failure(FailureKind::protocol, "its run has no name");
    bundle.cachefill_version = text_in(json.at("cachefill_version"));
    bundle.nix_version = text_in(json.at("nix_version"));
    bundle.commit = text_in(json.at("commit"));
    bundle.branch = text_in(json.at("branch"));
    TRY(flake, flake_in(json.at("flake"), bundle.nix_version));
    bundle.flake = std::move(flake);
    bundle.lock_hash = text_in(json.at("lock_hash"));
    bundle.source_hash = text_in(json.at("source_hash"));
    for (const auto& entry : json.at("hosts")) {
        TRY(host, target_in(entry));
        bundle.hosts.push_back(std::move(host));
    }
    for (const auto& entry : json.at("targets")) {
        TRY(target, bundled_target_in(entry));
        bundle.targets.push_back(std::move(target));
    }
    if (const auto& complete = json.at("complete"); !complete.is_null()) bundle.complete = complete.dump();
    TRY(cut, report::parse_shards(json.at("cut").dump()));
    bundle.cut = std::move(cut);
    TRY(contents, contents_in(json.at("contents")));
    bundle.contents = std::move(contents);
    return bundle;
}

} // namespace

std::uint64_t BundleContents::derivations() const {
    auto is_one = [](const BundledObject& object) { return object.path.is_derivation(); };
    return static_cast<std::uint64_t>(std::count_if(objects.begin(), objects.end(), is_one));
}

std::uint64_t BundleContents::nar_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& object : objects) sum += object.nar_bytes;
    return sum;
}

std::uint64_t BundleContents::payload_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& object : objects) sum += object.size();
    return sum;
}

const BundledTarget* Bundle::find(const eval::TargetRef& target) const {
    auto is_it = [name = target.display()](const BundledTarget& known) { return known.target.display() == name; };
    auto found = std::find_if(targets.begin(), targets.end(), is_it);
    return found == targets.end() ? nullptr : &*found;
}

std::string new_run_name() {
    std::random_device device;
    std::array<unsigned, 4> words{device(), device(), device(), device()};
    return codec::to_base16({reinterpret_cast<const char*>(words.data()), sizeof words});
}

std::string to_json(const Bundle& bundle) {
    Json json{{"run", bundle.run},
              {"cachefill_version", bundle.cachefill_version},
              {"nix_version", bundle.nix_version},
              {"store", nix::store_dir},
              {"commit", bundle.commit},
              {"branch", bundle.branch},
              {"flake", encode(bundle.flake)},
              {"lock_hash", bundle.lock_hash},
              {"source_hash", bundle.source_hash},
              {"hosts", Json::array()},
              {"targets", Json::array()},
              {"complete", nullptr},
              {"cut", Json::parse(report::shards_json(bundle.cut))},
              {"contents", encode(bundle.contents)}};
    for (const auto& host : bundle.hosts) json["hosts"].push_back(encode(host));
    for (const auto& target : bundle.targets) json["targets"].push_back(encode(target));
    if (!bundle.complete.empty()) json["complete"] = Json::parse(bundle.complete);
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Bundle> parse_bundle_header(std::string_view text) {
    auto wrong = [](const std::string& why) {
        return Failure(FailureKind::protocol, "its header cannot be read: " + sanitize(why));
    };
    auto json = parse_foreign_json(text);
    if (!json.is_object()) return wrong("it is no JSON");
    try {
        auto bundle = bundle_in(json);
        if (!bundle) return wrong(bundle.error().one_line());
        return bundle;
    } catch (const Json::exception& error) {
        return wrong(error.what());
    }
}

} // namespace cachefill::shard
