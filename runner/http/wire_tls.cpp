#include "http/wire_stream.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace cachefill::http {

namespace asio = async::asio;

namespace {

using TlsStream = asio::ssl::stream<TcpSocket>;

// OpenSSL itself compares the names, so that its verdict says so when it is the name that is wrong.
bool expect_host(SSL* ssl, const std::string& host) {
    boost::system::error_code not_an_address;
    asio::ip::make_address(host, not_an_address);
    if (!not_an_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

Failure handshake_failure(SSL* ssl, const boost::system::error_code& error, const Watch& watch, const std::string& host,
                          const std::string& peer) {
    auto failure = socket_failure(error, "the TLS handshake with " + peer, watch, peer);
    auto verdict = SSL_get_verify_result(ssl);
    if (watch.is_expired() || verdict == X509_V_OK) return failure;
    std::string reason = X509_verify_cert_error_string(verdict);
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return Failure(FailureKind::protocol,
                       "the certificate that " + peer + " shows is not for " + host + " (" + reason + ")")
            .with_hint("check the URL; something between here and there may answer in its place");
    return Failure(FailureKind::protocol, "the certificate of " + peer + " is not trusted: " + reason)
        .with_hint("if an authority of your own signed it, let NIX_SSL_CERT_FILE name a bundle with that authority");
}

class OpenSslContext final : public TlsContext {
  public:
    asio::ssl::context& context() { return context_; }

    async::Task<Result<std::unique_ptr<Connection>>> start(TcpSocket socket, std::string host, std::string peer,
                                                           Watch& watch) override {
        auto connection = std::make_unique<StreamConnection<TlsStream>>(peer, std::move(socket), context_);
        auto* ssl = connection->stream().native_handle();
        if (!expect_host(ssl, host))
            co_return Failure(FailureKind::usage, "'" + host + "' cannot be the name of a TLS server");
        watch.enter(Phase::tls);
        Watch::Guard guard(watch, connection->socket());
        auto [error] =
            co_await connection->stream().async_handshake(asio::ssl::stream_base::client, async::use_task_tuple);
        if (error) co_return handshake_failure(ssl, error, watch, host, peer);
        co_return std::unique_ptr<Connection>(std::move(connection));
    }

  private:
    asio::ssl::context context_{asio::ssl::context::tls_client};
};

} // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::load(const std::filesystem::path& certificates) {
    auto context = std::make_unique<OpenSslContext>();
    auto* native = context->context().native_handle();
    boost::system::error_code error;
    context->context().load_verify_file(certificates.string(), error);
    if (error)
        return Failure(FailureKind::machine,
                       "cannot use the certificates in " + certificates.string() + ": " + error.message())
            .with_hint("it must be a PEM file; NIX_SSL_CERT_FILE can name another one");
    context->context().set_verify_mode(asio::ssl::verify_peer, error);
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS); // idle connections need no buffers
    static constexpr unsigned char protocols[] = "\x08http/1.1";
    SSL_CTX_set_alpn_protos(native, protocols, sizeof protocols - 1);
    return std::unique_ptr<TlsContext>(std::move(context));
}

} // namespace cachefill::http
