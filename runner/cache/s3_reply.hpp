#pragma once

#include "http/client.hpp"

#include <string>
#include <string_view>
#include <vector>

// What S3 and STS answer, in XML of a few flat elements. Text is looked for by name, so whatever else stands there does
// no harm; answers are bounded by whoever reads them.
namespace cachefill::cache {

// Between <NAME …> and </NAME>, with &lt; and its like undone; empty if there is none.
std::string find_element(std::string_view xml, std::string_view name);
// The insides of all of that name, as they stand there.
std::vector<std::string_view> find_elements(std::string_view xml, std::string_view name);

struct S3Error {
    std::string code; // "NoSuchBucket"; empty: the answer has no body, or another one
    std::string message;
    std::string region; // where the bucket is, if it says so
};
S3Error parse_s3_error(const http::Response& response);

// Who is asked, to say what an error is about.
struct S3Party {
    std::string name;       // of the cache: "s3://BUCKET"
    std::string bucket;     //
    std::string server;     // the endpoint, or "AWS"
    std::string region;     // that was signed for
    std::string key_source; // where the key is from; empty: nothing was signed
};

// What an error says of the bucket or of us, rather than of the one object, or what heals: a failure that names the
// thing and what to do. Empty: an answer that whoever asked for the object knows best how to take (among them 403 for
// reading one, which is how a bucket without the right to list says that it is not there).
std::optional<Failure> explain_s3_error(const http::Request& request, const http::Response& response,
                                        const S3Party& party);

} // namespace cachefill::cache
