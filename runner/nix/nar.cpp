#include "nix/nar.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>

namespace cachefill::nix {

namespace {

constexpr std::size_t word_size = 8;
constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_target = 4095;

std::uint64_t padding_of(std::uint64_t size) { return (word_size - size % word_size) % word_size; }

void put_size(std::uint64_t size, std::string& out) {
    for (std::size_t i = 0; i < word_size; ++i) out += static_cast<char>(size >> (8 * i) & 0xFF);
}

void put(std::string_view text, std::string& out) {
    put_size(text.size(), out);
    out.append(text);
    out.append(padding_of(text.size()), '\0');
}

void put_all(std::initializer_list<std::string_view> texts, std::string& out) {
    for (auto text : texts) put(text, out);
}

} // namespace

void NarWriter::begin_archive(std::string& out) { put(nar_magic, out); }

void NarWriter::begin_file(bool executable, std::uint64_t size, std::string& out) {
    put_all({"(", "type", "regular"}, out);
    if (executable) put_all({"executable", ""}, out);
    put("contents", out);
    put_size(size, out);
}

void NarWriter::end_file(std::uint64_t size, std::string& out) {
    out.append(padding_of(size), '\0');
    put(")", out);
}

void NarWriter::symlink(std::string_view target, std::string& out) {
    put_all({"(", "type", "symlink", "target", target, ")"}, out);
}

void NarWriter::begin_directory(std::string& out) { put_all({"(", "type", "directory"}, out); }
void NarWriter::begin_entry(std::string_view name, std::string& out) {
    put_all({"entry", "(", "name", name, "node"}, out);
}
void NarWriter::end_entry(std::string& out) { put(")", out); }
void NarWriter::end_directory(std::string& out) { put(")", out); }

// A state machine over strings: `expect` says which string may come next, `part` how far we are inside of it.
struct NarParser::State {
    enum class Expect {
        magic,
        node_open,
        type_key,
        type,
        contents_or_executable,
        executable_value,
        contents_key,
        contents,
        node_close, // of a file or symlink
        target_key,
        target,
        entry_or_close,
        entry_open,
        name_key,
        name,
        node_key,
        entry_close,
        nothing, // the archive is complete
    };
    // Where one word must stand, and what follows.
    struct FixedWord {
        Expect at;
        std::string_view word;
        Expect next;
    };
    static constexpr FixedWord fixed_words[]{
        {Expect::magic, nar_magic, Expect::node_open},
        {Expect::node_open, "(", Expect::type_key},
        {Expect::type_key, "type", Expect::type},
        {Expect::executable_value, "", Expect::contents_key},
        {Expect::contents_key, "contents", Expect::contents},
        {Expect::target_key, "target", Expect::target},
        {Expect::entry_open, "(", Expect::name_key},
        {Expect::name_key, "name", Expect::name},
        {Expect::node_key, "node", Expect::node_open},
    };
    enum class Part { size, body, padding };

    explicit State(NarVisitor wanted) : visitor(std::move(wanted)) {}

    NarVisitor visitor;
    Expect expect = Expect::magic;
    Part part = Part::size;
    std::uint64_t offset = 0; // of the next byte in the archive
    std::uint64_t start = 0;  // offset at which the current string's size stands
    std::uint64_t size = 0;   // of the current string
    std::uint64_t left = word_size;
    std::string text; // the current string, unless it is a file's content
    bool executable = false;
    std::string path;
    // One per open directory: how long `path` is at it, and the last name in it.
    struct Directory {
        std::size_t path_size;
        std::string last_name;
    };
    std::vector<Directory> directories;
    std::optional<Failure> failure; // what ended it

    Failure bad(const std::string& why) const {
        auto where = path.empty() ? "" : " ('" + ellipsize(sanitize(path), 200) + "')";
        return Failure(FailureKind::protocol, "bad NAR, byte " + std::to_string(start) + where + ": " + why);
    }

