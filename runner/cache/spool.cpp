#include "cache/spool.hpp"

#include <algorithm>

namespace cachefill::cache {

bool Spool::must_spill(const Chunk& chunk) const {
    // Spools only ever take budget and give none back before they are full: if all of them together could take all of
    // it, none would ever be finished. So they keep what they have only while half of it is free.
    return size_ + chunk.bytes.size() > memory_limit || chunk.budget.is_scarce();
}

async::Task<Result<void>> Spool::append(Chunk chunk) {
    bool spill = file_ || must_spill(chunk);
    if (!spill) {
        size_ += chunk.bytes.size();
        if (memory_->empty()) {
            *memory_ = std::move(chunk.bytes);
        } else {
            // Compressed is hardly ever larger; untouched pages cost nothing.
            memory_->reserve(static_cast<std::size_t>(std::min<std::uint64_t>(nar_size_, memory_limit)));
            memory_->append(chunk.bytes);
        }
        budget_.push_back(std::move(chunk.budget));
        co_return Result<void>();
    }
    auto work = [this, &chunk]() -> Result<void> {
        TRY_VOID(write_to_file(*memory_));
        return write_to_file(chunk.bytes);
    };
    CO_TRY_VOID(co_await workers_.run(std::move(work)));
    size_ += chunk.bytes.size();
    memory_ = std::make_shared<std::string>();
    budget_.clear();
    co_return Result<void>();
}

Result<void> Spool::write_to_file(std::string_view bytes) {
    if (!file_) {
        TRY_VOID(cachefill::create_directories(directory_));
        TRY(created, NewFile::create(directory_, 0600));
        file_.emplace(std::move(created));
    }
    return file_->write(bytes);
}

void Spool::send_as_body(http::Request& request) {
    if (file_) {
        request.body_file = file_->path();
    } else {
        request.body = memory_;
    }
}

void Spool::clear() {
    memory_ = std::make_shared<std::string>();
    budget_.clear();
    file_.reset();
}

} // namespace cachefill::cache
