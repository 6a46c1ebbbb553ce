#pragma once

#include "base/failure.hpp"

#include <cassert>
#include <type_traits>
#include <utility>
#include <variant>

namespace cachefill {

// A value or the Failure that kept us from it. The member names are std::expected's (C++23), so that one day it can be
// that. Absent is not a failure: an operation that may find nothing returns Result<std::optional<T>>.
template <class T> class [[nodiscard]] Result {
  public:
    using value_type = T;

    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}

    bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }

    T& value() & { return *std::get_if<0>(&state_); }
    const T& value() const& { return *std::get_if<0>(&state_); }
    T&& value() && { return std::move(*std::get_if<0>(&state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    Failure& error() & { return *std::get_if<1>(&state_); }
    const Failure& error() const& { return *std::get_if<1>(&state_); }
    Failure&& error() && { return std::move(*std::get_if<1>(&state_)); }

    T value_or(T other) && { return has_value() ? std::move(*this).value() : std::move(other); }

  private:
    std::variant<T, Failure> state_;
};

template <> class [[nodiscard]] Result<void> {
  public:
    using value_type = void;

    Result() = default;
    Result(Failure failure) : failure_(std::move(failure)) {}

    bool has_value() const { return !failure_; }
    explicit operator bool() const { return has_value(); }

    Failure& error() & { return *failure_; }
    const Failure& error() const& { return *failure_; }
    Failure&& error() && { return std::move(*failure_); }

  private:
    std::optional<Failure> failure_;
};

// The same result, its failure (if it is one) knowing what was being done.
template <class T> Result<T> with_context(Result<T> result, std::string doing) {
    if (!result) return std::move(result).error().with_context(std::move(doing));
    return result;
}

} // namespace cachefill

// TRY(name, expression): declare `name` as the value of a Result, or return its Failure. CO_TRY is the same inside a
// coroutine. TRY_VOID and CO_TRY_VOID are for Result<void>. The only macros we have. An awaited expression is allowed,
// as long as it holds no braced temporary and no capturing lambda (see CONTRIBUTING.md, coroutines).
#define CACHEFILL_JOIN2(a, b) a##b
#define CACHEFILL_JOIN(a, b) CACHEFILL_JOIN2(a, b)
#define CACHEFILL_TRY(ret, name, expr)                                                                                 \
    auto CACHEFILL_JOIN(try_result_, __LINE__) = (expr);                                                               \
    if (!CACHEFILL_JOIN(try_result_, __LINE__)) ret std::move(CACHEFILL_JOIN(try_result_, __LINE__)).error();          \
    auto name = std::move(CACHEFILL_JOIN(try_result_, __LINE__)).value()
#define CACHEFILL_TRY_VOID(ret, expr)                                                                                  \
    do {                                                                                                               \
        auto try_result = (expr);                                                                                      \
        if (!try_result) ret std::move(try_result).error();                                                            \
    } while (false)
#define TRY(name, expr) CACHEFILL_TRY(return, name, expr)
#define CO_TRY(name, expr) CACHEFILL_TRY(co_return, name, expr)
#define TRY_VOID(expr) CACHEFILL_TRY_VOID(return, expr)
#define CO_TRY_VOID(expr) CACHEFILL_TRY_VOID(co_return, expr)
