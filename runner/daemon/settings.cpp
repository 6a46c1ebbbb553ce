#include "daemon/settings.hpp"

#include "async/child_process.hpp"
#include "async/together.hpp"
#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "nix/version.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <thread>

namespace cachefill::daemon {

namespace {

using nlohmann::json;

constexpr std::size_t output_limit = 16U << 20;
constexpr auto deadline = std::chrono::seconds(60);
constexpr std::string_view install_hint = "install Nix 2.8 or newer: https://nixos.org/download";

std::string scalar(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    return value.is_null() ? std::string() : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string as_written(const json& value) {
    std::vector<std::string> parts;
    if (value.is_array()) {
        for (const auto& item : value) parts.push_back(scalar(item));
    } else if (value.is_object()) {
        for (const auto& [name, item] : value.items()) parts.push_back(name + "=" + scalar(item));
    } else {
        return scalar(value);
    }
    return join(parts, " ");
}

class Reader {
  public:
    Reader(const std::map<std::string, std::string>& by_name, const std::map<std::string, std::string>& defaults)
        : by_name_(by_name), defaults_(defaults) {}

    std::string text(const std::string& name) const {
        auto found = by_name_.find(name);
        return found == by_name_.end() ? std::string() : found->second;
    }
    std::vector<std::string> words(const std::string& name) const {
        auto whole = text(name);
        auto words = split_words(whole);
        return {words.begin(), words.end()};
    }
    std::uint64_t number(const std::string& name, std::uint64_t otherwise) const {
        return parse_u64(text(name)).value_or(otherwise);
    }
    bool flag(const std::string& name, bool otherwise) const {
        auto value = text(name);
        return value.empty() ? otherwise : value == "true";
    }
    // Empty when it is as Nix has it anyway.
    std::string text_unless_default(const std::string& name) const {
        auto usual = defaults_.find(name);
        return usual != defaults_.end() && usual->second == text(name) ? std::string() : text(name);
    }
    std::optional<std::uint64_t> number_unless_default(const std::string& name) const {
        return parse_u64(text_unless_default(name));
    }
    std::optional<std::chrono::seconds> seconds_unless_default(const std::string& name) const {
        auto count = number_unless_default(name);
        if (!count) return {};
        return seconds(*count);
    }
    // Nobody waits for longer than a year, and clocks overflow.
    static std::chrono::seconds seconds(std::uint64_t count) {
        return std::chrono::seconds(std::min<std::uint64_t>(count, 365ULL * 24 * 3600));
    }

  private:
    const std::map<std::string, std::string>& by_name_;
    const std::map<std::string, std::string>& defaults_;
};

void read_building(const Reader& reader, Settings& settings) {
    settings.store = reader.text("store");
    settings.system = reader.text("system");
    settings.extra_platforms = reader.words("extra-platforms");
    settings.system_features = reader.words("system-features");
    settings.max_jobs = reader.text("max-jobs") == "auto" ? std::max(1U, std::thread::hardware_concurrency())
                                                          : reader.number("max-jobs", 1);
    settings.cores = reader.number("cores", 0);
    settings.builders = reader.text("builders");
    settings.max_silent_time = reader.number("max-silent-time", 0);
    settings.timeout = reader.number("timeout", 0);
    settings.fallback = reader.flag("fallback", false);
    settings.sandbox = reader.text("sandbox");
}

void read_fetching(const Reader& reader, Settings& settings) {
    settings.substituters = reader.words("substituters");
    settings.trusted_substituters = reader.words("trusted-substituters");
    settings.trusted_public_keys = reader.words("trusted-public-keys");
    settings.require_sigs = reader.flag("require-sigs", true);
    settings.substitute = reader.flag("substitute", true);
    settings.always_allow_substitutes = reader.flag("always-allow-substitutes", false);
    settings.netrc_file = reader.text("netrc-file");
    settings.ssl_cert_file = reader.text_unless_default("ssl-cert-file");
    settings.http_connections = reader.number_unless_default("http-connections");
    settings.connect_timeout = reader.seconds_unless_default("connect-timeout");
    settings.stalled_timeout = reader.seconds_unless_default("stalled-download-timeout");
    settings.download_attempts = reader.number_unless_default("download-attempts");
    settings.narinfo_absent_ttl = Reader::seconds(reader.number("narinfo-cache-negative-ttl", 3600));
    settings.narinfo_present_ttl = Reader::seconds(reader.number("narinfo-cache-positive-ttl", 30ULL * 24 * 3600));
}

async::Task<Result<std::string>> run_nix(Environment environment, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "nix");
    if (!async::find_program("nix", environment))
        co_return Failure(FailureKind::machine, "there is no program 'nix' on PATH")
            .with_hint(std::string(install_hint));
    async::ProcessSpec spec;
    spec.arguments = std::move(arguments);
    spec.environment = environment.without_our_secrets();
    auto command = "'" + join(spec.arguments, " ") + "'";
    CO_TRY(finished, co_await async::run_process(std::move(spec), deadline, output_limit));
    if (!finished.status.success()) {
        auto said = ellipsize(std::string(trim(clean_foreign(finished.error))), 2000);
        co_return Failure(FailureKind::machine,
                          command + " failed (" +
                              (finished.status.signal != 0 ? "signal " + std::to_string(finished.status.signal)
                                                           : "exit code " + std::to_string(finished.status.code)) +
                              ")" + (said.empty() ? "" : ": " + said));
    }
    co_return std::move(finished.output);
}

using Answer = std::optional<Result<std::string>>;

async::Task<void> ask_nix(Environment environment, std::vector<std::string> arguments, Answer& answer) {
    answer.emplace(co_await run_nix(std::move(environment), std::move(arguments)));
}

} // namespace

Result<Settings> parse_settings(std::string_view text) {
    auto document = json::parse(text, nullptr, false);
    if (!document.is_object())
        return Failure(FailureKind::protocol, "'nix show-config --json' printed " + human_bytes(text.size()) +
                                                  " that are not the JSON object expected");
    Settings settings;
    std::map<std::string, std::string> defaults;
    for (const auto& [name, setting] : document.items()) {
        if (!setting.is_object()) continue;
        auto value = setting.find("value"), usual = setting.find("defaultValue");
        if (value == setting.end()) continue;
        if (name == "access-tokens") {
            settings.access_tokens = Secret(as_written(*value));
            continue;
        }
        settings.by_name[name] = as_written(*value);
        if (usual != setting.end()) defaults[name] = as_written(*usual);
    }
    Reader reader(settings.by_name, defaults);
    read_building(reader, settings);
    read_fetching(reader, settings);
    if (settings.system.empty())
        return Failure(FailureKind::protocol, "'nix show-config --json' does not name this machine's system");
    return settings;
}

async::Task<Result<Settings>> effective_settings(Environment environment, std::vector<std::string> arguments) {
    std::vector<std::string> version_question{"--version"};
    std::vector<std::string> question{"--extra-experimental-features", "nix-command flakes", "show-config", "--json"};
    question.insert(question.end(), arguments.begin(), arguments.end());
    Answer version_output, output;
    // At once, since each takes as long as a program of Nix takes to start.
    auto both = [&](async::TaskGroup& group) {
        group.spawn(ask_nix(environment, std::move(version_question), version_output));
        group.spawn(ask_nix(environment, std::move(question), output));
    };
    co_await async::together(both);
    if (!*version_output) co_return std::move(*version_output).error();
    CO_TRY(version, nix::parse_version(**version_output));
    if (!*output) co_return std::move(*output).error();
    CO_TRY(settings, parse_settings(**output));
    settings.nix_version = version.text;
    settings.version = std::move(version);
    co_return settings;
}

} // namespace cachefill::daemon
