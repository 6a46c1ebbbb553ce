#pragma once

#include "base/files.hpp"

#include <cstdio>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace cachefill::test {

// What the process writes to standard output and error while this lives, or until take_back(), and what it reads from
// its standard input meanwhile. Nothing is asserted in between: it would be told into the file.
class CapturedOutput {
  public:
    // `output`: where standard output goes instead, which is not to be read then.
    explicit CapturedOutput(const std::string& input = {}, const std::string& output = {}) {
        if (!write_file_atomically(file("in"), input)) throw std::runtime_error("cannot write what is to be read");
        std::fflush(nullptr);
        for (int fd : {0, 1, 2}) {
            before_[fd] = ::fcntl(fd, F_DUPFD_CLOEXEC, 10);
            FileDescriptor now(
                fd == 0 ? ::open(file("in").c_str(), O_RDONLY | O_CLOEXEC)
                        : ::open(file(fd == 1 ? "out" : "err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
            ::dup2(now.get(), fd);
        }
        if (!output.empty()) ::dup2(FileDescriptor(::open(output.c_str(), O_WRONLY | O_CLOEXEC)).get(), 1);
    }
    ~CapturedOutput() { take_back(); }
    CapturedOutput(const CapturedOutput&) = delete;
    CapturedOutput& operator=(const CapturedOutput&) = delete;

    void take_back() {
        std::fflush(nullptr);
        std::clearerr(stdout);
        for (int fd : {0, 1, 2}) {
            if (before_[fd] < 0) continue;
            ::dup2(before_[fd], fd);
            ::close(before_[fd]);
            before_[fd] = -1;
        }
    }
    std::string output() {
        take_back();
        return read_file(file("out")).value();
    }
    std::string errors() {
        take_back();
        return read_file(file("err")).value();
    }

  private:
    std::filesystem::path file(const std::string& name) const { return directory_.path() / name; }

    TemporaryDirectory directory_ = TemporaryDirectory::make("cachefill-output").value();
    int before_[3] = {-1, -1, -1};
};

} // namespace cachefill::test
