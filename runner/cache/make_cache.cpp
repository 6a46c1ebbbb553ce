#include "cache/cachix_cache.hpp"
#include "cache/file_cache.hpp"
#include "cache/http_cache.hpp"

namespace cachefill::cache {

std::unique_ptr<BinaryCache> make_cache(const CacheUri& uri, Credentials credentials, CacheContext context) {
    switch (uri.scheme) {
    case Scheme::file:
        return make_file_cache(uri, std::move(credentials), std::move(context));
    case Scheme::http:
        return make_http_cache(uri, std::move(credentials), std::move(context));
    case Scheme::cachix:
        break;
    }
    return make_cachix_cache(uri, std::move(credentials), std::move(context));
}

} // namespace cachefill::cache
