#include "cache/token_store.hpp"

#include "base/files.hpp"
#include "base/ownership.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cachefill::cache {

namespace fs = std::filesystem;

namespace {

constexpr unsigned of_others = S_IRWXG | S_IRWXO;

Failure not_private(const fs::path& path, const struct stat& status) {
    if (is_foreign(status))
        return Failure(FailureKind::auth, path.string() + " belongs to " + owner_of(status))
            .with_hint("a token is taken from files of this user or root; as root with sudo, 'sudo -H' has root's own");
    return Failure(FailureKind::auth, "others than its owner may get at " + path.string())
        .with_hint("chmod go= " + shell_word(path.string()));
}

// Whoever can change a directory on the way decides what lies there: that of a user is no place for root's tokens.
Result<void> check_way_to(const fs::path& directory) {
    auto why = why_not_ours_alone(directory);
    if (why.empty()) return {};
    return Failure(FailureKind::auth, why + ", so whoever that is decides what lies below")
        .with_hint(
            "a token is kept where only this user and root can change anything; as root with sudo, 'sudo -H' has "
            "root's own place");
}

Result<void> make_token_directory(const fs::path& directory) {
    TRY_VOID(check_way_to(directory.parent_path()));
    TRY_VOID(cachefill::create_directories(directory.parent_path()));
    if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return errno_failure("cannot create the directory", directory, errno);
    struct stat status {};
    if (::lstat(directory.c_str(), &status) != 0) return errno_failure("cannot examine", directory, errno);
    if (!S_ISDIR(status.st_mode))
        return Failure(FailureKind::auth, directory.string() + " is no directory, or a link to one");
    if (is_foreign(status) || (status.st_mode & of_others) != 0) return not_private(directory, status);
    return {};
}

Failure no_home() {
    return Failure(FailureKind::machine, "there is no place to keep a token: neither HOME nor XDG_CONFIG_HOME is set")
        .with_hint("in a step of GitHub Actions, and for a service, hand it over in CACHIX_AUTH_TOKEN");
}

} // namespace

fs::path configuration_home(const Environment& environment) {
    if (environment.get_or("GITHUB_ACTIONS") == "true") return {};
    fs::path given = environment.get_or("XDG_CONFIG_HOME");
    if (given.is_absolute()) return given;
    fs::path home = environment.get_or("HOME");
    return home.is_absolute() ? home / ".config" : fs::path();
}

Result<std::optional<std::string>> read_private_file(const fs::path& file, Links links) {
    // O_NONBLOCK: nobody waits at a pipe that stands there.
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (links == Links::refuse ? O_NOFOLLOW : 0);
    FileDescriptor opened(::open(file.c_str(), flags));
    if (!opened.is_open() && (errno == ENOENT || errno == ENOTDIR)) return std::optional<std::string>();
    if (!opened.is_open() && errno == ELOOP)
        return Failure(FailureKind::auth, file.string() + " is a link, and not followed");
    if (!opened.is_open()) return errno_failure("cannot open", file, errno);
    struct stat status {};
    if (::fstat(opened.get(), &status) != 0) return errno_failure("cannot examine", file, errno);
    if (!S_ISREG(status.st_mode)) return Failure(FailureKind::auth, file.string() + " is no regular file");
    if (is_foreign(status) || (status.st_mode & of_others) != 0) return not_private(file, status);
    TRY(content, read_opened(opened, file, longest_token_file));
    return std::optional<std::string>(std::move(content));
}

Result<std::string> read_named_secret(const fs::path& file, SecretKind kind) {
    FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!opened.is_open()) return errno_failure("cannot open", file, errno);
    struct stat status {};
    if (::fstat(opened.get(), &status) != 0) return errno_failure("cannot examine", file, errno);
    if (S_ISDIR(status.st_mode)) return errno_failure("cannot read", file, EISDIR);
    if (S_ISREG(status.st_mode) && is_foreign(status)) return not_private(file, status);
    const unsigned too_open = kind == SecretKind::token ? of_others & ~unsigned{S_IRGRP | S_IXGRP} : S_IWGRP | S_IWOTH;
    if (S_ISREG(status.st_mode) && (status.st_mode & too_open) != 0) return not_private(file, status);
    return read_opened(opened, file, longest_token_file);
}

Result<Secret> parse_token(std::string_view text, const std::string& where) {
    auto token = trim(text);
    auto unfit = [](unsigned char c) { return c <= ' ' || c >= 127; };
    if (std::any_of(token.begin(), token.end(), unfit))
        return Failure(FailureKind::usage, where + " holds blanks or characters that no token has")
            .with_hint("copy the token again; it is one word");
    return Secret(std::string(token));
}

Result<std::optional<Secret>> find_token_in(const Environment& environment, const std::string& variable,
                                            const std::string& file_variable) {
    TRY(token, parse_token(environment.get_or(variable), variable));
    if (!token.empty()) return std::optional<Secret>(std::move(token));
    auto path = file_variable.empty() ? std::string() : environment.get_or(file_variable);
    if (path.empty()) return std::optional<Secret>();
    auto content = read_named_secret(path, SecretKind::token);
    if (!content)
        return Failure(FailureKind::usage, content.error().one_line())
            .with_hint(content.error().hint())
            .with_context("reading the token that " + file_variable + " names");
    TRY(read, parse_token(*content, file_variable));
    return read.empty() ? std::optional<Secret>() : std::optional<Secret>(std::move(read));
}

fs::path token_file(const Environment& environment, const std::string& variable) {
    auto home = configuration_home(environment);
    return home.empty() ? fs::path() : home / "cachefill/tokens" / variable;
}

Result<std::optional<FoundToken>> find_stored_token(const Environment& environment, const std::string& variable) {
    auto file = token_file(environment, variable);
    if (file.empty()) return std::optional<FoundToken>();
    TRY(content, read_private_file(file, Links::refuse));
    if (!content) return std::optional<FoundToken>();
    auto source = "the file " + file.string();
    TRY(token, parse_token(*content, source));
    if (token.empty()) return Failure(FailureKind::auth, source + " is empty");
    return std::optional<FoundToken>(FoundToken{std::move(token), std::move(source)});
}

Result<fs::path> store_token(const Environment& environment, const std::string& variable, const Secret& token) {
    auto file = token_file(environment, variable);
    if (file.empty()) return no_home();
    TRY_VOID(make_token_directory(file.parent_path()));
    TRY_VOID(write_file_atomically(file, std::string(token.reveal()) + "\n", S_IRUSR | S_IWUSR));
    return file;
}

Result<bool> forget_token(const Environment& environment, const std::string& variable) {
    auto file = token_file(environment, variable);
    if (file.empty()) return no_home();
    if (::unlink(file.c_str()) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return errno_failure("cannot remove", file, errno);
}

} // namespace cachefill::cache
