#include "app/commands/commands.hpp"
#include "app/trust_lines.hpp"
#include "app/voice.hpp"
#include "base/files.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "cache/make_cache.hpp"
#include "nix/cache_settings.hpp"
#include "options/exit_code.hpp"
#include "options/typed.hpp"
#include "session/cache_credentials.hpp"

#include <algorithm>
#include <cstdio>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cachefill::app {

using async::Task;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 10s;

// Of attic: its own clients bring nothing that one of these keys has signed. cache.nixos.org every Nix asks anyway.
void tell_of_upstreams(const cache::CacheInfo& info) {
    auto names = info.upstream_key_names;
    std::erase(names, "cache.nixos.org-1");
    if (names.empty()) return;
    auto text = "note: whoever set up " + info.name +
                " expects that this machine has from elsewhere what is signed by " + join(names, ", ") +
                ": it may not be there\n";
    std::fputs(text.c_str(), stderr);
}

Task<Result<CacheToUse>> ask_cache(session::Session& session) {
    const auto& settings = session.settings();
    if (settings.cache.empty())
        co_return options::no_cache_named(settings,
                                          "name it: cachefill use NAME (of a Cachix cache), or its https:// address");
    CO_TRY(uri, cache::CacheUri::parse(settings.cache.reveal()));
    CO_TRY(credentials, session::credentials_for_own(settings, session.environment(), uri));
    async::RetryPolicy retry{.budget = patience};
    auto cache = session.make_cache(uri, std::move(credentials), retry, false);
    auto info = co_await cache->open();
    if (!info) co_return std::move(info).error().with_context("asking the cache " + uri.name + " for its public key");
    tell_of_upstreams(*info);
    CacheToUse told{.name = info->name, .url = info->substituter_url, .keys = {}, .is_public = info->is_public};
    for (const auto& key : info->public_keys) told.keys.push_back(key.to_string());
    for (const auto& key : settings.trusted_public_keys)
        if (std::find(told.keys.begin(), told.keys.end(), key) == told.keys.end()) told.keys.push_back(key);
    bool is_plain = nix::is_one_word(told.url) && std::all_of(told.keys.begin(), told.keys.end(), nix::is_one_word);
    if (!is_plain)
        co_return Failure(FailureKind::protocol, "the address or a key of the cache " + told.name +
                                                     " has characters that nix.conf does not take");
    co_return told;
}

// The machine's for root, else the user's own, which Nix reads after it.
fs::path nix_conf(const Environment& environment) {
    if (::geteuid() == 0) return fs::path(environment.get_or("NIX_CONF_DIR", "/etc/nix")) / "nix.conf";
    auto named = environment.get_or("NIX_USER_CONF_FILES");
    if (!named.empty()) return named.substr(0, named.find(':'));
    fs::path home = environment.get_or("XDG_CONFIG_HOME", environment.get_or("HOME") + "/.config");
    return home / "nix/nix.conf";
}

std::string user_name() {
    const auto* user = ::getpwuid(::geteuid());
    return user && user->pw_name ? user->pw_name : std::to_string(::geteuid());
}

