#include "haproxy_under_test.h"

#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "integration/real/testbed.h"
#include "support/sockets/fd.h"
#include "support/sockets/test_client.h"

using namespace std::chrono_literals;

HaproxyUnderTest::HaproxyUnderTest(const std::string& contrib_file)
    : socket_((directory_.path() / "admin.sock").string()),
      file_(directory_.write(
          "haproxy.cfg",
          contrib(contrib_file, {{"/run/haproxy/admin.sock", socket_},
                                 {"10.0.0.", "127.0.0."},
                                 {"my_cluster/pg-node-", "my_cluster/p"},
                                 {"bind *:", std::string("bind ") + kAddress + ":"}}))) {
    start({});
}

void HaproxyUnderTest::start(const std::vector<std::string>& more) {
    std::vector<std::string> argv{"/usr/sbin/haproxy", "-db", "-f", file_};
    argv.insert(argv.end(), more.begin(), more.end());
    processes_.push_back(std::make_unique<support::DaemonProcess>(argv));
    const std::string pid = "Pid: " + std::to_string(processes_.back()->pid()) + "\n";
    support::eventually([&] { return command("show info").find(pid) != std::string::npos; },
                        "HAProxy to answer on its stats socket");
}

void HaproxyUnderTest::reload() {
    const std::string old = std::to_string(processes_.back()->pid());
    start({"-x", socket_, "-sf", old});
}

void HaproxyUnderTest::stop_softly() const {
    processes_.back()->signal(SIGUSR1);
}

void HaproxyUnderTest::wait_until_it_ends() {
    (void)processes_.back()->wait_for_exit();
}

std::string HaproxyUnderTest::command(const std::string& line) const {
    const support::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.c_str(), sizeof address.sun_path - 1);
    const timeval patience{2, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return {};
    const std::string request = line + "\n";
    if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
        return {};
    std::string answer;
    char bytes[4096];
    for (ssize_t count = 0; (count = ::recv(fd.get(), bytes, sizeof bytes, 0)) > 0;)
        answer.append(bytes, static_cast<std::size_t>(count));
    return answer;
}

std::map<std::string, std::string> HaproxyUnderTest::states() const {
    constexpr std::size_t kBackend = 0, kServer = 1, kStatus = 17;
    std::map<std::string, std::string> states;
    std::istringstream lines(command("show stat -1 4 -1"));
    for (std::string line; std::getline(lines, line);) {
        std::vector<std::string> fields;
        std::istringstream columns(line);
        for (std::string field; std::getline(columns, field, ',');)
            fields.push_back(field);
        if (fields.size() > kStatus && fields[kBackend].substr(0, 1) != "#")
            states[fields[kBackend] + "/" + fields[kServer]] = fields[kStatus];
    }
    return states;
}

std::string HaproxyUnderTest::output() const {
    std::string output;
    for (const auto& process : processes_)
        output += process->output();
    return output;
}

StateWatch::StateWatch(const HaproxyUnderTest& haproxy) : haproxy_(haproxy) {
    sample();
    thread_ = std::thread([this] {
        while (!stop_) {
            sample();
            std::this_thread::sleep_for(10ms);
        }
    });
}

void StateWatch::sample() {
    const auto states = haproxy_.states();
    const std::lock_guard lock(mutex_);
    for (const auto& [server, state] : states)
        seen_[server].insert(state);
}

StateWatch::~StateWatch() {
    stop_ = true;
    thread_.join();
}

std::set<std::string> StateWatch::seen(const std::string& server) {
    const std::lock_guard lock(mutex_);
    return seen_[server];
}

void StateWatch::forget() {
    const std::lock_guard lock(mutex_);
    seen_.clear();
}

namespace {

std::string big_endian(std::size_t number) {
    return {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
            static_cast<char>(number >> 8), static_cast<char>(number)};
}

/// Just enough of PostgreSQL's protocol for one statement. Throws where the connection ends.
class OneStatement {
  public:
    OneStatement(const std::string& ip, std::uint16_t port) : client_(ip, port) {
        const std::string parameters("\0\3\0\0user\0postgres\0database\0postgres\0\0", 37);
        client_.send(big_endian(parameters.size() + 4) + parameters);
    }

    /// The SQLSTATE: "00000" where it succeeded.
    std::string execute(const std::string& sql) {
        std::string state = until_ready();
        if (state != "00000")
            return state;
        client_.send("Q" + big_endian(sql.size() + 5) + sql + std::string(1, '\0'));
        state = until_ready();
        client_.send("X" + big_endian(4));
        return state;
    }

  private:
    std::string until_ready() {
        std::string state = "00000";
        while (true) {
            const std::string head = client_.receive(5);
            std::size_t size = 0;
            for (const char byte : head.substr(1))
                size = size << 8 | static_cast<unsigned char>(byte);
            const std::string body = client_.receive(size - 4);
            if (head[0] == 'Z')
                return state;
            if (head[0] != 'E')
                continue;
            // Each field is a letter, a text and a NUL. A fatal error ends the connection.
            for (std::size_t at = 0; at < body.size() && body[at] != '\0';
                 at = body.find('\0', at) + 1)
                if (body[at] == 'C')
                    state = body.substr(at + 1, 5);
            if (body.find("FATAL") != std::string::npos)
                return state;
        }
    }

    support::TestClient client_;
};

}  // namespace

RowWriter::RowWriter(std::string ip, std::uint16_t port, std::string table)
    : ip_(std::move(ip)), port_(port), table_(std::move(table)), thread_([this] { run(); }) {}

RowWriter::~RowWriter() {
    stop();
}

void RowWriter::stop() {
    stop_ = true;
    if (thread_.joinable())
        thread_.join();
}

void RowWriter::run() {
    for (int number = 1; !stop_; ++number) {
        try {
            const std::string state =
                OneStatement(ip_, port_)
                    .execute("INSERT INTO " + table_ + " VALUES (" + std::to_string(number) + ")");
            if (state == "00000") {
                confirmed_.push_back(number);
                ++written_;
            } else if (state == "25006") {
                ++hits_;
            }
        } catch (const std::exception&) {
            // Refused or cut. A client would try again; this one goes on with the next row.
        }
        std::this_thread::sleep_for(2ms);
    }
}