    Result<void> write(std::string_view bytes);
    Result<void> begin_string();
    Result<void> end_string();
    Result<void> take_string();
    Result<void> take_chosen(); // where more than one word may stand, or one that means something
    Result<void> require(std::string_view word, Expect next);
    Result<void> take_type();
    Result<void> take_entry_or_close();
    Result<void> take_name();
    Result<void> take_target();
    void end_node();
    std::size_t longest() const;
    std::string wanted() const;
};

std::string NarParser::State::wanted() const {
    switch (expect) {
    case Expect::magic:
        return "'nix-archive-1'";
    case Expect::node_open:
    case Expect::entry_open:
        return "'('";
    case Expect::type_key:
        return "'type'";
    case Expect::type:
        return "'regular', 'symlink' or 'directory'";
    case Expect::contents_or_executable:
        return "'contents' or 'executable'";
    case Expect::executable_value:
        return "an empty string after 'executable'";
    case Expect::contents_key:
        return "'contents'";
    case Expect::node_close:
    case Expect::entry_close:
        return "')'";
    case Expect::target_key:
        return "'target'";
    case Expect::entry_or_close:
        return "'entry' or ')'";
    case Expect::name_key:
        return "'name'";
    case Expect::node_key:
        return "'node'";
    case Expect::contents:
    case Expect::target:
    case Expect::name:
    case Expect::nothing:
        break;
    }
    return "nothing";
}

std::size_t NarParser::State::longest() const {
    switch (expect) {
    case Expect::name:
        return longest_name;
    case Expect::target:
        return longest_target;
    default:
        return nar_magic.size(); // the longest word
    }
}

Result<void> NarParser::State::write(std::string_view bytes) {
    while (!bytes.empty()) {
        if (expect == Expect::nothing) {
            start = offset;
            return bad("there is more after the archive's end");
        }
        auto piece = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size())));
        bytes.remove_prefix(piece.size());
        offset += piece.size();
        left -= piece.size();
        if (part == Part::size) {
            for (std::size_t i = 0; i < piece.size(); ++i) {
                auto shift = 8 * (word_size - left - piece.size() + i);
                size |= static_cast<std::uint64_t>(static_cast<unsigned char>(piece[i])) << shift;
            }
            if (left == 0) TRY_VOID(begin_string());
        } else if (part == Part::body) {
            if (expect != Expect::contents)
                text.append(piece);
            else if (visitor.content)
                TRY_VOID(visitor.content(piece));
            if (left == 0) TRY_VOID(end_string());
        } else {
            if (piece.find_first_not_of('\0') != piece.npos) return bad("the padding after this string is not zero");
            if (left == 0) TRY_VOID(take_string());
        }
    }
    return {};
}

Result<void> NarParser::State::begin_string() {
    text.clear();
    part = Part::body;
    left = size;
    if (expect == Expect::contents) {
        if (visitor.file) TRY_VOID(visitor.file(path, executable, size));
    } else if (size > longest()) {
        if (expect == Expect::name || expect == Expect::target)
            return bad("a " + std::string(expect == Expect::name ? "name" : "symlink target") + " of " +
                       std::to_string(size) + " bytes, " + std::to_string(longest()) + " are allowed");
        return bad("expected " + wanted() + ", but there is a string of " + std::to_string(size) + " bytes");
    }
    if (left == 0) return end_string();
    return {};
}

Result<void> NarParser::State::end_string() {
    part = Part::padding;
    left = padding_of(size);
    if (left == 0) return take_string();
    return {};
}

Result<void> NarParser::State::take_string() {
    auto fixed = std::find_if(std::begin(fixed_words), std::end(fixed_words),
                              [this](const FixedWord& word) { return word.at == expect; });
    if (fixed != std::end(fixed_words))
        TRY_VOID(require(fixed->word, fixed->next));
    else
        TRY_VOID(take_chosen());
    part = Part::size;
    start = offset;
    size = 0;
    left = word_size;
    return {};
}

