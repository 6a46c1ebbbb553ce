#pragma once

#include "base/files.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace cachefill::cache {

// A file that says of an upload in parts that it begins, for the run after one that was killed. It is locked by the
// process that sends, and removed when this goes away.
class UploadNote {
  public:
    struct Text {
        std::string url;
        std::string id; // empty: the server's answer had not come
    };

    // Null: it could not be written, which keeps nobody from sending.
    static std::unique_ptr<UploadNote> write(const std::filesystem::path& directory, const Text& text);
    // Those of processes that are no more, of uploads of files whose address begins so.
    static std::vector<std::unique_ptr<UploadNote>> find_left(const std::filesystem::path& directory,
                                                              const std::string& start);

    UploadNote(const UploadNote&) = delete;
    UploadNote& operator=(const UploadNote&) = delete;
    ~UploadNote();
    const Text& text() const { return text_; }
    void set_id(const std::string& id);

  private:
    UploadNote(std::filesystem::path file, FileDescriptor lock, Text text)
        : file_(std::move(file)), lock_(std::move(lock)), text_(std::move(text)) {}
    std::filesystem::path file_;
    FileDescriptor lock_;
    Text text_;
};

} // namespace cachefill::cache