std::vector<std::string> group_names() {
    std::vector<::gid_t> numbers(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
    auto count = ::getgroups(static_cast<int>(numbers.size()), numbers.data());
    numbers.resize(static_cast<std::size_t>(std::max(count, 0)));
    numbers.push_back(::getegid());
    std::vector<std::string> names;
    for (auto number : numbers)
        if (const auto* group = ::getgrgid(number)) names.emplace_back(group->gr_name);
    return names;
}

// What a user adds counts only if the daemon trusts him. A Nix before 2.9 does not tell, but its configuration does.
Task<Result<void>> check_trust(session::Session& session, std::string cache) {
    if (::geteuid() == 0) co_return Result<void>();
    auto findings = co_await session.find_store();
    if (!session.has_store()) {
        std::fputs("note: whether the Nix daemon lets this user add caches could not be asked\n", stderr);
        co_return Result<void>();
    }
    auto by_name = session.nix().by_name.find("trusted-users");
    auto listed = by_name == session.nix().by_name.end() ? std::string("root") : by_name->second;
    bool is_trusted =
        session.is_trusted() || (session.may_be_trusted() && is_among(listed, user_name(), group_names()));
    if (is_trusted) co_return Result<void>();
    co_return Failure(FailureKind::machine, "the Nix daemon does not trust the user " + user_name() +
                                                ", so it would take no notice of caches in this user's nix.conf; "
                                                "nothing was written")
        .with_hint(
            "add them for the whole machine: sudo cachefill use --apply " + shell_word(cache) +
            "; on NixOS by the lines that 'cachefill use' shows; or have the user added to trusted-users, which is "
            "as good as root");
}

// A diff without context, as everything is added at the end.
std::string diff_of(const fs::path& file, const std::string& before, const std::string& addition) {
    auto lines = std::count(before.begin(), before.end(), '\n') + (before.empty() || before.ends_with('\n') ? 0 : 1);
    auto more = std::count(addition.begin(), addition.end(), '\n');
    auto text = "--- " + file.string() + "\n+++ " + file.string() + "\n@@ -" + std::to_string(lines) + ",0 +" +
                std::to_string(lines + 1) + "," + std::to_string(more) + " @@\n";
    for (auto line : split(addition, '\n'))
        if (!line.empty()) text += "+" + std::string(line) + "\n";
    return text;
}

// Whoever made the link makes its contents, too, and would replace ours.
Result<std::string> read_conf(const fs::path& file) {
    std::error_code ignored;
    auto type = fs::symlink_status(file, ignored).type();
    if (type == fs::file_type::not_found) return std::string();
    if (type == fs::file_type::symlink)
        return Failure(FailureKind::machine, file.string() + " is a link: NixOS, home-manager or their like write it")
            .with_hint("put the lines that 'cachefill use' shows into that configuration");
    return read_file(file, 4 << 20);
}

Task<Result<void>> apply(session::Session& session, CacheToUse cache) {
    auto file = nix_conf(session.environment());
    CO_TRY(before, read_conf(file));
    auto addition = addition_to(before, cache);
    if (addition.empty()) {
        say(file.string() + " has it already; nothing was done\n");
        co_return Result<void>();
    }
    if (cache.keys.empty())
        co_return Failure(FailureKind::usage,
                          "the cache " + cache.name +
                              " does not tell its public key, without which Nix takes nothing of it")
            .with_hint("ask whoever fills it, and name it with --trusted-public-keys NAME:BASE64");
    if (!session.settings().dry_run) {
        auto name = std::string(session.settings().cache.shown());
        CO_TRY_VOID(co_await check_trust(session, std::move(name)));
    }
    say(diff_of(file, before, addition));
    if (session.settings().dry_run) co_return Result<void>();
    CO_TRY_VOID(cachefill::create_directories(file.parent_path()));
    struct stat status {};
    unsigned mode = ::stat(file.c_str(), &status) == 0 ? status.st_mode & 0777U : 0644U;
    auto text = before + (before.empty() || before.ends_with('\n') ? "" : "\n") + addition;
    CO_TRY_VOID(write_file_atomically(file, text, mode));
    say("written; this machine fetches from " + cache.url +
        (::geteuid() == 0 ? " as soon as its daemon has been started anew: systemctl restart nix-daemon\n" : " now\n"));
    co_return Result<void>();
}

Task<Result<void>> use(session::Session& session) {
    CO_TRY(cache, co_await ask_cache(session));
    if (session.settings().apply || session.settings().dry_run) co_return co_await apply(session, std::move(cache));
    auto release = read_file("/etc/os-release", 64 << 10);
    say(lines_for_everybody(cache, release ? parse_os_release(*release) : std::nullopt));
    co_return Result<void>();
}

} // namespace

Task<int> use_command(CommandContext& context) {
    auto done = co_await use(context.session);
    if (done) co_return static_cast<int>(options::ExitCode::complete);
    context.console.print_error(done.error());
    co_return static_cast<int>(options::exit_code_for(done.error().kind()));
}

} // namespace cachefill::app
