#pragma once

#include "base/files.hpp"
#include "codec/compression.hpp"
#include "shard/bundle_parser.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace cachefill::shard {

// A bundle's file, read from its beginning to its end. Every call blocks: on a worker. Memory holds the header and a
// few pieces, whatever is packed in it. Failures name the file and say what to do; kind machine: it could not be read,
// protocol: it is no whole bundle that can be used here.
class BundleReader {
  public:
    // Reads up to the end of the header. A pipe, a folder or a device is refused.
    static Result<BundleReader> open(const std::filesystem::path& file);

    const Bundle& bundle() const { return *parser_->bundle(); }
    // The next piece of the payload. Empty at the end, once the file has been found to be as it was written.
    Result<std::string> next();

  private:
    BundleReader(std::filesystem::path name, FileDescriptor file);
    Result<std::string> read_on();
    Failure told(Failure failure) const;

    std::filesystem::path name_;
    FileDescriptor file_;
    std::unique_ptr<codec::Decompressor> decompressor_;
    std::unique_ptr<BundleParser> parser_;
    std::string buffer_;
    std::size_t left_ = 0; // at the end of the buffer
    std::string ready_;    // payload that came with the header
    bool ended_ = false;
};

} // namespace cachefill::shard