Result<void> NarParser::State::take_chosen() {
    switch (expect) {
    case Expect::type:
        return take_type();
    case Expect::contents_or_executable:
        executable = text == "executable";
        if (!executable) return require("contents", Expect::contents);
        expect = Expect::executable_value;
        return {};
    case Expect::contents:
        expect = Expect::node_close;
        return {};
    case Expect::node_close:
        TRY_VOID(require(")", Expect::node_close));
        end_node();
        return {};
    case Expect::target:
        return take_target();
    case Expect::entry_or_close:
        return take_entry_or_close();
    case Expect::name:
        return take_name();
    case Expect::entry_close:
        TRY_VOID(require(")", Expect::entry_or_close));
        path.resize(directories.back().path_size);
        return {};
    default:
        return {};
    }
}

Result<void> NarParser::State::require(std::string_view word, Expect next) {
    if (text != word) return bad("expected " + wanted() + ", but there is '" + sanitize(text) + "'");
    expect = next;
    return {};
}

Result<void> NarParser::State::take_type() {
    if (text == "regular") {
        expect = Expect::contents_or_executable;
    } else if (text == "symlink") {
        expect = Expect::target_key;
    } else if (text == "directory") {
        directories.push_back({path.size(), {}});
        if (visitor.directory) TRY_VOID(visitor.directory(path));
        expect = Expect::entry_or_close;
    } else {
        return bad("expected " + wanted() + ", but there is '" + sanitize(text) + "'");
    }
    return {};
}

Result<void> NarParser::State::take_entry_or_close() {
    if (text == "entry") {
        expect = Expect::entry_open;
        return {};
    }
    TRY_VOID(require(")", Expect::entry_or_close));
    directories.pop_back();
    end_node();
    return {};
}

Result<void> NarParser::State::take_name() {
    using namespace std::string_view_literals;
    if (text.empty() || text == "." || text == ".." || text.find_first_of("/\0"sv) != text.npos)
        return bad("'" + sanitize(text) + "' cannot be the name of a file");
    if (directories.size() >= nar_depth_limit) return bad("it nests deeper than 64 levels");
    auto& last = directories.back().last_name;
    // std::string compares as unsigned bytes, which is the order wanted. The empty name before the first is below all.
    if (text <= last) return bad("'" + sanitize(text) + "' comes after '" + sanitize(last) + "', names must ascend");
    last = text;
    if (!path.empty()) path += '/';
    path += text;
    expect = Expect::node_key;
    return {};
}

Result<void> NarParser::State::take_target() {
    if (text.empty() || text.find('\0') != text.npos) return bad("a symlink target that is empty or contains NUL");
    if (visitor.symlink) TRY_VOID(visitor.symlink(path, text));
    expect = Expect::node_close;
    return {};
}

void NarParser::State::end_node() { expect = directories.empty() ? Expect::nothing : Expect::entry_close; }

NarParser::NarParser(NarVisitor visitor) : state_(std::make_unique<State>(std::move(visitor))) {}
NarParser::NarParser(NarParser&&) noexcept = default;
NarParser::~NarParser() = default;

Result<void> NarParser::write(std::string_view bytes) {
    if (state_->failure) return *state_->failure;
    auto written = state_->write(bytes);
    if (!written) state_->failure = written.error();
    return written;
}

Result<void> NarParser::finish() {
    if (state_->failure) return *state_->failure;
    if (state_->expect == State::Expect::nothing) return {};
    return Failure(FailureKind::protocol,
                   "bad NAR: it ends too early, after " + std::to_string(state_->offset) + " bytes");
}

Result<std::string> file_of_nar(std::string_view nar) {
    std::string content;
    bool is_file = false;
    NarVisitor visitor;
    visitor.file = [&](std::string_view path, bool, std::uint64_t) -> Result<void> {
        is_file = path.empty();
        return {};
    };
    visitor.content = [&](std::string_view bytes) -> Result<void> {
        content += bytes;
        return {};
    };
    NarParser parser(std::move(visitor));
    TRY_VOID(parser.write(nar));
    TRY_VOID(parser.finish());
    if (!is_file) return Failure(FailureKind::protocol, "its store path is no file");
    return content;
}

} // namespace cachefill::nix
