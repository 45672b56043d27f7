#include "haproxy/model/proxy.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace haproxy {
namespace {

using Statements = std::vector<const Statement*>;

/// A chain of defaults costs its length for each proxy.
constexpr std::size_t kMaxInherited = 10'000;
constexpr std::size_t kMaxInheritedByAll = 1'000'000;
/// And what `default-server` says costs its length for each server.
constexpr std::size_t kMaxServerOptions = 500'000;

void set_options(std::map<std::string, LineOption>& options, const std::vector<LineOption>& more) {
    for (const auto& option : more) {
        if (option.keyword == "enabled")
            options.erase("disabled");
        if (option.negated)
            options.erase(option.keyword);
        else
            options.insert_or_assign(option.keyword, option);
    }
}

class ProxyReader {
  public:
    explicit ProxyReader(const Configuration& configuration) : configuration_(configuration) {}

    std::vector<Proxy> read() {
        for (const auto& section : configuration_.sections) {
            if (section.kind == "defaults")
                read_defaults(section);
            else if (section.kind == "listen")
                read_proxy(section, Proxy::Kind::listen);
            else if (section.kind == "frontend")
                read_proxy(section, Proxy::Kind::frontend);
            else if (section.kind == "backend")
                read_proxy(section, Proxy::Kind::backend);
        }
        return std::move(proxies_);
    }

  private:
    void read_defaults(const Section& section) {
        Statements all;
        if (!section.from.empty())
            all = defaults_named(section);
        for (const auto& statement : section.statements)
            all.push_back(&statement);
        if (all.size() > kMaxInherited)
            throw ReadError(section.place, "defaults with more than 10000 statements");
        current_ = all;
        if (!section.name.text.empty())
            named_[section.name.text] = std::move(all);
    }

    [[nodiscard]] const Statements& defaults_named(const Section& section) const {
        const auto found = named_.find(section.from);
        if (found == named_.end())
            throw ReadError(section.place,
                            "there is no section 'defaults " + section.from + "' before it");
        return found->second;
    }

    void read_proxy(const Section& section, Proxy::Kind kind) {
        Proxy proxy;
        proxy.kind = kind;
        proxy.section = &section;
        proxy.name = section.name.text;
        proxy.inherited = section.from.empty() ? current_ : defaults_named(section);
        inherited_ += proxy.inherited.size();
        if (inherited_ > kMaxInheritedByAll)
            throw ReadError(section.place,
                            "all sections together inherit more than 1000000 statements");
        std::map<std::string, LineOption> defaults;
        for (const Statement* statement : proxy.inherited)
            if (statement->word(0) == "default-server")
                set_options(defaults, read_server_options(*statement, 1));
        for (const auto& statement : section.statements) {
            if (statement.word(0) == "default-server")
                set_options(defaults, read_server_options(statement, 1));
            else if (statement.word(0) == "server" || statement.word(0) == "server-template")
                proxy.servers.push_back(read_server(section, statement, defaults));
            else if (statement.word(0) == "bind" && statement.words.size() > 1)
                proxy.binds.push_back({&statement, parse_bind_addresses(statement.word(1)),
                                       statement.words[1].symbolic,
                                       read_bind_options(statement, 2)});
        }
        proxies_.push_back(std::move(proxy));
    }

    Server read_server(const Section& section, const Statement& statement,
                       const std::map<std::string, LineOption>& defaults) {
        const bool is_template = statement.word(0) == "server-template";
        const std::size_t address = is_template ? 3 : 2;
        Server server;
        server.line = &statement;
        server.name = statement.word(1);
        if (address < statement.words.size())
            server.address = statement.words[address];
        server.every = is_template || statement.every || section.every;
        server.options = defaults;
        set_options(server.options, read_server_options(statement, address + 1));
        server_options_ += server.options.size();
        if (server_options_ > kMaxServerOptions)
            throw ReadError(statement.place, "all servers together have more than 500000 settings");
        return server;
    }

    const Configuration& configuration_;
    Statements current_;
    std::map<std::string, Statements> named_;
    std::vector<Proxy> proxies_;
    std::size_t inherited_ = 0;
    std::size_t server_options_ = 0;
};

}  // namespace

const LineOption* Bind::find(std::string_view keyword) const {
    const auto found = std::find_if(options.begin(), options.end(), [&](const LineOption& option) {
        return option.keyword == keyword && !option.negated;
    });
    return found == options.end() ? nullptr : &*found;
}

const Statement* Proxy::last(std::initializer_list<std::string_view> words) const {
    const auto& mine = section->statements;
    for (auto statement = mine.rbegin(); statement != mine.rend(); ++statement)
        if (statement->starts_with(words))
            return &*statement;
    for (auto statement = inherited.rbegin(); statement != inherited.rend(); ++statement)
        if ((*statement)->starts_with(words))
            return *statement;
    return nullptr;
}

std::vector<const Statement*> Proxy::own(std::initializer_list<std::string_view> words) const {
    std::vector<const Statement*> found;
    for (const auto& statement : section->statements)
        if (statement.starts_with(words))
            found.push_back(&statement);
    return found;
}

const Statement* Proxy::option(std::string_view wanted) const {
    const auto in_force = [&](const Statement& statement) -> std::optional<const Statement*> {
        if (statement.starts_with({"option", wanted}))
            return &statement;
        if (statement.starts_with({"no", "option", wanted}))
            return nullptr;
        return std::nullopt;
    };
    const auto& mine = section->statements;
    for (auto statement = mine.rbegin(); statement != mine.rend(); ++statement)
        if (const auto found = in_force(*statement))
            return *found;
    for (auto statement = inherited.rbegin(); statement != inherited.rend(); ++statement)
        if (const auto found = in_force(**statement))
            return *found;
    return nullptr;
}

std::string Proxy::mode() const {
    const Statement* statement = last({"mode"});
    return statement ? statement->word(1) : "tcp";
}

std::vector<Proxy> proxies_of(const Configuration& configuration) {
    return ProxyReader(configuration).read();
}

const Statement* global_setting(const Configuration& configuration,
                                std::initializer_list<std::string_view> words) {
    const Statement* found = nullptr;
    for (const auto& section : configuration.sections)
        if (section.kind == "global")
            for (const auto& statement : section.statements)
                if (statement.starts_with(words))
                    found = &statement;
    return found;
}

}  // namespace haproxy
