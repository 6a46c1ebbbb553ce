#pragma once

#include "async/together.hpp"

#include <optional>

namespace cachefill::async {

// The task's result. `company` runs beside it, for as long as that lasts and no longer; it may end before. Throws what
// either throws.
template <class T> Task<T> beside(Task<T> task, Task<void> company) {
    std::optional<T> result;
    auto finish = [](Task<T> inner, std::optional<T>& out, TaskGroup& group) -> Task<void> {
        out.emplace(co_await std::move(inner));
        group.cancel();
    };
    auto both = [&](TaskGroup& group) {
        group.spawn(std::move(company));
        group.spawn(finish(std::move(task), result, group));
    };
    co_await together(both);
    co_return std::move(*result);
}

} // namespace cachefill::async
