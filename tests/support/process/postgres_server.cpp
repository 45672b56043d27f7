#include "postgres_server.h"

#include <csignal>
#include <filesystem>
#include <pwd.h>
#include <stdexcept>
#include <unistd.h>
#include <vector>

#include "daemon_process.h"
#include "postgres_program.h"

namespace support {

namespace {

constexpr Milliseconds kPatience{60'000};

std::string own_address() {
    const auto pid = static_cast<unsigned>(::getpid());
    return "127." + std::to_string(50 + pid / 65536 % 50) + "." + std::to_string(pid / 256 % 256) +
           "." + std::to_string(pid % 256);
}

/// PostgreSQL does not run as root, and must not outlive us.
std::vector<std::string> as_postgres(std::vector<std::string> argv) {
    argv.front() = postgres_program(argv.front());
    std::vector<std::string> before{"setpriv", "--pdeathsig", "KILL"};
    if (::geteuid() == 0)
        before.insert(before.end(), {"--reuid=postgres", "--regid=postgres", "--clear-groups"});
    argv.insert(argv.begin(), before.begin(), before.end());
    return argv;
}

void give_to_postgres(const std::filesystem::path& path) {
    if (::geteuid() != 0)
        return;
    const passwd* account = ::getpwnam("postgres");
    if (account == nullptr || ::chown(path.c_str(), account->pw_uid, account->pw_gid) != 0)
        throw std::runtime_error("cannot give " + path.string() + " to user postgres");
}

}  // namespace

PostgresServer::PostgresServer() : ip_(own_address()) {
    const std::string directory = directory_.path();
    const CertificateAuthority authority(directory_);
    const CertificateFiles files = authority.issue({.hosts = {ip_}});
    for (const std::string& path : {directory, files.certificate, files.key})
        give_to_postgres(path);
    std::filesystem::permissions(files.key, std::filesystem::perms::owner_read);
    const std::string data = directory + "/data";
    const ProcessOptions there{.environment = {{"LC_ALL", "C"}}, .working_directory = directory};
    const RunResult made = run(as_postgres({"initdb", "--pgdata", data, "--auth", "trust",
                                            "--username", "postgres", "--no-sync"}),
                               there, kPatience);
    if (made.status.code != 0)
        throw std::runtime_error("initdb: " + made.out + made.err);
    std::vector<std::string> argv{"postgres", "-D", data};
    for (const std::string& setting :
         {"listen_addresses=" + ip_, "port=" + std::to_string(port()),
          "unix_socket_directories=" + directory, "ssl_cert_file=" + files.certificate,
          "ssl_key_file=" + files.key, std::string("ssl=on"), std::string("fsync=off"),
          std::string("shared_buffers=16MB"), std::string("logging_collector=off")})
        argv.insert(argv.end(), {"-c", setting});
    process_ = std::make_unique<ChildProcess>(as_postgres(argv), there);
    output_ = std::make_unique<OutputReader>(process_->take_output(), process_->take_error());
    const auto accepts = [](const OutputLine& line) {
        return line.text.find("ready to accept connections") != std::string::npos;
    };
    if (!output_->find(0, accepts, kPatience))
        throw std::runtime_error("PostgreSQL does not start: " + output_->text());
}

PostgresServer::~PostgresServer() {
    try {
        stop_fast();
    } catch (const std::exception&) {
        // The kernel ends it with us.
    }
}

void PostgresServer::stop_fast() {
    process_->signal(SIGINT);
    if (!process_->wait(kPatience))
        throw TimedOut(kPatience, "the end of PostgreSQL", output_->text());
}

}  // namespace support
