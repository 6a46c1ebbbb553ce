#include "support/cachix_store.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "codec/hash.hpp"
#include "nix/narinfo.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <random>

namespace cachefill::test {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t smallest_part = 5 << 20; // S3: all but the last

std::string random_id() {
    std::random_device device;
    std::string bytes;
    for (int i = 0; i < 16; ++i) bytes.push_back(static_cast<char>(device()));
    auto hex = codec::to_base16(bytes);
    for (std::size_t at : {8U, 13U, 18U, 23U}) hex.insert(at, "-");
    return hex;
}

Failure refuse(std::string why) { return Failure(FailureKind::protocol, std::move(why)); }

std::string part_name(int number) { return "part-" + std::to_string(number); }

std::vector<nix::StorePath> to_paths(const std::vector<std::string>& base_names) {
    std::vector<nix::StorePath> paths;
    for (const auto& name : base_names) paths.push_back(nix::StorePath::parse_base_name(name).value());
    return paths;
}

std::string narinfo_text(const CachixStore::NarInfoCreate& create, codec::Compression compression,
                         const std::string& signature) {
    std::string text = "StorePath: /nix/store/" + create.store_hash + "-" + create.store_suffix + "\n";
    text += "URL: nar/" + create.file_hash + ".nar" + std::string(codec::file_extension(compression)) + "\n";
    text += "Compression: " + std::string(codec::to_string(compression)) + "\n";
    text += "FileHash: sha256:" + create.file_hash + "\n";
    text += "FileSize: " + std::to_string(create.file_size) + "\n";
    text += "NarHash: " + create.nar_hash + "\n";
    text += "NarSize: " + std::to_string(create.nar_size) + "\n";
    text += "References: " + join(create.references, " ") + "\n";
    text += "Deriver: " + create.deriver + "\n";
    return text + "Sig: " + signature + "\n";
}

} // namespace

CachixStore::CachixStore(fs::path directory, std::string cache_name, bool self_signed, std::vector<fs::path> upstreams)
    : directory_(std::move(directory)), cache_name_(std::move(cache_name)), self_signed_(self_signed) {
    for (auto name : {"narinfo", "nar", "uploads"}) fs::create_directories(directory_ / name);
    for (auto& upstream : upstreams) {
        if (fs::is_directory(upstream)) {
            upstream_directories_.push_back(std::move(upstream));
        } else {
            auto text = read_file(upstream).value();
            for (auto word : split_words(text)) upstream_hashes_.emplace(word.substr(0, nix::hash_part_length));
        }
    }
    load();
}

void CachixStore::load() {
    for (const auto& file : fs::directory_iterator(directory_ / "narinfo")) load_narinfo(file.path());
    if (auto text = read_file(directory_ / "pins.json"))
        pins_ = nlohmann::json::parse(*text).get<std::map<std::string, std::string>>();
    if (self_signed_) {
        if (auto text = read_file(directory_ / "public-key")) public_key_ = nix::PublicKey::parse(trim(*text)).value();
        return;
    }
    auto file = directory_ / "secret-key";
    auto text = read_file(file);
    if (text) {
        Secret secret(*std::move(text));
        secret_key_ = nix::SecretKey::parse(secret).value();
    } else {
        secret_key_ = nix::SecretKey::generate(key_name());
        write_file_atomically(file, secret_key_->to_secret_text().reveal(), 0600).has_value();
    }
    public_key_ = secret_key_->public_key();
}

void CachixStore::load_narinfo(const fs::path& file) {
    auto info = nix::NarInfo::parse(read_file(file).value()).value();
    Entry entry;
    for (const auto& reference : info.references)
        if (reference != info.path) entry.references.emplace_back(reference.hash_part());
    entries_[std::string(info.path.hash_part())] = std::move(entry);
}

void CachixStore::set_public_key(std::string bytes) {
    public_key_ = nix::PublicKey{key_name(), std::move(bytes)};
    write_file_atomically(directory_ / "public-key", public_key_->to_string()).has_value();
}

bool CachixStore::is_upstream(const std::string& hash) const {
    if (upstream_hashes_.contains(hash)) return true;
    auto has_it = [&](const fs::path& directory) { return fs::exists(directory / (hash + ".narinfo")); };
    return std::any_of(upstream_directories_.begin(), upstream_directories_.end(), has_it);
}

std::vector<std::string> CachixStore::hashes() const {
    std::vector<std::string> all;
    for (const auto& [hash, entry] : entries_) all.push_back(hash);
    std::sort(all.begin(), all.end());
    return all;
}

bool CachixStore::remove(const std::string& hash) {
    complete_.clear();
    fs::remove(directory_ / "narinfo" / hash);
    return entries_.erase(hash) > 0;
}

bool CachixStore::is_complete(const std::string& hash) {
    std::vector<std::string> open{hash};
    std::unordered_set<std::string> seen{hash};
    while (!open.empty()) {
        auto current = std::move(open.back());
        open.pop_back();
        if (complete_.contains(current)) continue;
        auto entry = entries_.find(current);
        if (entry == entries_.end()) {
            if (!is_upstream(current)) return false;
            continue;
        }
        for (const auto& reference : entry->second.references)
            if (seen.insert(reference).second) open.push_back(reference);
    }
    complete_.merge(seen);
    return true;
}

