#include "allocated.h"

#include <cstdlib>
#include <malloc.h>
#include <new>

namespace {

thread_local std::ptrdiff_t allocated = 0;

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

namespace net {

std::ptrdiff_t allocated_by_this_thread() noexcept {
    return allocated;
}

}  // namespace net
