#include "app/ask_secret.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "options/exit_code.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace cachefill::app {

namespace {

constexpr std::size_t longest_secret = 16 << 10;

// The terminal as it was, for whoever ends us; only one is asked at a time.
struct termios terminal_before {};
volatile std::sig_atomic_t terminal_is_mute = 0;

// Only what a signal's handler may do.
void end_on_signal(int number) {
    if (terminal_is_mute != 0) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
    constexpr std::string_view text = "\nnothing was stored\n";
    [[maybe_unused]] auto written = ::write(STDERR_FILENO, text.data(), text.size());
    ::_exit(128 + number);
}

// While this waits for input nobody else sees a signal: it ends the program at once.
class EndingOnSignals {
  public:
    EndingOnSignals() {
        struct sigaction ending {};
        ending.sa_handler = end_on_signal;
        ::sigemptyset(&ending.sa_mask);
        for (std::size_t i = 0; i < numbers.size(); ++i) ::sigaction(numbers[i], &ending, &before_[i]);
    }
    EndingOnSignals(const EndingOnSignals&) = delete;
    EndingOnSignals& operator=(const EndingOnSignals&) = delete;
    ~EndingOnSignals() {
        for (std::size_t i = 0; i < numbers.size(); ++i) ::sigaction(numbers[i], &before_[i], nullptr);
    }

  private:
    static constexpr std::array<int, 4> numbers{SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    std::array<struct sigaction, numbers.size()> before_{};
};

// Neither echo nor lines nor signals of its own.
class MuteTerminal {
  public:
    MuteTerminal() {
        if (::tcgetattr(STDIN_FILENO, &terminal_before) != 0) return;
        auto mute = terminal_before;
        mute.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
        mute.c_cc[VMIN] = 1;
        mute.c_cc[VTIME] = 0;
        terminal_is_mute = 1; // before it is: a signal may come between
        if (::tcsetattr(STDIN_FILENO, TCSAFLUSH, &mute) != 0) terminal_is_mute = 0;
    }
    MuteTerminal(const MuteTerminal&) = delete;
    MuteTerminal& operator=(const MuteTerminal&) = delete;
    ~MuteTerminal() { restore(); }
    static void restore() {
        if (is_mute()) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
        terminal_is_mute = 0;
    }
    static bool is_mute() { return terminal_is_mute != 0; }

  private:
    EndingOnSignals ending_;
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
    EndingOnSignals ending;
    for (char byte = 0;;) {
        TRY(more, read_byte(byte, patience));
        if (!more || byte == '\n') return Secret(std::move(line));
        line += byte;
        if (line.size() > longest_secret) return too_long();
    }
}

} // namespace cachefill::app
