#include "cache/manifest_store.hpp"

#include "cache/cache_uri.hpp"
#include "cache/document.hpp"

namespace cachefill::cache {

namespace {

constexpr std::string_view file_name = "cachefill-manifest.json";
constexpr std::uint64_t longest_manifest = 16ULL << 20; // thousands of targets

} // namespace

async::Task<Result<std::optional<FoundManifest>>> find_manifest(BinaryCache& cache, std::string branch,
                                                                std::string system, std::vector<nix::PublicKey> keys) {
    CO_TRY(path, co_await cache.find_name(manifest_name(branch, system)));
    if (!path) co_return std::optional<FoundManifest>();
    std::string what = "the manifest";
    CO_TRY(text, co_await read_document(cache, *path, std::move(keys), std::move(what), longest_manifest));
    if (!text) co_return std::optional<FoundManifest>(); // evicted; it can only be asked for again
    CO_TRY(manifest, parse_manifest(*text));
    if (manifest.branch != branch || manifest.system != system)
        co_return Failure(FailureKind::protocol, "the manifest " + path->to_string() + " in " + cache.uri().name +
                                                     " is that of another branch or system");
    co_return FoundManifest{std::move(*path), std::move(manifest)};
}

async::Task<Result<nix::StorePath>> publish_manifest(BinaryCache& cache, codec::Compression compression,
                                                     Manifest manifest, int keep) {
    auto content = to_json(manifest);
    auto [path, address] = nix::text_path(file_name, content);
    auto published = co_await publish_document(cache, compression, path, std::move(address), std::move(content));
    if (!published) co_return std::move(published).error().with_context("publishing the manifest");
    CO_TRY_VOID(co_await cache.set_name(manifest_name(manifest.branch, manifest.system), path, keep));
    co_return path;
}

} // namespace cachefill::cache
