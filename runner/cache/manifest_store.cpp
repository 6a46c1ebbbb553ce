#include "cache/manifest_store.hpp"

#include "cache/cache_uri.hpp"
#include "nix/nar.hpp"

namespace cachefill::cache {

namespace {

constexpr std::string_view file_name = "cachefill-manifest.json";
constexpr std::uint64_t longest_manifest = 16ULL << 20; // thousands of targets

std::string nar_of(std::string_view content) {
    std::string nar;
    nix::NarWriter writer;
    writer.begin_archive(nar);
    writer.begin_file(false, content.size(), nar);
    nar += content;
    writer.end_file(content.size(), nar);
    return nar;
}

Result<std::string> content_of(std::string_view nar) {
    std::string content;
    bool is_file = false;
    nix::NarVisitor visitor;
    visitor.file = [&](std::string_view path, bool, std::uint64_t) -> Result<void> {
        is_file = path.empty();
        return {};
    };
    visitor.content = [&](std::string_view bytes) -> Result<void> {
        content += bytes;
        return {};
    };
    visitor.symlink = [](std::string_view, std::string_view) -> Result<void> { return {}; };
    visitor.directory = [](std::string_view) -> Result<void> { return {}; };
    nix::NarParser parser(std::move(visitor));
    TRY_VOID(parser.write(nar));
    TRY_VOID(parser.finish());
    if (!is_file) return Failure(FailureKind::protocol, "the manifest's store path is no file");
    return content;
}

async::Task<Result<void>> upload(BinaryCache& cache, codec::Compression method, nix::NarInfo info,
                                 const std::string& nar) {
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

Failure wrong(const BinaryCache& cache, const nix::StorePath& path, std::string_view what) {
    return Failure(FailureKind::protocol,
                   "the manifest " + path.to_string() + " in " + cache.uri().name + " " + std::string(what));
}

} // namespace

async::Task<Result<std::optional<FoundManifest>>> find_manifest(BinaryCache& cache, std::string branch,
                                                                std::string system, std::vector<nix::PublicKey> keys) {
    CO_TRY(path, co_await cache.find_name(manifest_name(branch, system)));
    if (!path) co_return std::optional<FoundManifest>();
    CO_TRY(info, co_await cache.get_narinfo(*path));
    if (!info) co_return std::optional<FoundManifest>(); // evicted; it can only be asked for again
    bool is_signed = nix::signed_by_one_of(info->fingerprint(), info->signatures, keys);
    if (!is_signed && !cache.uri().trusted)
        co_return wrong(cache, *path, "is not signed by any key that is trusted for this cache");
    if (info->nar_size > longest_manifest) co_return wrong(cache, *path, "is too large to be one");
    CO_TRY(nar, co_await cache.read_nar(std::move(*info)));
    CO_TRY(content, content_of(nar));
    CO_TRY(manifest, parse_manifest(content));
    if (manifest.branch != branch || manifest.system != system)
        co_return wrong(cache, *path, "is that of another branch or system");
    co_return FoundManifest{std::move(*path), std::move(manifest)};
}

async::Task<Result<nix::StorePath>> publish_manifest(BinaryCache& cache, codec::Compression compression,
                                                     Manifest manifest, int keep) {
    auto content = to_json(manifest);
    auto nar = nar_of(content);
    auto [path, address] = nix::text_path(file_name, content);
    CO_TRY(there, co_await cache.get_narinfo(path));
    if (!there) {
        nix::NarInfo info{.path = path,
                          .url = {},
                          .file_hash = {},
                          .file_size = {},
                          .nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, nar),
                          .nar_size = nar.size(),
                          .references = {},
                          .deriver = {},
                          .signatures = {},
                          .content_address = address};
        auto uploaded = co_await upload(cache, compression, std::move(info), nar);
        if (!uploaded) co_return std::move(uploaded).error().with_context("publishing the manifest");
    }
    CO_TRY_VOID(co_await cache.set_name(manifest_name(manifest.branch, manifest.system), path, keep));
    co_return path;
}

} // namespace cachefill::cache
