#include "patroni_proxy/migrate/pieces/port_rules.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "net/socket/network.h"

namespace proxy::migrate {
namespace {

using haproxy::Statement;
using Words = std::vector<std::string>;

/// What an ACL tests: "nbsrv(replicas) lt 1".
struct Test {
    Words words;
    bool negated = false;
};

class RuleReader {
  public:
    RuleReader(const haproxy::Proxy& proxy, Ledger& ledger) : proxy_(proxy), ledger_(ledger) {
        for (const auto* line : proxy.inherited)
            if (line->word(0) == "acl")
                add_acl(*line);
        for (const auto* line : proxy.own({"acl"}))
            add_acl(*line);
    }

    PortRules read() {
        const auto* usual = proxy_.last({"default_backend"});
        if (proxy_.kind == haproxy::Proxy::Kind::listen && !proxy_.servers.empty())
            rules_.target = proxy_.name;
        if (usual) {
            if (rules_.target.empty())
                rules_.target = usual->word(1);
            ledger_.add(*usual, Outcome::carried, "roles");
        }
        for (const auto* line : proxy_.own({"use_backend"}))
            read_use(*line);
        for (const auto* line : proxy_.own({"tcp-request"}))
            read_request(*line);
        report_acls();
        return std::move(rules_);
    }

  private:
    void add_acl(const Statement& line) {
        if (line.words.size() < 3)
            return;
        Words words;
        for (std::size_t index = 2; index < line.words.size(); ++index)
            words.push_back(line.word(index));
        acls_[line.word(1)].push_back(std::move(words));
        acl_lines_[line.word(1)].push_back(&line);
    }

    /// The tests of "if !a { b }" from word `index` on, all of which must hold; nothing if they
    /// cannot be read. `unless` negates one test.
    std::optional<std::vector<Test>> condition_of(const Statement& line, std::size_t index) {
        const bool unless = line.word(index) == "unless";
        if (line.word(index) != "if" && !unless)
            return std::nullopt;
        std::vector<Test> tests;
        bool negated = false;
        for (++index; index < line.words.size(); ++index) {
            std::string word = line.word(index);
            if (word == "or" || word == "||")
                return std::nullopt;
            if (word.starts_with('!')) {
                negated = !negated;
                word.erase(0, 1);
                if (word.empty())
                    continue;
            }
            Test test{{}, negated};
            negated = false;
            if (word == "{") {
                while (++index < line.words.size() && line.word(index) != "}")
                    test.words.push_back(line.word(index));
            } else {
                const auto found = acls_.find(word);
                if (found == acls_.end())
                    return std::nullopt;
                used_.insert(word);
                test.words = found->second.front();
                // Several lines of one name: any of them.
                for (std::size_t more = 1; more < found->second.size(); ++more)
                    if (found->second[more].front() == test.words.front())
                        test.words.insert(test.words.end(), found->second[more].begin() + 1,
                                          found->second[more].end());
                    else
                        return std::nullopt;
            }
            if (test.words.empty())
                return std::nullopt;
            tests.push_back(std::move(test));
        }
        if (unless && tests.size() != 1)
            return std::nullopt;
        if (unless)
            tests.front().negated = !tests.front().negated;
        return tests.empty() ? std::nullopt : std::optional(tests);
    }

    /// The backend that a test finds without a server (true) or with one (false).
    static std::optional<std::pair<std::string, bool>> emptiness(const Test& test) {
        Words words = test.words;
        std::erase_if(words, [](const std::string& word) { return word == "-m" || word == "int"; });
        const std::string& fetch = words.front();
        if (fetch != "nbsrv" && !fetch.starts_with("nbsrv("))
            return std::nullopt;
        std::string backend = fetch == "nbsrv" ? "" : fetch.substr(6);
        if (backend.ends_with(')'))
            backend.pop_back();
        const std::string comparison =
            words.size() == 3 ? words[1] + " " + words[2] : (words.size() == 2 ? words[1] : "");
        bool empty = false;
        if (comparison == "lt 1" || comparison == "eq 0" || comparison == "le 0" ||
            comparison == "0")
            empty = true;
        else if (comparison != "gt 0" && comparison != "ge 1")
            return std::nullopt;
        return std::pair(backend, empty != test.negated);
    }

