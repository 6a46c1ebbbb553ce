#pragma once

#include "presence/judge.hpp"
#include "presence/opened_cache.hpp"

namespace cachefill::presence {

enum class Use { read, fill };

// Reaches a cache that was named as one to fill (or to look at as such): the only place where that is done, so that
// each is told from the others by nothing but its name. With Use::fill it must let us write. Its notes are told to
// `sink`. `more_keys`: believed besides its own.
async::Task<Result<OpenedCache>> open_cache(std::unique_ptr<cache::BinaryCache> backend, Use use,
                                            std::vector<nix::PublicKey> more_keys, event::Sink& sink);

} // namespace cachefill::presence
