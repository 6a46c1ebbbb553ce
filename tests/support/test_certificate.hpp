#pragma once

#include <string>

namespace cachefill::test {

// A certificate authority of one test run and a host certificate that it signed, all in PEM. Made by OpenSSL in memory;
// `authority` is what a client has to trust (write it to a file and let NIX_SSL_CERT_FILE name it).
struct TestCertificate {
    std::string authority;
    std::string certificate;
    std::string key;
};

// `names`: comma-separated subject alternative names as OpenSSL spells them, for instance "DNS:localhost,IP:127.0.0.1".
TestCertificate make_test_certificate(const std::string& names);

} // namespace cachefill::test
