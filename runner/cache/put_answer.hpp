#pragma once

#include "http/client.hpp"

namespace cachefill::cache {

// What a server means by its answer to a PUT. Whatever is not `away` is its last word: asked again it would say the
// same.
enum class PutAnswer {
    done,
    unsure,            // it took it, and does not say that it keeps it (202, 203, a page with 200, …): a look tells
    exists,            // it never replaces a file, and there is one (409, 412)
    unknown_condition, // it does not know If-None-Match (501, 400)
    too_large,         // 413
    no_space,          // 507
    bad_signature,     // it does not trust the key that signed (ncps says so with 500)
    not_allowed,       // 401, 403, 407
    no_uploads,        // none here (405, 404, 410, 501)
    refused,           // this file, for whatever reason
    away,              // may be another word later (5xx, 429, 408)
};

// `conditional`: the request had If-None-Match.
PutAnswer classify_put(const http::Response& response, bool conditional);

// In words, with the server's own first ones. What holds for every file that would be sent there has the kind auth
// (usage if our key is not the right one), what is final for this one alone protocol, what may heal network. `cache` is
// how a person calls it.
Failure put_failure(const http::Request& request, const http::Response& response, PutAnswer answer,
                    const std::string& cache);

// Did the server itself say no, so that no later try will help?
bool is_last_word(const Failure& failure);

} // namespace cachefill::cache
