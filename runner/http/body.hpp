#pragma once

#include "base/files.hpp"
#include "codec/compression.hpp"
#include "http/client.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace cachefill::http {

// Takes the body of an answer: undoes its Content-Encoding, keeps its limit, and puts it where the request wants it.
class BodyTarget {
  public:
    // `request` must outlive this.
    explicit BodyTarget(const Request& request) : request_(request) {}

    // The head has come; `length` is the Content-Length, if there is one.
    Result<void> begin(int status, const std::vector<Header>& headers, std::optional<std::uint64_t> length);
    Result<void> write(std::string_view bytes);
    Result<void> finish();

    // Request::enough has come.
    bool has_enough() const { return has_enough_; }

    std::string take() { return std::move(text_); }

  private:
    using Take = codec::Decompressor::Take;
    Result<void> decode(const std::function<Result<void>(const Take&)>& step);
    Result<void> deliver(std::string_view decoded);

    const Request& request_;
    bool to_sink_ = false;
    bool has_enough_ = false;
    std::unique_ptr<codec::Decompressor> decoder_;
    bool decoder_used_ = false;
    std::string text_;
};

// A body that is read from disk while it is sent. Its length is that of the file when it was opened.
class FileBody {
  public:
    static Result<FileBody> open(const std::filesystem::path& path);

    std::uint64_t size() const { return size_; }
    // The next piece, at most 256 KiB, valid until the next call. A machine failure when the file got shorter. Blocks.
    Result<std::string_view> next();

  private:
    FileBody(FileDescriptor file, std::filesystem::path path, std::uint64_t size)
        : file_(std::move(file)), path_(std::move(path)), size_(size) {}

    FileDescriptor file_;
    std::filesystem::path path_;
    std::uint64_t size_;
    std::uint64_t offset_ = 0;
    std::string buffer_;
};

} // namespace cachefill::http
