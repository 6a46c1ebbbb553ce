#include "support/test_certificate.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace cachefill::test {

namespace {

template <auto free_function> struct Free {
    template <class T> void operator()(T* thing) const { free_function(thing); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO_free_all>>;

template <class T> T* must(T* thing) {
    if (!thing) throw std::runtime_error("OpenSSL could not make the test certificate");
    return thing;
}

void must(int result) {
    if (result <= 0) throw std::runtime_error("OpenSSL could not make the test certificate");
}

Key make_key() { return Key(must(EVP_EC_gen("P-256"))); }

void add_extension(X509* certificate, X509* issuer, int id, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    auto* extension = must(X509V3_EXT_conf_nid(nullptr, &context, id, value));
    auto added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    must(added);
}

Certificate make_certificate(const char* common_name, long serial, EVP_PKEY* key) {
    Certificate certificate(must(X509_new()));
    must(X509_set_version(certificate.get(), 2));
    must(ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial));
    must(X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600));
    must(X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24 * 3600));
    must(X509_set_pubkey(certificate.get(), key));
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                                    reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0));
    return certificate;
}

std::string content_of(BIO* memory) {
    char* data = nullptr;
    auto size = BIO_get_mem_data(memory, &data);
    return std::string(data, static_cast<std::size_t>(size));
}

std::string to_pem(X509* certificate) {
    Memory memory(must(BIO_new(BIO_s_mem())));
    must(PEM_write_bio_X509(memory.get(), certificate));
    return content_of(memory.get());
}

std::string to_pem(EVP_PKEY* key) {
    Memory memory(must(BIO_new(BIO_s_mem())));
    must(PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr));
    return content_of(memory.get());
}

} // namespace

TestCertificate make_test_certificate(const std::string& names) {
    auto authority_key = make_key();
    auto authority = make_certificate("cachefill test authority", 1, authority_key.get());
    must(X509_set_issuer_name(authority.get(), X509_get_subject_name(authority.get())));
    add_extension(authority.get(), authority.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(authority.get(), authority.get(), NID_key_usage, "critical,keyCertSign");
    must(X509_sign(authority.get(), authority_key.get(), EVP_sha256()));

    auto key = make_key();
    auto certificate = make_certificate("cachefill test host", 2, key.get());
    must(X509_set_issuer_name(certificate.get(), X509_get_subject_name(authority.get())));
    add_extension(certificate.get(), authority.get(), NID_subject_alt_name, names.c_str());
    must(X509_sign(certificate.get(), authority_key.get(), EVP_sha256()));

    TestCertificate result;
    result.authority = to_pem(authority.get());
    result.certificate = to_pem(certificate.get());
    result.key = to_pem(key.get());
    return result;
}

} // namespace cachefill::test
