// What a Nix daemon says, from its greeting on; a socket of that name may be anybody's.
//
// The first byte chooses what was asked, the rest is what comes. It ends: each event uses bytes up or answers a
// request. It makes no difference in which pieces it comes, but for how early nonsense is seen. What the conversation
// ends with, and what a request fails with, fails as protocol or store; events and errors steer no terminal. Nothing is
// kept by the word of a length: not more than came (libFuzzer's limit of memory watches).
#include "daemon/session.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

#include <vector>

namespace cachefill::fuzz {

namespace {

nix::StorePath a_path() { return nix::StorePath::parse_base_name("00000000000000000000000000000000-a.drv").value(); }

// One of each sort, by number; two in a row, so that the second one's answer follows the first one's.
void ask(daemon::Session& session, unsigned choice) {
    std::vector<daemon::Request> requests;
    requests.push_back(daemon::query_path_info(a_path()));
    requests.push_back(daemon::query_valid_paths({a_path()}));
    requests.push_back(daemon::query_realisation("sha256:" + std::string(64, '0') + "!out").value());
    requests.push_back(daemon::query_missing({{a_path(), {"out"}}}).value());
    requests.push_back(daemon::query_derivation_outputs(a_path()));
    requests.push_back(daemon::build_paths({{a_path(), {"out"}}}, daemon::BuildMode::normal).value());
    requests.push_back(daemon::find_dead());
    requests.push_back(daemon::set_options({}));
    session.request(std::move(requests[choice % requests.size()]));
    requests.clear();
    session.request(daemon::ensure_path(a_path()));
}

class Listener {
  public:
    explicit Listener(unsigned choice) : choice_(choice) {}

    // All that is said now; false once the conversation has ended.
    bool listen() {
        for (;;) {
            if (session_.is_ready() && !has_asked_) {
                has_asked_ = true;
                ask(session_, choice_);
                session_.take_output();
            }
            auto event = session_.next();
            if (!event) {
                require_told(event.error(), {FailureKind::protocol, FailureKind::store});
                has_ended_ = true;
                told_ += "end: " + event.error().one_line() + "\n";
                return false;
            }
            if (!*event) {
                if (session_.is_ready() && !has_asked_) continue;
                return true;
            }
            take(**event);
        }
    }
    bool hear(std::string_view bytes) {
        session_.receive(bytes);
        return listen();
    }
    std::string told() {
        auto cut = session_.cut_off();
        require_told(cut, {FailureKind::store});
        return told_;
    }
    bool has_ended() const { return has_ended_; }

  private:
    void take(daemon::Session::Event& event) {
        if (auto* log = std::get_if<daemon::LogEvent>(&event)) {
            require_harmless(log->text);
            require_harmless(log->cache);
            told_ += "log " + std::to_string(static_cast<int>(log->kind)) + log->text + "\n";
        } else {
            auto& reply = std::get<daemon::Session::Completed>(event).reply;
            if (!reply) require_told(reply.error(), {FailureKind::protocol, FailureKind::store});
            told_ += reply ? "reply " + std::to_string(reply->index()) : "failed " + reply.error().one_line();
            told_ += '\n';
        }
    }

    daemon::Session session_;
    unsigned choice_;
    bool has_asked_ = false, has_ended_ = false;
    std::string told_;
};

} // namespace

void daemon(std::string_view input) {
    if (input.empty()) return;
    auto choice = static_cast<unsigned char>(input.front());
    input.remove_prefix(1);
    Listener whole(choice), in_parts(choice);
    whole.hear(input);
    in_pieces(input, input.size(), [&](std::string_view piece) { return in_parts.hear(piece); });
    // Who hears parts waits for the rest of a message, where who has more sees already that it is nonsense.
    require(whole.has_ended() || !in_parts.has_ended(), "nonsense in parts is nonsense as a whole");
    if (whole.has_ended() == in_parts.has_ended())
        require(whole.told() == in_parts.told(), "pieces make no difference");
    else
        require(whole.told().starts_with(in_parts.told()), "up to the nonsense pieces make no difference");
}

} // namespace cachefill::fuzz
