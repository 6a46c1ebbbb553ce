#pragma once

#include "base/result.hpp"
#include "codec/compression.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cachefill::cache {

// Which bucket of which server, in Nix's words: s3://BUCKET?endpoint=…&region=…&profile=…&scheme=…&addressing-style=…&
// storage-class=…&compression=…
struct S3Place {
    std::string bucket;
    std::string endpoint; // "https://minio.example.org:9000/prefix", no trailing '/'; empty: AWS
    std::string region;   // empty: not given
    std::string profile;  // of ~/.aws; empty: not given
    std::string storage_class;
    enum class Addressing { automatic, path, virtual_host } addressing = Addressing::automatic;
    std::optional<codec::Compression> compression;

    // "s3://BUCKET", with "?endpoint=…" where that is not AWS: to tell caches apart and to show.
    std::string to_string() const;
    // What its objects' names are below, without a trailing '/': "https://BUCKET.s3.REGION.amazonaws.com" or
    // "ENDPOINT/BUCKET".
    std::string base(const std::string& in_region) const;
};

// `bucket` as it stands between "s3://" and '?', `parameters` behind that; those not known here are Nix's or another's.
// A usage failure whose cause is a piece of a sentence, as for other caches.
Result<S3Place> parse_s3_place(std::string_view bucket, std::string_view parameters);

} // namespace cachefill::cache
