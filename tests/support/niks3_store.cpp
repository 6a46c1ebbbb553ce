#include "support/niks3_store.hpp"

#include "base/files.hpp"
#include "codec/hash.hpp"

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
    fs::create_directories(file.parent_path());
    write_file_atomically(file, std::string(text)).has_value();
}

Json to_json(const std::map<std::string, Niks3Store::Object>& objects) {
    Json json = Json::object();
    for (const auto& [key, object] : objects)
        json[key] = {{"refs", object.refs}, {"nar_size", object.nar_size}, {"is_deleted", object.is_deleted}};
    return json;
}

std::map<std::string, Niks3Store::Object> objects_in(const Json& json) {
    std::map<std::string, Niks3Store::Object> objects;
    for (const auto& [key, entry] : json.items()) {
        Niks3Store::Object object;
        object.refs = entry["refs"].get<std::set<std::string>>();
        object.nar_size = entry["nar_size"].get<std::uint64_t>();
        object.is_deleted = entry["is_deleted"].get<bool>();
        objects.emplace(key, std::move(object));
    }
    return objects;
}

constexpr std::string_view narinfo_ending = ".narinfo";

} // namespace

Niks3Store::Niks3Store(fs::path directory) : directory_(std::move(directory)) {
    fs::create_directories(directory_ / "bucket" / "nar");
    auto file = directory_ / "key";
    if (!fs::exists(file)) write_all(file, nix::SecretKey::generate("niks3-1").to_secret_text().reveal());
    key_ = nix::SecretKey::parse(Secret(read_all(file))).value();
    if (fs::exists(directory_ / "books")) load();
}

Niks3Store::~Niks3Store() { save(); }

void Niks3Store::save() const {
    Json json{{"objects", to_json(objects_)}, {"closures", closures_}, {"pins", pins}, {"last", last_}};
    json["pending"] = Json::object();
    for (const auto& [id, pending] : pending_)
        json["pending"][id] = {{"closure", pending.closure}, {"objects", to_json(pending.objects)}};
    json["uploads"] = Json::object();
    for (const auto& [id, upload] : uploads_) {
        Json parts = Json::object();
        for (const auto& [number, etag] : upload.etags) parts[std::to_string(number)] = etag;
        json["uploads"][id] = {{"pending", upload.pending}, {"key", upload.key}, {"parts", parts}};
    }
    write_all(directory_ / "books", json.dump());
}

void Niks3Store::load() {
    auto json = Json::parse(read_all(directory_ / "books"));
    objects_ = objects_in(json["objects"]);
    closures_ = json["closures"].get<std::set<std::string>>();
    pins = json["pins"].get<std::map<std::string, std::string>>();
    last_ = json["last"].get<int>();
    for (const auto& [id, entry] : json["pending"].items())
        pending_[id] = Pending{entry["closure"].get<std::string>(), objects_in(entry["objects"])};
    for (const auto& [id, entry] : json["uploads"].items()) {
        Upload upload{entry["pending"].get<std::string>(), entry["key"].get<std::string>(), {}};
        for (const auto& [number, etag] : entry["parts"].items())
            upload.etags[std::stoi(number)] = etag.get<std::string>();
        uploads_[id] = std::move(upload);
    }
}

bool Niks3Store::has_file(const std::string& name) const { return fs::is_regular_file(file(name)); }

void Niks3Store::put_file(const std::string& name, std::string_view content) { write_all(file(name), content); }

bool Niks3Store::remove_file(const std::string& name) { return fs::remove(file(name)); }

std::vector<std::string> Niks3Store::narinfos() const {
    std::vector<std::string> hashes;
    for (const auto& entry : fs::directory_iterator(directory_ / "bucket")) {
        auto name = entry.path().filename().string();
        if (name.ends_with(narinfo_ending)) hashes.push_back(name.substr(0, name.size() - narinfo_ending.size()));
    }
    return hashes;
}

