// The clients of bench/failover, all paths in one process: short ones that begin at fixed times,
// each with a connection and a thread of its own, so that a slow one hides none of those that
// follow; and two kinds that stay, one with an idle session, one in the middle of a transaction.
//
//     bench_failover_clients EVENT PERIOD_MS
//
// Standard input, fields parted by tabs: a line for each client ("write", "session" or "reading";
// path; connection string; for "reading" the address of the member that it wants), and an empty
// one. Then "check" (what has become of the idle sessions?) and "end". Standard output: "ready"
// once the sessions are there, and a line for each thing that happened. Times are of
// CLOCK_MONOTONIC.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <libpq-fe.h>
#include <map>
#include <memory>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

constexpr int kAnswerMs = 2000;  // a session that answers no sooner hangs
constexpr int kReadEveryMs = 100;
constexpr int kTriesToReach = 100;  // the wanted member is one of several, or not in use yet
constexpr size_t kStack = 256 * 1024;

double now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string one_line(std::string text) {
    for (char& c : text)
        if (c == '\t' || c == '\n')
            c = ' ';
    return text;
}

void say(const std::string& line) {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

template <typename... Fields>
void tell(const Fields&... fields) {
    std::ostringstream line;
    line.precision(15);
    const char* separator = "";
    ((line << separator << fields, separator = "\t"), ...);
    say(line.str());
}

void in_a_thread(std::function<void()> job) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, kStack);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    auto* argument = new std::function<void()>(std::move(job));
    pthread_t thread{};
    const int failed = pthread_create(
        &thread, &small,
        [](void* given) -> void* {
            const std::unique_ptr<std::function<void()>> mine(
                static_cast<std::function<void()>*>(given));
            (*mine)();
            return nullptr;
        },
        argument);
    pthread_attr_destroy(&small);
    if (failed != 0) {
        std::fputs("bench_failover_clients: no more threads\n", stderr);
        std::_Exit(1);
    }
}

Connection connect(const std::string& how) {
    Connection connection(PQconnectdb(how.c_str()), PQfinish);
    // What a server says as it ends a session is found in the error message too.
    PQsetNoticeProcessor(
        connection.get(), [](void*, const char*) {}, nullptr);
    return connection;
}

std::string field(const Result& result, int column) {
    return PQgetvalue(result.get(), 0, column);
}

/// The attempts that are under way: those that are when all ends were never answered.
class Attempts {
  public:
    void begin(const std::string& path, int number, double due) {
        const std::lock_guard lock(mutex_);
        under_way_[{path, number}] = due;
    }
    void end(const std::string& path, int number) {
        const std::lock_guard lock(mutex_);
        under_way_.erase({path, number});
    }
    void tell_rest() {
        const std::lock_guard lock(mutex_);
        for (const auto& [which, due] : under_way_)
            tell("write", which.first, which.second, due, now(), "unanswered", "", 0, "", "");
    }

  private:
    std::mutex mutex_;
    std::map<std::pair<std::string, int>, double> under_way_;
};

Attempts attempts;
std::string event;

/// Says: path, number, due, ended, outcome, member, timeline, SQLSTATE, message.
void write_row(const std::string& path, const std::string& how, int number, double due) {
    attempts.begin(path, number, due);
    const auto done = [&](const char* outcome, const std::string& member, int timeline,
                          const std::string& state, const std::string& text) {
        attempts.end(path, number);
        tell("write", path, number, due, now(), outcome, member, timeline, state, text);
    };
    const Connection connection = connect(how);
    if (PQstatus(connection.get()) != CONNECTION_OK)
        return done("no connection", "", 0, "", one_line(PQerrorMessage(connection.get())));
    const std::string sql =
        "INSERT INTO failover VALUES (" + event + ", '" + path + "', " + std::to_string(number) +
        ", pg_backend_pid(), host(inet_server_addr()),"
        " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int)"
        " RETURNING member, timeline";
    const Result result(PQexec(connection.get(), sql.c_str()), PQclear);
    if (PQresultStatus(result.get()) == PGRES_TUPLES_OK)
        return done("ok", field(result, 0), std::atoi(field(result, 1).c_str()), "", "");
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    done("no row", "", 0, state ? state : "", one_line(PQerrorMessage(connection.get())));
}

/// Waits until the server says something. False: not within so many milliseconds.
bool readable(const Connection& connection, int milliseconds) {
    pollfd one{PQsocket(connection.get()), POLLIN, 0};
    return poll(&one, 1, milliseconds) > 0;
}

enum class Answer { kRow, kBroken, kNone };

/// One question, with the first row's first columns in `row`.
Answer ask(const Connection& connection, const char* sql, std::vector<std::string>& row) {
    if (PQsendQuery(connection.get(), sql) == 0)
        return Answer::kBroken;
    const double end = now() + kAnswerMs / 1000.0;
    while (PQisBusy(connection.get()) != 0) {
        if (!readable(connection, std::max(0, static_cast<int>((end - now()) * 1000))))
            return Answer::kNone;
        if (PQconsumeInput(connection.get()) == 0)
            return Answer::kBroken;
    }
    bool rows = false;
    while (PGresult* raw = PQgetResult(connection.get())) {
        const Result result(raw, PQclear);
        if (PQresultStatus(raw) != PGRES_TUPLES_OK || PQntuples(raw) == 0)
            continue;
        rows = true;
        row.clear();
        for (int column = 0; column < PQnfields(raw); ++column)
            row.push_back(field(result, column));
    }
    return rows ? Answer::kRow : Answer::kBroken;
}

