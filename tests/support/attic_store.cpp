#include "support/attic_store.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "codec/compression.hpp"
#include "nix/store_path.hpp"

#include <nlohmann/json.hpp>

#include <fstream>

namespace cachefill::test {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

std::string read_all(const fs::path& file) {
    return read_file(file).value_or(std::string()); // in one go: character by character takes seconds for large ones
}

void write_all(const fs::path& file, std::string_view text) {
    write_file_atomically(file, std::string(text)).has_value();
}

std::string compressed(std::string_view nar) {
    codec::CompressionSettings settings;
    settings.level = 1;
    auto compressor = codec::make_compressor(settings).value();
    std::string out;
    compressor->write(nar, out).has_value();
    compressor->finish(out).has_value();
    return out;
}

} // namespace

AtticStore::AtticStore(fs::path directory, const std::string& cache_name) : directory_(std::move(directory)) {
    fs::create_directories(directory_ / "objects");
    fs::create_directories(directory_ / "nars");
    auto file = directory_ / "key";
    if (!fs::exists(file)) write_all(file, nix::SecretKey::generate(cache_name).to_secret_text().reveal());
    key_ = nix::SecretKey::parse(Secret(read_all(file))).value();
    load();
}

void AtticStore::load() {
    for (const auto& entry : fs::directory_iterator(directory_ / "objects")) {
        auto json = Json::parse(read_all(entry.path()));
        Object object;
        object.store_path = json["store_path"].get<std::string>();
        object.references = json["references"].get<std::vector<std::string>>();
        object.signatures = json["sigs"].get<std::vector<std::string>>();
        object.content_address = json["ca"].get<std::string>();
        object.nar_hash = json["nar_hash"].get<std::string>();
        object.nar_size = json["nar_size"].get<std::uint64_t>();
        objects_.insert_or_assign(entry.path().filename().string(), std::move(object));
    }
}

std::vector<std::string> AtticStore::hashes() const {
    std::vector<std::string> all;
    for (const auto& [hash, object] : objects_) all.push_back(hash);
    return all;
}

bool AtticStore::forget(const std::string& hash) {
    fs::remove(directory_ / "objects" / hash);
    return objects_.erase(hash) > 0;
}

Result<bool> AtticStore::put(const std::string& hash, Object object, std::string_view nar) {
    auto actual = codec::hash_bytes(codec::HashAlgorithm::sha256, nar).to_base16();
    bool was_there = fs::exists(nar_file(object.nar_hash));
    if (actual != object.nar_hash || nar.size() != object.nar_size)
        return Failure(FailureKind::protocol, was_there ? "Bad NAR Hash or Size" : "Bad chunk hash or size");
    if (!was_there) write_all(nar_file(object.nar_hash), compressed(nar));
    Json json;
    json["store_path"] = object.store_path;
    json["references"] = object.references;
    json["sigs"] = object.signatures;
    json["ca"] = object.content_address;
    json["nar_hash"] = object.nar_hash;
    json["nar_size"] = object.nar_size;
    write_all(directory_ / "objects" / hash, json.dump());
    objects_.insert_or_assign(hash, std::move(object));
    return was_there;
}

std::optional<std::string> AtticStore::narinfo(const std::string& hash) const {
    auto found = objects_.find(hash);
    if (found == objects_.end()) return {};
    const auto& object = found->second;
    auto nar_hash = codec::Hash::parse("sha256:" + object.nar_hash).value();
    std::vector<std::string> full;
    for (const auto& reference : object.references) full.push_back(std::string(nix::store_dir) + "/" + reference);
    auto fingerprint = "1;" + object.store_path + ";" + nar_hash.to_string() + ";" + std::to_string(object.nar_size) +
                       ";" + join(full, ",");
    std::string text = "StorePath: " + object.store_path + "\nURL: nar/" + hash + ".nar\nCompression: zstd\n";
    text += "NarHash: sha256:" + object.nar_hash + "\nNarSize: " + std::to_string(object.nar_size) + "\n";
    text += "References: " + join(object.references, " ") + "\n";
    text += "Sig: " + key_->sign(fingerprint).value() + "\n";
    if (!object.content_address.empty()) text += "CA: " + object.content_address + "\n";
    return text;
}

std::optional<fs::path> AtticStore::find_nar(const std::string& hash) const {
    auto found = objects_.find(hash);
    if (found == objects_.end()) return {};
    auto file = nar_file(found->second.nar_hash);
    return fs::exists(file) ? std::optional(file) : std::nullopt;
}

} // namespace cachefill::test
