#include "shard/log_entry.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "nix/path_info.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <span>

namespace cachefill::shard {

namespace {

using Json = nlohmann::json;

constexpr std::string_view file_name = "cachefill-shard.json";
constexpr std::array<std::string_view, 3> words{"started", "alive", "finished"};

std::span<const std::string> last_lines(const FailedBuild& build) {
    return std::span(build.log_tail).last(std::min(build.log_tail.size(), LogEntry::most_log_lines));
}

std::size_t size_of(const FailedBuild& build) {
    auto size = build.derivation.size() + build.name.size() + std::min(build.error.size(), LogEntry::longest_line);
    for (const auto& line : last_lines(build)) size += std::min(line.size(), LogEntry::longest_line);
    return size;
}

Json encode(const FailedBuild& build) {
    auto log = Json::array();
    for (const auto& line : last_lines(build)) log.push_back(ellipsize(line, LogEntry::longest_line));
    return {{"derivation", build.derivation},
            {"name", build.name},
            {"error", ellipsize(build.error, LogEntry::longest_line)},
            {"log", std::move(log)}};
}

Result<FailedBuild> failed_in(const Json& json) {
    FailedBuild failed;
    TRY(path, nix::StorePath::parse(json.at("derivation").get<std::string>()));
    failed.derivation = path.to_string();
    failed.name = clean_foreign(json.at("name").get<std::string>());
    failed.error = clean_foreign(json.at("error").get<std::string>());
    for (const auto& line : json.at("log")) failed.log_tail.push_back(clean_foreign(line.get<std::string>()));
    return failed;
}

Result<DoneBuild> done_in(const Json& json) {
    TRY(path, nix::StorePath::parse(json.at("derivation").get<std::string>()));
    std::chrono::milliseconds took(json.at("ms").get<std::int64_t>());
    if (took.count() < 0) return Failure(FailureKind::protocol, "it tells of a build that took less than no time");
    return DoneBuild{.derivation = path.to_string(),
                     .name = clean_foreign(json.at("name").get<std::string>()),
                     .platform = clean_foreign(json.at("platform").get<std::string>()),
                     .took = took};
}

Json encode(const DoneBuild& build) {
    return {{"derivation", build.derivation},
            {"name", build.name},
            {"platform", build.platform},
            {"ms", build.took.count()}};
}

Result<GivenBuilds> given_in(const Json& json) {
    GivenBuilds given;
    given.shard = json.at("shard");
    for (const auto& derivation : json.at("derivations")) {
        if (given.derivations.size() == LogEntry::most_given) break;
        TRY(path, nix::StorePath::parse(derivation.get<std::string>()));
        given.derivations.push_back(path.to_string());
    }
    return given;
}

// Keys that earlier versions did not write.
Result<void> read_later_keys(const Json& json, LogEntry& entry) {
    entry.left = std::chrono::milliseconds(json.value("left_ms", std::int64_t{0}));
    for (const auto& one : json.value("done", Json::array())) {
        TRY(done, done_in(one));
        entry.done.push_back(std::move(done));
    }
    if (json.contains("claimed")) {
        TRY(claimed, given_in(json.at("claimed")));
        entry.claimed = std::move(claimed);
    }
    for (const auto& one : json.value("given", Json::array())) {
        TRY(given, given_in(one));
        entry.given.push_back(std::move(given));
    }
    return {};
}

Json encode(const GivenBuilds& given) { return {{"shard", given.shard}, {"derivations", given.derivations}}; }

Result<LogEntry> entry_in(const Json& json) {
    if (json.at("cachefill_shard") != LogEntry::format_version)
        return Failure(FailureKind::protocol, "it has a format that is not known here");
    LogEntry entry;
    entry.run = json.at("run");
    entry.shard = json.at("shard");
    entry.number = json.at("number");
    auto said = std::find(words.begin(), words.end(), json.at("said").get<std::string>());
    if (said == words.end()) return Failure(FailureKind::protocol, "it says something that is not known here");
    entry.said = static_cast<LogEntry::Said>(said - words.begin());
    for (const auto& one : json.at("failed")) {
        TRY(failed, failed_in(one));
        entry.failed.push_back(std::move(failed));
    }
    TRY_VOID(read_later_keys(json, entry));
    return entry;
}

} // namespace

nix::StorePath entry_path(std::string_view run, std::size_t shard, std::uint64_t number) {
    auto what = "entry " + std::to_string(number) + " of shard " + std::to_string(shard) + " of " + std::string(run);
    return nix::text_path(file_name, what).first;
}

bool add_failed(LogEntry& entry, FailedBuild build) {
    auto size = size_of(build);
    for (const auto& known : entry.failed) size += size_of(known);
    if (entry.failed.size() == LogEntry::most_failures || size > LogEntry::most_failure_text) return false;
    entry.failed.push_back(std::move(build));
    return true;
}

bool add_done(LogEntry& entry, DoneBuild build) {
    if (entry.done.size() == LogEntry::most_done) return false;
    entry.done.push_back(std::move(build));
    return true;
}

std::string to_json(const LogEntry& entry) {
    auto failed = Json::array();
    for (const auto& build : entry.failed) failed.push_back(encode(build));
    Json json{{"cachefill_shard", LogEntry::format_version},
              {"run", entry.run},
              {"shard", entry.shard},
              {"number", entry.number},
              {"said", words.at(static_cast<std::size_t>(entry.said))},
              {"failed", std::move(failed)}};
    for (const auto& build : entry.done) json["done"].push_back(encode(build));
    if (entry.left.count() > 0) json["left_ms"] = entry.left.count();
    if (entry.claimed) json["claimed"] = encode(*entry.claimed);
    for (const auto& given : entry.given) json["given"].push_back(encode(given));
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<LogEntry> parse_log_entry(std::string_view json, std::string_view run, std::size_t shard, std::uint64_t number) {
    auto wrong = [&](const std::string& why) {
        return Failure(FailureKind::protocol,
                       "what shard " + std::to_string(shard) + " says cannot be read: " + sanitize(why));
    };
    try {
        auto entry = entry_in(Json::parse(json));
        if (!entry) return wrong(entry.error().one_line());
        if (entry->run != run || entry->shard != shard || entry->number != number)
            return wrong("it is of another run, shard or number");
        return entry;
    } catch (const Json::exception& error) {
        return wrong(error.what());
    }
}

} // namespace cachefill::shard
