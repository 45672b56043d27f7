#pragma once

#include <memory>

namespace patroni {

/// Sole owner of one of OpenSSL's objects: OpenSslHandle<X509, X509_free>.
template <auto Free>
struct OpenSslDeleter {
    template <typename T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

template <typename T, auto Free>
using OpenSslHandle = std::unique_ptr<T, OpenSslDeleter<Free>>;

}  // namespace patroni