std::optional<std::string> CachixStore::narinfo(const std::string& hash) const {
    if (!has(hash)) return {};
    return read_file(directory_ / "narinfo" / hash).value();
}

std::optional<fs::path> CachixStore::find_nar(const std::string& file_name) const {
    auto place = directory_ / "nar" / file_name;
    if (file_name.find('/') != file_name.npos || !fs::is_regular_file(place)) return {};
    return place;
}

CachixStore::UploadIds CachixStore::create_upload(codec::Compression compression) {
    UploadIds ids{random_id(), random_id() + "+/="}; // S3's own are base64: whoever does not encode them, fails
    uploads_[ids.nar_id] = Upload{ids.upload_id, compression, {}};
    fs::create_directories(upload_directory(ids.nar_id));
    return ids;
}

bool CachixStore::has_upload(const UploadIds& ids) const {
    auto upload = uploads_.find(ids.nar_id);
    return upload != uploads_.end() && upload->second.upload_id == ids.upload_id;
}

std::string CachixStore::put_part(const std::string& nar_id, int number, std::string_view bytes) {
    auto md5 = codec::hash_bytes(codec::HashAlgorithm::md5, bytes).to_base16();
    std::ofstream(upload_directory(nar_id) / part_name(number), std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    uploads_.at(nar_id).parts[number] = {md5, bytes.size()};
    return md5;
}

void CachixStore::abort_upload(const std::string& nar_id) {
    uploads_.erase(nar_id);
    fs::remove_all(upload_directory(nar_id));
}

Result<void> CachixStore::check_parts(const Upload& upload,
                                      const std::vector<std::pair<int, std::string>>& parts) const {
    if (parts.empty()) return refuse("MalformedXML: no parts");
    int last = 0;
    for (const auto& [number, md5] : parts) {
        if (number <= last) return refuse("InvalidPartOrder: part " + std::to_string(number));
        last = number;
        auto known = upload.parts.find(number);
        if (known == upload.parts.end() || known->second.first != md5)
            return refuse("InvalidPart: part " + std::to_string(number));
        if (number != parts.back().first && known->second.second < smallest_part)
            return refuse("EntityTooSmall: part " + std::to_string(number));
    }
    return {};
}

Result<std::string> CachixStore::sign(const NarInfoCreate& create) const {
    auto path = nix::StorePath::parse_base_name(create.store_hash + "-" + create.store_suffix);
    if (!path) return refuse(path.error().cause());
    TRY(nar_hash, codec::Hash::parse(create.nar_hash));
    auto fingerprint = nix::fingerprint(*path, nar_hash, create.nar_size, to_paths(create.references));
    if (!self_signed_) {
        if (create.signature) return refuse("cSig on a managed cache");
        return secret_key_->sign(fingerprint);
    }
    if (!create.signature) return refuse("cSig is missing on a self-signed cache");
    TRY(bytes, codec::from_base64(*create.signature));
    auto signature = key_name() + ":" + codec::to_base64(bytes);
    if (!public_key_ || !nix::signed_by_one_of(fingerprint, std::vector{signature}, std::vector{*public_key_}))
        return refuse("cSig does not verify");
    return signature;
}

Result<void> CachixStore::complete_upload(const std::string& nar_id,
                                          const std::vector<std::pair<int, std::string>>& parts,
                                          const NarInfoCreate& create) {
    auto& upload = uploads_.at(nar_id);
    TRY_VOID(check_parts(upload, parts));
    TRY(signature, sign(create));

    auto place =
        directory_ / "nar" / (create.file_hash + ".nar" + std::string(codec::file_extension(upload.compression)));
    auto temporary = upload_directory(nar_id) / "whole";
    codec::Hasher hasher(codec::HashAlgorithm::sha256);
    std::uint64_t size = 0;
    std::ofstream whole(temporary, std::ios::binary);
    for (const auto& [number, md5] : parts) {
        auto bytes = read_file(upload_directory(nar_id) / part_name(number), 5ULL << 30).value();
        hasher.update(bytes);
        size += bytes.size();
        whole.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    whole.close();
    if (!whole) return refuse("the stand-in cannot write " + temporary.string());
    auto hash = hasher.finish().to_base16();
    if (hash != create.file_hash) return refuse("cFileHash is " + create.file_hash + ", the upload has " + hash);
    if (size != create.file_size)
        return refuse("cFileSize is " + std::to_string(create.file_size) + ", the upload has " + std::to_string(size));
    fs::rename(temporary, place);

    if (!has(create.store_hash)) { // an entry is never overwritten
        auto file = directory_ / "narinfo" / create.store_hash;
        TRY_VOID(write_file_atomically(file, narinfo_text(create, upload.compression, signature)));
        load_narinfo(file);
    }
    abort_upload(nar_id);
    return {};
}

void CachixStore::save_pins() const {
    write_file_atomically(directory_ / "pins.json", nlohmann::json(pins_).dump()).has_value();
}

} // namespace cachefill::test
