#include "allocated.h"

#ifdef SANITIZED
#include <sanitizer/allocator_interface.h>
#else
#include <cstdlib>
#include <malloc.h>
#include <new>
#endif

namespace {

thread_local std::ptrdiff_t allocated = 0;

#ifdef SANITIZED

// Sanitizers have a `new` of their own.
[[maybe_unused]] const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void* /*memory*/, std::size_t size) {
        allocated += static_cast<std::ptrdiff_t>(size);
    },
    [](const volatile void* memory) {
        if (memory)
            allocated -= static_cast<std::ptrdiff_t>(__sanitizer_get_allocated_size(memory));
    });

}  // namespace

#else

}  // namespace

// Apart from the tests: inlined there, GCC takes the pair for a mismatch.
void* operator new(std::size_t size) {
    void* const memory = std::malloc(size);
    if (!memory)
        throw std::bad_alloc();
    allocated += static_cast<std::ptrdiff_t>(::malloc_usable_size(memory));
    return memory;
}

void operator delete(void* memory) noexcept {
    if (memory)
        allocated -= static_cast<std::ptrdiff_t>(::malloc_usable_size(memory));
    std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
    operator delete(memory);
}

#endif

namespace net {

std::ptrdiff_t allocated_by_this_thread() noexcept {
    return allocated;
}

}  // namespace net
