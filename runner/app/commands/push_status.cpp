// cachefill push --status: what the service of this machine is about.
#include "app/commands/commands.hpp"
#include "async/clock.hpp"
#include "base/named_output.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "base/version.hpp"
#include "desktop/queue.hpp"
#include "github/commands.hpp"
#include "options/command_line.hpp"
#include "options/exit_code.hpp"
#include "options/state_directory.hpp"
#include "report/run_report.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace cachefill::app {

using namespace std::chrono_literals;

namespace {

using Json = nlohmann::ordered_json;
using desktop::CacheStatus;
using desktop::Time;

constexpr const char* service_directory = "/var/lib/cachefill"; // of the system service that nix/module.nix sets up
constexpr auto rate_window = 10min;

// The directory asked for, or the one that holds a queue: this user's, or the system service's.
std::filesystem::path find_directory(const options::Settings& settings, const Environment& environment) {
    auto own = state_directory_of(settings, environment);
    std::error_code ignored;
    bool is_given = !settings.state_directory.empty() || !environment.get_or("STATE_DIRECTORY").empty();
    if (is_given || std::filesystem::exists(own / "queue.db", ignored)) return own;
    std::filesystem::path service(service_directory);
    return std::filesystem::exists(service / "queue.db", ignored) ? service : own;
}

std::string ago(Time then, Time now) { return human_duration(std::max<std::chrono::milliseconds>(now - then, 0ms)); }

std::string iso(Time time) {
    auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

Json to_json(const CacheStatus& status) {
    auto optional_time = [](const std::optional<Time>& time) { return time ? Json(iso(*time)) : Json(); };
    Json json;
    json["name"] = status.name;
    json["uri"] = status.uri;
    json["optional"] = status.is_optional;
    json["waiting"] = status.waiting;
    json["waiting_bytes"] = status.waiting_bytes;
    json["failing"] = status.failing;
    json["oldest"] = optional_time(status.oldest);
    json["pushed"] = status.pushed;
    json["pushed_bytes"] = status.pushed_bytes;
    json["present"] = status.present;
    json["gone"] = status.gone;
    json["withheld"] = status.withheld;
    json["bytes_per_second"] =
        status.recent_bytes / static_cast<std::uint64_t>(std::chrono::seconds(rate_window).count());
    json["last_push"] = optional_time(status.last_push);
    json["last_error"] = status.last_error;
    json["last_error_at"] = optional_time(status.last_error_at);
    json["next_try"] = optional_time(status.next_try);
    return json;
}

std::string to_text(const CacheStatus& status, Time now) {
    auto text = status.name + (status.is_optional ? " (optional)" : "") + "\n  ";
    if (status.waiting == 0)
        text += "nothing waits";
    else
        text += counted(status.waiting, "path") + (status.waiting == 1 ? " waits, " : " wait, ") +
                human_bytes(status.waiting_bytes) + ", the oldest for " + ago(*status.oldest, now);
    if (status.failing > 0) text += "; " + std::to_string(status.failing) + " failed before";
    text += "\n  " + counted(status.pushed, "path") + " pushed, " + human_bytes(status.pushed_bytes);
    if (status.last_push) text += ", the last " + ago(*status.last_push, now) + " ago";
    if (status.recent_bytes > 0)
        text +=
            ", " +
            human_bytes(status.recent_bytes / static_cast<std::uint64_t>(std::chrono::seconds(rate_window).count())) +
            "/s in the last ten minutes";
    if (status.present > 0) text += "; " + std::to_string(status.present) + " were there already";
    if (status.gone > 0) text += "; " + std::to_string(status.gone) + " were garbage-collected before";
    if (status.withheld > 0) text += "; " + std::to_string(status.withheld) + " stay here";
    text += "\n";
    if (!status.last_error.empty()) {
        text += "  last error";
        if (status.last_error_at) text += ", " + ago(*status.last_error_at, now) + " ago";
        text += ": " + sanitize(status.last_error) + "\n";
        if (status.next_try && *status.next_try > now)
            text += "  next try in " + human_duration(*status.next_try - now) + "\n";
    }
    return text;
}

} // namespace

async::Task<int> push_status(CommandContext& context) {
    const auto& settings = context.session.settings();
    auto directory = find_directory(settings, context.session.environment());
    auto now = std::chrono::floor<std::chrono::milliseconds>(context.session.clock().wall_time());
    auto fail = [&context](Failure failure) {
        context.console.print_error(failure);
        return static_cast<int>(options::ExitCode::machine);
    };
    auto queue = desktop::Queue::read(directory);
    if (!queue)
        co_return fail(std::move(queue).error().with_hint("ask as the user that the service runs as, or as root"));
    if (!*queue)
        co_return fail(
            Failure(FailureKind::machine, "no service has run here: there is no queue in " + directory.string())
                .with_hint("'cachefill push --watch' is the service; --state-directory names its directory"));
    auto caches = (*queue)->status(now);
    if (!caches) co_return fail(std::move(caches).error());
    bool is_running = desktop::Queue::is_owned(directory);
    Json json;
    json["schema_version"] = 1;
    json["command"] = "push --status";
    json["version"] = version;
    json["running"] = is_running;
    json["directory"] = directory.string();
    json["caches"] = Json::array();
    std::string text = (is_running ? "the service is running" : "the service is not running") +
                       std::string("; queue in ") + directory.string() + "\n";
    for (const auto& status : *caches) {
        json["caches"].push_back(to_json(status));
        text += to_text(status, now);
    }
    auto encoded = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    if (settings.json == "-") {
        std::fputs(github::harmless_json(std::move(encoded)).c_str(), stdout);
        co_return static_cast<int>(options::ExitCode::complete);
    }
    if (!settings.json.empty())
        if (auto written = write_named_file(settings.json, encoded); !written)
            co_return fail(std::move(written).error());
    context.console.say(stdout, text);
    co_return static_cast<int>(options::ExitCode::complete);
}

} // namespace cachefill::app
