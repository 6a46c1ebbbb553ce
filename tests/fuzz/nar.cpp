// NARs, which come from caches.
//
// An archive has one spelling: what is read without a failure is, written back from what the visitor heard, the same
// bytes. It makes no difference in which pieces it comes. Names that the visitor hears lead nowhere but below the root,
// and the contents have the sizes that were announced. Anything else fails as protocol, and stays failed.
#include "nix/nar.hpp"

#include "base/text.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

#include <optional>

namespace cachefill::fuzz {

namespace {

// Writes down what a parser says, as the archive that says so.
class Copy {
  public:
    nix::NarVisitor visitor() {
        nix::NarVisitor visitor;
        visitor.file = [this](std::string_view path, bool executable, std::uint64_t size) -> Result<void> {
            begin(path);
            file_size_ = left_ = size;
            writer_.begin_file(executable, size, text_);
            is_in_file_ = true;
            return {};
        };
        visitor.content = [this](std::string_view bytes) -> Result<void> {
            require(is_in_file_ && bytes.size() <= left_, "no more content than was announced");
            left_ -= bytes.size();
            text_ += bytes;
            return {};
        };
        visitor.symlink = [this](std::string_view path, std::string_view target) -> Result<void> {
            begin(path);
            require(!target.empty() && target.find('\0') == target.npos, "a target that a link can have");
            writer_.symlink(target, text_);
            return {};
        };
        visitor.directory = [this](std::string_view path) -> Result<void> {
            begin(path);
            writer_.begin_directory(text_);
            open_.emplace_back(path);
            return {};
        };
        return visitor;
    }

    std::string finish() {
        end_node();
        while (!open_.empty()) close();
        return std::move(text_);
    }
    std::size_t deepest() const { return deepest_; }

  private:
    // Closes what does not hold `path`, and opens the entry of that name.
    void begin(std::string_view path) {
        if (!begun_) {
            require(path.empty(), "the root comes first");
            writer_.begin_archive(text_);
            begun_ = true;
            return;
        }
        end_node();
        auto slash = path.rfind('/');
        auto parent = slash == path.npos ? std::string_view() : path.substr(0, slash);
        auto name = slash == path.npos ? path : path.substr(slash + 1);
        require(!name.empty() && name != "." && name != ".." && name.find('\0') == name.npos, "a name of a file");
        while (!open_.empty() && open_.back() != parent) close();
        require(!open_.empty(), "it lies in a directory that is open");
        writer_.begin_entry(name, text_);
        entries_.push_back(open_.size());
        deepest_ = std::max(deepest_, open_.size());
    }
    void close() {
        writer_.end_directory(text_);
        open_.pop_back();
        end_entry();
    }
    void end_node() {
        if (is_in_file_) {
            require(left_ == 0, "as much content as was announced");
            writer_.end_file(file_size_, text_);
        }
        is_in_file_ = false;
        end_entry();
    }
    void end_entry() {
        if (entries_.empty() || entries_.back() != open_.size()) return;
        writer_.end_entry(text_);
        entries_.pop_back();
    }

    nix::NarWriter writer_;
    std::string text_;
    std::vector<std::string> open_;
    std::vector<std::size_t> entries_; // for each open one: how many directories are open around it
    bool begun_ = false, is_in_file_ = false;
    std::uint64_t file_size_ = 0, left_ = 0;
    std::size_t deepest_ = 0;
};

// What came of it: the archive as heard, or the failure's words.
std::pair<bool, std::string> read(std::string_view input, std::optional<std::size_t> seed) {
    Copy copy;
    nix::NarParser parser(copy.visitor());
    Result<void> result;
    if (seed) {
        in_pieces(input, *seed, [&](std::string_view piece) {
            result = parser.write(piece);
            return result.has_value();
        });
    } else {
        result = parser.write(input);
    }
    bool had_failed = !result;
    if (result) result = parser.finish();
    require(copy.deepest() < nix::nar_depth_limit, "it nests no deeper than Nix does");
    if (result) return {true, copy.finish()};
    require_told(result.error(), {FailureKind::protocol});
    if (had_failed) require(!parser.write("x") && !parser.finish(), "what has failed stays so");
    return {false, result.error().one_line()};
}

} // namespace

void nar(std::string_view input) {
    auto [is_good, told] = read(input, std::nullopt);
    if (is_good) require(told == input, "an archive has one spelling");
    auto [is_good_in_pieces, told_in_pieces] = read(input, input.size());
    require(is_good == is_good_in_pieces && told == told_in_pieces, "pieces make no difference");
}

} // namespace cachefill::fuzz
