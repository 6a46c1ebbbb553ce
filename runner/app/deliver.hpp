#pragma once

#include "async/task.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <string>

namespace cachefill::async {
struct RetryPolicy;
}

namespace cachefill::http {
class Client;
}

namespace cachefill::app {

// Posts a JSON body to a webhook. Sent again only when the first try cannot have arrived or was turned away for now
// (429, 5xx): nobody wants the same message twice. The URL is a secret as a whole; of it a failure tells the host
// alone.
async::Task<Result<void>> deliver(http::Client& client, const Secret& url, std::string body,
                                  const async::RetryPolicy& policy);

} // namespace cachefill::app
