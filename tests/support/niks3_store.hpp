#pragma once

#include "nix/signature.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::test {

// What the stand-in of niks3 keeps: its books (a database, for the real one) and its bucket, both in a directory that
// outlives it. Not thread-safe.
class Niks3Store {
  public:
    explicit Niks3Store(std::filesystem::path directory);
    Niks3Store(const Niks3Store&) = delete;
    Niks3Store& operator=(const Niks3Store&) = delete;
    ~Niks3Store(); // keeps the books for the next one

    struct Object {
        std::set<std::string> refs;
        std::uint64_t nar_size = 0;
        bool is_deleted = false; // marked by the garbage collection; gone at its end
    };
    struct Pending {
        std::string closure;
        std::map<std::string, Object> objects; // what it was given addresses for
    };
    struct Upload {
        std::string pending;
        std::string key;
        std::map<int, std::string> etags; // of the parts that have come
    };

    const nix::SecretKey& key() const { return *key_; }

    // The bucket.
    bool has_file(const std::string& name) const;
    std::filesystem::path file(const std::string& name) const { return directory_ / "bucket" / name; }
    void put_file(const std::string& name, std::string_view content);
    bool remove_file(const std::string& name);
    std::vector<std::string> narinfos() const; // hash parts of those in the bucket

    // The books. A pending closure of those objects that are not in them, or, if they are to be verified, not in the
    // bucket; its number.
    std::string begin(const std::string& closure, std::map<std::string, Object> objects, bool verify);
    const Pending* find_pending(const std::string& id) const;
    // Believes what it is told. False: there is none.
    bool commit(const std::string& id);
    bool is_closure(const std::string& key) const { return closures_.contains(key); }
    std::size_t pending_count() const { return pending_.size(); }

    std::string begin_upload(const std::string& pending, const std::string& key);
    Upload* find_upload(const std::string& id);
    std::size_t upload_count() const { return uploads_.size(); }
    std::string put_part(const std::string& id, int number, std::string_view content); // its ETag
    // The parts in their order become the file; what is wrong with them, if something is. Other uploads of that file
    // are over then.
    std::optional<std::string> complete_upload(const std::string& id, const std::vector<std::string>& etags,
                                               std::uint64_t smallest_part);

    std::map<std::string, std::string> pins; // name to store path

    // As after six hours and the grace period: what is pending is given up, and what no closure reaches goes. With
    // `all` every closure is old, too, but for those that are pinned.
    void collect_garbage(bool all);

  private:
    void load();
    void save() const;
    std::filesystem::path part_file(const std::string& id, int number) const;
    void drop_upload(const std::string& id);

    std::filesystem::path directory_;
    std::optional<nix::SecretKey> key_;
    std::map<std::string, Object> objects_;
    std::set<std::string> closures_;
    std::map<std::string, Pending> pending_;
    std::map<std::string, Upload> uploads_;
    int last_ = 0;
};

} // namespace cachefill::test