    void read_use(const Statement& line) {
        if (line.words.size() == 2) {
            rules_.target = line.word(1);
            ledger_.add(line, Outcome::carried, "roles");
            return;
        }
        const auto tests = condition_of(line, 2);
        const auto found = tests && tests->size() == 1 ? emptiness(tests->front()) : std::nullopt;
        if (found && rules_.fallback.empty()) {
            const std::string backend = found->first.empty() ? proxy_.name : found->first;
            if (found->second && backend == rules_.target) {
                rules_.fallback = line.word(1);
                rules_.fallback_line = &line;
                return;
            }
            if (!found->second && backend == line.word(1)) {
                rules_.fallback = std::exchange(rules_.target, backend);
                rules_.fallback_line = &line;
                return;
            }
        }
        ledger_.add(line, Outcome::not_carried,
                    "a port has one list of roles, and fallback_roles for when no member has any "
                    "of them; this condition is neither");
    }

    void read_request(const Statement& line) {
        const bool connection = line.word(1) == "connection" || line.word(1) == "content";
        const bool reject = line.word(2) == "reject";
        const bool accept = line.word(2) == "accept";
        if (!connection || (!reject && !accept))
            return;  // see directives.cpp
        if (reject && line.words.size() == 3 && !accepts_.empty()) {
            ledger_.add(line, Outcome::carried, "allow");
            for (const auto* accept_line : accepts_)
                ledger_.add(*accept_line, Outcome::carried, "allow");
            rules_.allow = std::exchange(accepted_, {});
            rules_.allow_line = accepts_.front();
            accepts_.clear();
            return;
        }
        const auto tests = condition_of(line, 3);
        auto networks = tests ? sources_of(*tests, reject) : Words{};
        if (!networks.empty() && accept) {
            accepts_.push_back(&line);
            accepted_.insert(accepted_.end(), networks.begin(), networks.end());
        } else if (!networks.empty() && rules_.allow.empty()) {
            rules_.allow = std::move(networks);
            rules_.allow_line = &line;
            ledger_.add(line, Outcome::carried, "allow");
        } else {
            ledger_.add(line, Outcome::not_carried,
                        "allow takes the networks that clients may come from, and nothing else");
        }
    }

    /// "reject if !a !b" and "accept if a": the clients that are let in; empty if it is neither.
    static Words sources_of(const std::vector<Test>& tests, bool reject) {
        Words networks;
        for (const auto& test : tests) {
            if (test.words.front() != "src" || test.negated != reject)
                return {};
            for (std::size_t index = 1; index < test.words.size(); ++index) {
                if (!net::Network::parse(test.words[index]))
                    return {};
                networks.push_back(test.words[index]);
            }
        }
        return reject || tests.size() == 1 ? networks : Words{};
    }

    void report_acls() {
        for (const auto* line : accepts_)
            ledger_.add(*line, Outcome::not_needed, "everybody else is let in as well");
        for (const auto& [name, lines] : acl_lines_)
            for (const auto* line : lines)
                if (used_.contains(name))
                    ledger_.add(*line, Outcome::carried, "read where it is used");
    }

    const haproxy::Proxy& proxy_;
    Ledger& ledger_;
    PortRules rules_;
    std::map<std::string, std::vector<Words>> acls_;
    std::map<std::string, std::vector<const Statement*>> acl_lines_;
    std::set<std::string> used_;
    std::vector<const Statement*> accepts_;  // without the `reject` that makes them count
    Words accepted_;
};

}  // namespace

PortRules read_rules(const haproxy::Proxy& proxy, Ledger& ledger) {
    return RuleReader(proxy, ledger).read();
}

}  // namespace proxy::migrate
