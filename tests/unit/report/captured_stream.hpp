#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace cachefill::test {

// A FILE* whose output is kept in memory.
class CapturedStream {
  public:
    CapturedStream() : stream_(open_memstream(&data_, &size_)) {}
    ~CapturedStream() {
        std::fclose(stream_);
        std::free(data_);
    }
    CapturedStream(const CapturedStream&) = delete;
    CapturedStream& operator=(const CapturedStream&) = delete;

    std::FILE* stream() { return stream_; }
    // Everything written since the last call.
    std::string take() {
        std::fflush(stream_);
        std::string all(data_, size_);
        auto fresh = all.substr(taken_);
        taken_ = all.size();
        return fresh;
    }

  private:
    char* data_ = nullptr;
    std::size_t size_ = 0, taken_ = 0;
    std::FILE* stream_;
};

} // namespace cachefill::test
