#include "daemon/settings.hpp"

#include "async/child_process.hpp"
#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "nix/version.hpp"

#include <nlohmann/json.hpp>

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
    explicit Reader(const std::map<std::string, std::string>& by_name) : by_name_(by_name) {}

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

  private:
    const std::map<std::string, std::string>& by_name_;
};

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

} // namespace

Result<Settings> parse_settings(std::string_view text) {
    auto document = json::parse(text, nullptr, false);
    if (!document.is_object())
        return Failure(FailureKind::protocol, "'nix show-config --json' printed " + human_bytes(text.size()) +
                                                  " that are not the JSON object expected");
    Settings settings;
    for (const auto& [name, setting] : document.items()) {
        if (name == "access-tokens" || !setting.is_object()) continue;
        auto value = setting.find("value");
        if (value != setting.end()) settings.by_name[name] = as_written(*value);
    }
    Reader reader(settings.by_name);
    settings.substituters = reader.words("substituters");
    settings.trusted_substituters = reader.words("trusted-substituters");
    settings.trusted_public_keys = reader.words("trusted-public-keys");
    settings.system = reader.text("system");
    settings.extra_platforms = reader.words("extra-platforms");
    settings.system_features = reader.words("system-features");
    settings.max_jobs = reader.number("max-jobs", 1);
    settings.cores = reader.number("cores", 0);
    settings.builders = reader.text("builders");
    settings.max_silent_time = reader.number("max-silent-time", 0);
    settings.timeout = reader.number("timeout", 0);
    settings.require_sigs = reader.flag("require-sigs", true);
    settings.sandbox = reader.text("sandbox");
    settings.substitute = reader.flag("substitute", true);
    settings.always_allow_substitutes = reader.flag("always-allow-substitutes", false);
    settings.netrc_file = reader.text("netrc-file");
    if (settings.system.empty())
        return Failure(FailureKind::protocol, "'nix show-config --json' does not name this machine's system");
    return settings;
}

async::Task<Result<Settings>> effective_settings(Environment environment, std::vector<std::string> arguments) {
    std::vector<std::string> version_question{"--version"};
    CO_TRY(version_output, co_await run_nix(environment, std::move(version_question)));
    CO_TRY(version, nix::parse_version(version_output));
    std::vector<std::string> question{"--extra-experimental-features", "nix-command flakes", "show-config", "--json"};
    question.insert(question.end(), arguments.begin(), arguments.end());
    CO_TRY(output, co_await run_nix(std::move(environment), std::move(question)));
    CO_TRY(settings, parse_settings(output));
    settings.nix_version = std::move(version.text);
    co_return settings;
}

} // namespace cachefill::daemon
