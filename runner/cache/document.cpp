#include "cache/document.hpp"

#include "cache/cache_uri.hpp"
#include "nix/nar.hpp"

namespace cachefill::cache {

using async::Task;

namespace {

std::string nar_of(std::string_view content) {
    std::string nar;
    nix::NarWriter writer;
    writer.begin_archive(nar);
    writer.begin_file(false, content.size(), nar);
    nar += content;
    writer.end_file(content.size(), nar);
    return nar;
}

Task<Result<void>> upload(BinaryCache& cache, codec::Compression method, nix::NarInfo info, const std::string& nar) {
    codec::CompressionSettings settings;
    settings.method = method;
    CO_TRY(compressor, codec::make_compressor(settings));
    std::string file;
    CO_TRY_VOID(compressor->write(nar, file));
    CO_TRY_VOID(compressor->finish(file));
    auto file_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, file);
    auto file_size = file.size();
    UploadRequest request(info.path, nar.size(), method);
    request.described = info;
    CO_TRY(started, co_await cache.begin_upload(std::move(request)));
    Chunk chunk(std::move(file), {});
    auto done = co_await started->write(std::move(chunk));
    if (done) done = co_await started->finish(file_hash, file_size);
    if (done) {
        auto published = co_await started->publish(std::move(info));
        if (!published) done = std::move(published).error();
    }
    if (!done) co_await started->abort();
    co_return done;
}

} // namespace

Task<Result<std::optional<std::string>>> read_document(BinaryCache& cache, nix::StorePath path,
                                                       std::vector<nix::PublicKey> keys, std::string what,
                                                       std::uint64_t largest) {
    CO_TRY(info, co_await cache.get_narinfo(path));
    if (!info) co_return std::optional<std::string>();
    auto name = what + " " + path.to_string() + " in " + cache.uri().name;
    bool is_signed = nix::signed_by_one_of(info->fingerprint(), info->signatures, keys);
    if (!is_signed && !cache.uri().trusted)
        co_return Failure(FailureKind::protocol, name + " is not signed by any key that is trusted for this cache");
    if (info->nar_size > largest) co_return Failure(FailureKind::protocol, name + " is too large to be one");
    CO_TRY(nar, co_await cache.read_nar(std::move(*info)));
    auto text = nix::file_of_nar(nar);
    if (!text) co_return std::move(text).error().with_context("reading " + name);
    co_return std::optional<std::string>(std::move(*text));
}

Task<Result<void>> publish_document(BinaryCache& cache, codec::Compression compression, nix::StorePath path,
                                    std::string content_address, std::string text) {
    CO_TRY(there, co_await cache.get_narinfo(path));
    if (there) co_return Result<void>();
    auto nar = nar_of(text);
    nix::NarInfo info{.path = path,
                      .url = {},
                      .file_hash = {},
                      .file_size = {},
                      .nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, nar),
                      .nar_size = nar.size(),
                      .references = {},
                      .deriver = {},
                      .signatures = {},
                      .content_address = std::move(content_address)};
    co_return co_await upload(cache, compression, std::move(info), nar);
}

} // namespace cachefill::cache
