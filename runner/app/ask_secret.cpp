#include "app/ask_secret.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "options/exit_code.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace cachefill::app {

namespace {

constexpr std::size_t longest_secret = 16 << 10;

// Neither echo nor lines nor signals of its own: a signal between would leave the terminal mute.
class MuteTerminal {
  public:
    MuteTerminal() {
        if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
        auto mute = before_;
        mute.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
        mute.c_cc[VMIN] = 1;
        mute.c_cc[VTIME] = 0;
        is_mute_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &mute) == 0;
    }
    MuteTerminal(const MuteTerminal&) = delete;
    MuteTerminal& operator=(const MuteTerminal&) = delete;
    ~MuteTerminal() { restore(); }
    void restore() const {
        if (is_mute_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    bool is_mute() const { return is_mute_; }

  private:
    struct termios before_ {};
    bool is_mute_ = false;
};

// False: nothing more comes.
Result<bool> read_byte(char& byte, std::chrono::milliseconds patience) {
    for (;;) {
        struct pollfd input {
            .fd = STDIN_FILENO, .events = POLLIN, .revents = 0
        };
        auto ready = ::poll(&input, 1, static_cast<int>(patience.count()));
        if (ready == 0)
            return Failure(FailureKind::usage, "nothing came on standard input for " + human_duration(patience))
                .with_hint("without a terminal the token is read from there: cachefill login NAME < FILE");
        if (ready < 0 && errno != EINTR) return errno_failure("cannot wait for", "standard input", errno);
        if (ready < 0) continue;
        auto count = ::read(STDIN_FILENO, &byte, 1);
        if (count >= 0) return count == 1;
        if (errno != EINTR) return errno_failure("cannot read", "standard input", errno);
    }
}

Failure too_long() { return Failure(FailureKind::usage, "what came on standard input is too long for a token"); }

} // namespace

Result<Secret> ask_secret(const std::string& prompt, std::chrono::milliseconds patience) {
    constexpr char ctrl_c = 3, ctrl_d = 4, backspace = 8, ctrl_u = 21, erase = 127;
    MuteTerminal terminal;
    if (!terminal.is_mute()) return errno_failure("cannot silence", "the terminal", errno);
    std::fputs(prompt.c_str(), stderr);
    std::string typed;
    typed.reserve(longest_secret + 1); // never copied, so that no piece of it stays behind
    bool is_given_up = false;
    for (;;) {
        char byte = 0;
        auto more = read_byte(byte, patience);
        if (!more) return std::move(more).error();
        if (byte == ctrl_c) { // as it would end any other question
            terminal.restore();
            std::fputs("\nnothing was stored\n", stderr);
            std::_Exit(static_cast<int>(options::ExitCode::interrupted));
        }
        is_given_up = !*more || byte == ctrl_d;
        if (is_given_up || byte == '\n' || byte == '\r') break;
        if (byte == ctrl_u)
            typed.clear();
        else if (byte != erase && byte != backspace)
            typed += byte;
        else if (!typed.empty())
            typed.pop_back();
        if (typed.size() > longest_secret) return too_long();
    }
    std::fputs("\n", stderr);
    Secret secret(std::move(typed));
    return is_given_up ? Secret() : std::move(secret);
}

Result<Secret> read_secret(std::chrono::milliseconds patience) {
    std::string line;
    line.reserve(longest_secret + 1);
    for (char byte = 0;;) {
        TRY(more, read_byte(byte, patience));
        if (!more || byte == '\n') return Secret(std::move(line));
        line += byte;
        if (line.size() > longest_secret) return too_long();
    }
}

} // namespace cachefill::app
