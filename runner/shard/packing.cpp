#include "shard/packing.hpp"

#include "base/named_output.hpp"
#include "base/text.hpp"
#include "cache/new_file.hpp"
#include "codec/compression.hpp"
#include "codec/hash.hpp"
#include "daemon/operations.hpp"
#include "push/nar_dump.hpp"
#include "shard/bundle_parser.hpp"

#include <optional>
#include <sys/stat.h>

namespace cachefill::shard {

namespace fs = std::filesystem;

using async::Task;

namespace {

constexpr std::size_t read_at_once = 256 * 1024;
constexpr std::uint64_t step_size = 1 << 20; // bytes that are packed before a worker does something else

// Blocks: on a worker, a step at a time.
class Packing {
  public:
    Packing(fs::path file, const Bundle& bundle, const Objects& objects, const daemon::Endpoint& endpoint)
        : file_(std::move(file)), bundle_(bundle), objects_(objects), endpoint_(endpoint), buffer_(read_at_once) {}

    Result<void> begin();
    Result<bool> step(); // false: all objects are in it
    Result<PackedBundle> finish();

  private:
    Result<void> add(std::string_view bytes);
    Result<void> begin_object();
    Result<void> add_piece();

    const fs::path file_;
    const Bundle& bundle_;
    const Objects& objects_;
    const daemon::Endpoint& endpoint_;
    fs::path place_;
    std::optional<cache::NewFile> out_;
    std::unique_ptr<codec::Compressor> compressor_;
    codec::Hasher hasher_{codec::HashAlgorithm::sha256};
    std::string compressed_;
    PackedBundle packed_;
    std::vector<char> buffer_;
    std::size_t next_ = 0; // of the objects
    std::optional<push::NarDump> nar_;
    codec::Hasher nar_hasher_{codec::HashAlgorithm::sha256};
    std::uint64_t nar_bytes_ = 0;
};

Result<void> Packing::begin() {
    TRY(place, follow_own_links(file_));
    place_ = std::move(place);
    struct stat info {};
    if (::lstat(place_.c_str(), &info) == 0 && !S_ISREG(info.st_mode))
        return Failure(FailureKind::usage, "it is " + std::string(S_ISDIR(info.st_mode) ? "a folder" : "no plain file"))
            .with_hint("name a file: --bundle cachefill.bundle");
    TRY(out, cache::NewFile::create(place_.has_parent_path() ? place_.parent_path() : fs::path("."), 0600));
    out_.emplace(std::move(out));
    TRY(compressor, codec::make_compressor({.method = codec::Compression::zstd}));
    compressor_ = std::move(compressor);
    return add(bundle_beginning(to_json(bundle_)));
}

Result<void> Packing::add(std::string_view bytes) {
    hasher_.update(bytes);
    TRY_VOID(compressor_->write(bytes, compressed_));
    packed_.file_bytes += compressed_.size();
    TRY_VOID(out_->write(compressed_));
    compressed_.clear();
    return {};
}

Result<bool> Packing::step() {
    for (std::uint64_t done = 0; done < step_size;) {
        if (!nar_ && next_ == objects_.infos.size()) return false;
        if (!nar_) TRY_VOID(begin_object());
        auto before = nar_bytes_;
        TRY_VOID(with_context(add_piece(), "packing " + objects_.infos[next_].path.to_string()));
        done += nar_bytes_ - before + 1;
        if (!nar_) ++next_;
    }
    return true;
}

Result<void> Packing::begin_object() {
    const auto& info = objects_.infos[next_];
    nar_.emplace(endpoint_.physical(info.path));
    nar_hasher_ = codec::Hasher(codec::HashAlgorithm::sha256);
    nar_bytes_ = 0;
    return add(daemon::path_info_for_import(info));
}

Result<void> Packing::add_piece() {
    TRY(count, nar_->read(buffer_));
    std::string_view bytes(buffer_.data(), count);
    nar_hasher_.update(bytes);
    nar_bytes_ += count;
    const auto& info = objects_.infos[next_];
    bool is_longer = nar_bytes_ > info.nar_size;
    if (!is_longer) TRY_VOID(add(bytes));
    if (count == buffer_.size() && !is_longer) return {};
    nar_.reset();
    if (is_longer || nar_bytes_ != info.nar_size || nar_hasher_.finish() != info.nar_hash)
        return Failure(FailureKind::store, "its files do not match their recorded hash")
            .with_hint("nix-store --verify --check-contents --repair mends the store");
    return {};
}

Result<PackedBundle> Packing::finish() {
    TRY_VOID(add(bundle_end(hasher_.finish())));
    TRY_VOID(compressor_->finish(compressed_));
    packed_.file_bytes += compressed_.size();
    TRY_VOID(out_->write(compressed_));
    TRY_VOID(out_->flush());
    TRY_VOID(out_->rename_to(place_));
    return packed_;
}

Task<Result<PackedBundle>> pack(async::WorkerPool& workers, Packing& packing) {
    auto begin = [&packing] { return packing.begin(); };
    CO_TRY_VOID(co_await workers.run(begin));
    for (bool more = true; more;) {
        auto step = [&packing] { return packing.step(); };
        CO_TRY(left, co_await workers.run(step));
        more = left;
    }
    auto finish = [&packing] { return packing.finish(); };
    co_return co_await workers.run(finish);
}

} // namespace

BundleContents describe_objects(const Objects& objects) {
    BundleContents contents;
    for (const auto& info : objects.infos)
        contents.objects.push_back(
            {.path = info.path, .info_bytes = daemon::path_info_for_import(info).size(), .nar_bytes = info.nar_size});
    contents.expected = objects.expected;
    return contents;
}

Task<Result<PackedBundle>> pack_bundle(async::WorkerPool& workers, fs::path file, const Bundle& bundle,
                                       const Objects& objects, const daemon::Endpoint& endpoint) {
    auto name = sanitize(file.string());
    Packing packing(std::move(file), bundle, objects, endpoint);
    auto packed = co_await pack(workers, packing);
    co_return with_context(std::move(packed), "writing the bundle " + name);
}

} // namespace cachefill::shard
