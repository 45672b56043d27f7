#include "temp_dir.h"

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <stdlib.h>
#include <system_error>

namespace support {

TempDir::TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "patroni_test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "mkdtemp " + name);
    path_ = name;
}

TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::write(const std::string& name, const std::string& text) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << text << std::flush;
    if (!out)
        throw std::runtime_error("cannot write " + file.string());
    return file.string();
}

}  // namespace support
