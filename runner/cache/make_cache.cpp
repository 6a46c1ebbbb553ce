#include "cache/make_cache.hpp"

#include "cache/attic_cache.hpp"
#include "cache/cachix_cache.hpp"
#include "cache/file_cache.hpp"
#include "cache/front_memory.hpp"
#include "cache/http_cache.hpp"
#include "cache/niks3_cache.hpp"
#include "cache/s3_cache.hpp"
#include "nix/realisation.hpp"

namespace cachefill::cache {

async::Task<Result<std::optional<nix::Realisation>>> BinaryCache::get_realisation(std::string) {
    co_return std::optional<nix::Realisation>();
}

std::optional<FrontMemory> BinaryCache::front_memory() const { return {}; }

async::Task<Result<void>> BinaryCache::put_realisation(nix::Realisation realisation) {
    co_return Failure(FailureKind::internal, uri().name + " keeps no realisations, such as " + realisation.id);
}

std::unique_ptr<BinaryCache> make_cache(const CacheUri& uri, Credentials credentials, CacheContext context) {
    switch (uri.scheme) {
    case Scheme::file:
        return make_file_cache(uri, std::move(credentials), std::move(context));
    case Scheme::http:
        return make_http_cache(uri, std::move(credentials), std::move(context));
    case Scheme::s3:
        return make_s3_cache(uri, std::move(credentials), context);
    case Scheme::attic:
        return make_attic_cache(uri, std::move(credentials), std::move(context));
    case Scheme::niks3:
        return make_niks3_cache(uri, std::move(credentials), std::move(context));
    case Scheme::cachix:
        break;
    }
    return make_cachix_cache(uri, std::move(credentials), std::move(context));
}

} // namespace cachefill::cache