std::string Niks3Store::begin(const std::string& closure, std::map<std::string, Object> objects, bool verify) {
    std::erase_if(objects, [&](const auto& entry) {
        auto known = objects_.find(entry.first);
        bool is_believed = known != objects_.end() && !known->second.is_deleted;
        return is_believed && (!verify || has_file(entry.first));
    });
    auto id = std::to_string(++last_);
    pending_[id] = Pending{closure, std::move(objects)};
    return id;
}

const Niks3Store::Pending* Niks3Store::find_pending(const std::string& id) const {
    auto found = pending_.find(id);
    return found == pending_.end() ? nullptr : &found->second;
}

bool Niks3Store::commit(const std::string& id) {
    auto found = pending_.find(id);
    if (found == pending_.end()) return false;
    closures_.insert(found->second.closure);
    for (auto& [key, object] : found->second.objects) {
        auto& known = objects_[key];
        known.refs.merge(object.refs);
        if (known.nar_size == 0) known.nar_size = object.nar_size;
        known.is_deleted = false;
    }
    pending_.erase(found);
    return true;
}

std::string Niks3Store::begin_upload(const std::string& pending, const std::string& key) {
    auto id = "upload-" + std::to_string(++last_);
    uploads_[id] = Upload{pending, key, {}};
    return id;
}

Niks3Store::Upload* Niks3Store::find_upload(const std::string& id) {
    auto found = uploads_.find(id);
    return found == uploads_.end() ? nullptr : &found->second;
}

fs::path Niks3Store::part_file(const std::string& id, int number) const {
    return directory_ / "parts" / id / std::to_string(number);
}

std::string Niks3Store::put_part(const std::string& id, int number, std::string_view content) {
    write_all(part_file(id, number), content);
    auto etag = codec::hash_bytes(codec::HashAlgorithm::md5, content).to_base16();
    uploads_.at(id).etags[number] = etag;
    return etag;
}

void Niks3Store::drop_upload(const std::string& id) {
    fs::remove_all(directory_ / "parts" / id);
    uploads_.erase(id);
}

std::optional<std::string> Niks3Store::complete_upload(const std::string& id, const std::vector<std::string>& etags,
                                                       std::uint64_t smallest_part) {
    auto& upload = uploads_.at(id);
    std::string whole;
    for (std::size_t i = 0; i < etags.size(); ++i) {
        auto number = static_cast<int>(i) + 1;
        auto part = upload.etags.find(number);
        if (part == upload.etags.end() || part->second != etags[i])
            return "One or more of the specified parts could "
                   "not be found.";
        auto content = read_all(part_file(id, number));
        if (i + 1 < etags.size() && content.size() < smallest_part)
            return "Your proposed upload is smaller than the minimum allowed object size.";
        whole += content;
    }
    auto key = upload.key;
    put_file(key, whole);
    std::vector<std::string> over;
    for (const auto& [other, entry] : uploads_)
        if (entry.key == key) over.push_back(other);
    for (const auto& other : over) drop_upload(other);
    return {};
}

void Niks3Store::collect_garbage(bool all) {
    std::vector<std::string> left;
    for (const auto& [id, upload] : uploads_) left.push_back(id);
    for (const auto& id : left) drop_upload(id);
    for (auto& [id, pending] : pending_)
        for (auto& [key, object] : pending.objects) {
            object.is_deleted = true;
            objects_.try_emplace(key, object);
        }
    pending_.clear();
    if (all) {
        std::set<std::string> pinned;
        for (const auto& [name, path] : pins)
            pinned.insert(path.substr(path.rfind('/') + 1, 32) + std::string(narinfo_ending));
        std::erase_if(closures_, [&](const std::string& key) { return !pinned.contains(key); });
    }
    std::set<std::string> reached;
    std::vector<std::string> next(closures_.begin(), closures_.end());
    while (!next.empty()) {
        auto key = next.back();
        next.pop_back();
        auto object = objects_.find(key);
        if (object == objects_.end() || !reached.insert(key).second) continue;
        next.insert(next.end(), object->second.refs.begin(), object->second.refs.end());
    }
    std::erase_if(objects_, [&](const auto& entry) {
        bool goes = entry.second.is_deleted || !reached.contains(entry.first);
        if (goes) remove_file(entry.first);
        return goes;
    });
}

} // namespace cachefill::test