std::atomic<int> opening{0};
std::atomic<bool> checking{false};
std::atomic<bool> ending{false};

/// Idle, as in an application's pool. Says when it was cut; and when asked to check, what it found.
void keep_session(const std::string& path, const std::string& how) {
    const Connection connection = connect(how);
    std::vector<std::string> row;
    const bool there = ask(connection, "SELECT 1", row) == Answer::kRow;
    tell("session", path, there ? "open" : "failed", now(),
         one_line(PQerrorMessage(connection.get())));
    --opening;
    if (!there)
        return;
    while (!checking) {
        if (!readable(connection, 20))
            continue;
        if (PQconsumeInput(connection.get()) == 0 || PQstatus(connection.get()) != CONNECTION_OK)
            return tell("session", path, "cut", now(), one_line(PQerrorMessage(connection.get())));
    }
    switch (ask(connection, "SELECT host(inet_server_addr()), pg_is_in_recovery()", row)) {
        case Answer::kRow:
            return tell("session", path, "on", now(), row[0], row[1]);
        case Answer::kBroken:
            return tell("session", path, "broken", now(),
                        one_line(PQerrorMessage(connection.get())));
        case Answer::kNone:
            return tell("session", path, "hangs", now(), "");
    }
}

/// In one transaction from here to the end, on the member it wants.
void keep_reading(const std::string& path, const std::string& how, const std::string& wanted) {
    std::vector<Connection> elsewhere;  // kept, so that the next one goes to another member
    Connection connection(nullptr, PQfinish);
    std::vector<std::string> row;
    for (int tries = 0; tries < kTriesToReach; ++tries) {
        connection = connect(how);
        if (ask(connection, "BEGIN; SELECT pg_backend_pid(), host(inet_server_addr())", row) ==
                Answer::kRow &&
            row[1] == wanted)
            break;
        if (PQstatus(connection.get()) == CONNECTION_OK)
            elsewhere.push_back(std::move(connection));
        connection.reset();
        std::this_thread::sleep_for(std::chrono::milliseconds(kReadEveryMs));
    }
    elsewhere.clear();
    tell("reading", path, connection ? "open" : "failed", now(), connection ? row[0] : wanted);
    --opening;
    if (!connection)
        return;
    const std::string pid = row[0];
    while (!ending) {
        const Answer answer = ask(connection, "SELECT pg_backend_pid()", row);
        if (answer != Answer::kRow || row[0] != pid)
            return tell("reading", path, answer == Answer::kNone ? "hangs" : "cut", now(),
                        one_line(PQerrorMessage(connection.get())));
        std::this_thread::sleep_for(std::chrono::milliseconds(kReadEveryMs));
    }
    tell("reading", path, "kept", now(), pid);
}

struct Client {
    std::string kind, path, how, member;
};

std::vector<Client> read_clients() {
    std::vector<Client> clients;
    for (std::string line; std::getline(std::cin, line) && !line.empty();) {
        std::istringstream fields(line);
        Client client;
        std::getline(fields, client.kind, '\t');
        std::getline(fields, client.path, '\t');
        std::getline(fields, client.how, '\t');
        std::getline(fields, client.member, '\t');
        clients.push_back(client);
    }
    return clients;
}

/// Paths begin one after the other within each period, for they share the machine. All clients of
/// one path begin together.
void begin_at_fixed_times(const std::vector<Client>& clients, double period) {
    std::vector<std::pair<std::string, std::vector<std::string>>> paths;
    for (const Client& client : clients) {
        if (client.kind != "write")
            continue;
        if (paths.empty() || paths.back().first != client.path)
            paths.emplace_back(client.path, std::vector<std::string>());
        paths.back().second.push_back(client.how);
    }
    std::vector<int> numbers(paths.size());
    const double began = now();
    for (int tick = 0; !ending; ++tick) {
        for (size_t i = 0; i < paths.size(); ++i) {
            const double due = began + period * (tick + static_cast<double>(i) /
                                                            static_cast<double>(paths.size()));
            if (const double early = due - now(); early > 0)
                std::this_thread::sleep_for(std::chrono::duration<double>(early));
            for (const std::string& how : paths[i].second)
                in_a_thread([path = paths[i].first, how, number = numbers[i]++, due] {
                    write_row(path, how, number, due);
                });
        }
    }
}

}  // namespace

int main(int count, char** values) {
    if (count != 3) {
        std::fputs("usage: bench_failover_clients EVENT PERIOD_MS <clients\n", stderr);
        return 2;
    }
    event = values[1];
    const std::vector<Client> clients = read_clients();
    for (const Client& client : clients) {
        if (client.kind == "write")
            continue;
        ++opening;
        in_a_thread([client] {
            client.kind == "session" ? keep_session(client.path, client.how)
                                     : keep_reading(client.path, client.how, client.member);
        });
    }
    while (opening > 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::thread ticker(begin_at_fixed_times, clients, std::atof(values[2]) / 1000);
    tell("ready");
    for (std::string line; std::getline(std::cin, line) && line != "end";)
        if (line == "check")
            checking = true;
    ending = true;
    ticker.join();
    // What is under way may still end well: as long as a session may take to answer.
    std::this_thread::sleep_for(std::chrono::milliseconds(kAnswerMs + kReadEveryMs));
    attempts.tell_rest();
    std::fflush(stdout);
    std::_Exit(0);  // some threads wait for ever
}
