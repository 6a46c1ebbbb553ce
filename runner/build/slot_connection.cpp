#include "build/slot_connection.hpp"

namespace cachefill::build {

async::Task<Result<void>> ensure_connected(std::unique_ptr<daemon::Connection>& connection,
                                           const daemon::Endpoint& endpoint, daemon::Options options) {
    if (connection && !connection->is_broken()) co_return Result<void>();
    CO_TRY(fresh, co_await daemon::connect(endpoint));
    // Of an untrusted client it would be ignored with a warning, unless it is empty.
    auto builders = options.overrides.find("builders");
    bool is_unheard = fresh->trust() == daemon::Trust::not_trusted && builders != options.overrides.end();
    if (is_unheard && !builders->second.empty()) options.overrides.erase(builders);
    CO_TRY_VOID(co_await fresh->set_options(std::move(options)));
    connection = std::move(fresh);
    co_return Result<void>();
}

} // namespace cachefill::build
