#include "cache/directory.hpp"

#include "base/files.hpp"
#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "cache/narinfo_record.hpp"
#include "cache/new_file.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace cachefill::cache {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t longest_text = 16ULL << 20;
constexpr auto leftovers_age = std::chrono::hours(24);

// Between cache.nixos.org (40) and nothing: as good as the official one.
nix::CacheInfoFile new_cache_info() {
    nix::CacheInfoFile info;
    info.want_mass_query = true;
    info.priority = 40;
    return info;
}

// Beside the directory, where only its user puts something.
Result<std::optional<std::string>> find_own_file(const fs::path& path) {
    if (::access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) return std::optional<std::string>();
    TRY(text, read_file(path, longest_text));
    return std::optional<std::string>(std::move(text));
}

// "cachefill-DIRECTORY-1" with only what is usual in a key's name.
std::string key_name(const fs::path& root) {
    auto name = root.filename().string();
    auto unusual = [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-');
    };
    std::replace_if(name.begin(), name.end(), unusual, '-');
    return "cachefill-" + name + "-1";
}

} // namespace

Result<nix::CacheInfoFile> Directory::read_info() const {
    auto place = root_ / "nix-cache-info";
    TRY(text, find_text("nix-cache-info"));
    if (!text) return nix::CacheInfoFile{};
    auto info = nix::CacheInfoFile::parse(*text);
    if (!info) return std::move(info).error().with_context("reading " + place.string());
    if (info->store_dir != nix::store_dir)
        return Failure(FailureKind::usage, root_.string() + " is a cache for the store " +
                                               quoted_reply(info->store_dir, 200) + ", not for " +
                                               std::string(nix::store_dir));
    return info;
}

Result<std::vector<nix::PublicKey>> Directory::read_public_keys() const {
    std::vector<nix::PublicKey> keys;
    TRY(text, read_contained(root_, public_key_file(), longest_text));
    if (!text) return keys;
    for (auto word : split_words(*text)) {
        auto key = nix::PublicKey::parse(word);
        if (!key) return std::move(key).error().with_context("reading " + public_key_file().string());
        keys.push_back(*std::move(key));
    }
    return keys;
}

Result<Directory::Opened> Directory::open_for_reading() const {
    std::error_code error;
    Opened opened;
    auto type = fs::status(root_, error).type();
    if (type == fs::file_type::not_found) {
        opened.notes.push_back("there is no directory " + root_.string() +
                               " yet, which makes an empty cache: the first run that pushes to it creates it");
        return opened;
    }
    if (error) return errno_failure("cannot look at", root_, error.value());
    if (type != fs::file_type::directory)
        return Failure(FailureKind::usage, root_.string() + " is no directory").with_hint("name another place");
    TRY(info, read_info());
    opened.info = std::move(info);
    TRY(keys, read_public_keys());
    opened.public_keys = std::move(keys);
    return opened;
}

Result<Directory::Opened> Directory::open_for_writing(std::optional<nix::SecretKey> key, bool trusted) const {
    TRY_VOID(cachefill::create_directories(nar_directory()));
    TRY_VOID(check_contained(root_, nar_directory()));
    // Finds out early whether we may write, also where every file below is there already.
    TRY_VOID(with_context(NewFile::create(nar_directory()), "preparing the cache " + root_.string()));
    TRY_VOID(create_new_file(root_ / "nix-cache-info", new_cache_info().to_string()));
    remove_leftovers();
    TRY(opened, open_for_reading());
    if (!key && !trusted) {
        TRY(made, find_or_make_key(opened.notes));
        key = made;
        opened.made_key = std::move(made);
    }
    if (key) TRY_VOID(make_public(key->public_key(), opened.public_keys));
    return opened;
}

Result<nix::SecretKey> Directory::find_or_make_key(std::vector<std::string>& notes) const {
    auto place = secret_key_file();
    TRY(existing, find_own_file(place));
    if (!existing) {
        auto text = nix::SecretKey::generate(key_name(root_)).to_secret_text();
        TRY(created,
            with_context(create_new_file(place, text.reveal(), 0600), "making a signing key beside " + root_.string()));
        if (created)
            notes.push_back("made a signing key for " + root_.string() + ": the secret half is " + place.string() +
                            ", consumers need the public one in " + public_key_file().string());
        // Another process may have been first: what is in the file counts.
        TRY(now, read_file(place, longest_text));
        existing = std::move(now);
    }
    Secret text(*std::move(existing));
    auto key = nix::SecretKey::parse(text);
    if (!key) return std::move(key).error().with_context("reading the signing key " + place.string());
    return key;
}

Result<void> Directory::make_public(const nix::PublicKey& key, std::vector<nix::PublicKey>& known) const {
    if (std::find(known.begin(), known.end(), key) != known.end()) return {};
    known.push_back(key);
    std::string text;
    for (const auto& each : known) text += each.to_string() + "\n";
    return write_file_atomically(public_key_file(), text);
}

void Directory::remove_leftovers() const {
    auto oldest = fs::file_time_type::clock::now() - leftovers_age;
    for (const auto& directory : {root_, nar_directory()}) {
        std::error_code error; // best effort: what cannot be removed only takes up space
        for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
            if (!it->path().filename().string().starts_with(NewFile::prefix)) continue;
            std::error_code vanished; // its writer may be done with it this very moment
            auto written = it->last_write_time(vanished);
            if (!vanished && written < oldest) fs::remove(it->path(), vanished);
        }
    }
}

Result<std::optional<std::string>> Directory::find_narinfo(const nix::StorePath& path) const {
    return find_text(narinfo_name(path));
}

Result<std::optional<std::string>> Directory::find_text(const std::string& name) const {
    return read_contained(root_, root_ / name, longest_text);
}

Result<std::optional<ContainedFile>> Directory::open_nar(const std::string& url) const {
    // As Nix 2.34 judges; 2.26 and before follow the URL wherever it leads.
    fs::path relative(url);
    auto is_step = [](const fs::path& part) { return part == ".." || part == "."; };
    bool leads_out =
        url.find("://") != url.npos || relative.is_absolute() || std::any_of(relative.begin(), relative.end(), is_step);
    if (leads_out)
        return Failure(FailureKind::protocol,
                       "the narinfo's URL " + sanitize(redact_url(url)) + " is no plain path in " + root_.string());
    return open_contained(root_, root_ / relative);
}

} // namespace cachefill::cache
