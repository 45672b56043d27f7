#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "daemon/http/http_server.h"
#include "net/socket/listening_socket.h"
#include "support/sockets/test_client.h"
#include "support/wait.h"

namespace daemons {

using support::TestClient;

/// A server whose answer names what was asked; requests to /later are kept until a test answers.
class HttpServerTest : public testing::Test {
  protected:
    HttpServerTest() { serve(); }

    void serve(const HttpLimits& limits = {}) {
        server_.reset();
        server_ = std::make_unique<HttpServer>(
            socket_,
            [this](const HttpRequest& request, HttpServer::Reply reply) {
                handle(request, std::move(reply));
            },
            limits);
    }
    /// A client that has asked for what is answered with `bytes`, and reads none of it yet.
    TestClient slow_reader(std::size_t bytes) {
        TestClient client("127.0.0.1", port_, {.receive_buffer = 4'096});
        client.send(head("GET", "/later") + "Connection: close\r\n\r\n");
        take_reply()({200, std::string(bytes, 'x'), {}});
        return client;
    }
    [[nodiscard]] TestClient connect() const { return {"127.0.0.1", port_}; }

    static std::string head(const std::string& method, const std::string& target) {
        return method + " " + target + " HTTP/1.1\r\nHost: test\r\n";
    }
    /// The whole answer to one request on a connection of its own.
    [[nodiscard]] std::string ask(const std::string& method, const std::string& target,
                                  const std::string& rest = "\r\n") const {
        TestClient client = connect();
        client.send(head(method, target) + "Connection: close\r\n" + rest);
        return client.receive_to_eof();
    }

    /// The way to answer the oldest request to /later that has none yet.
    HttpServer::Reply take_reply() {
        std::unique_lock lock(mutex_);
        support::wait_until(
            lock, changed_, support::default_timeout, [this] { return !replies_.empty(); },
            "a request to /later", [] { return std::string(); });
        HttpServer::Reply reply = std::move(replies_.front());
        replies_.pop_front();
        return reply;
    }

    const net::ListeningSocket socket_ =
        net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0"));
    const std::uint16_t port_ = socket_.address().port();
    std::unique_ptr<HttpServer> server_;

    void handle(const HttpRequest& request, HttpServer::Reply reply) {
        if (request.path != "/later") {
            std::string told = request.method + " " + request.path;
            for (const auto& [name, value] : request.query)
                told += " " + name + "=" + value;
            return reply({200, told, {}});
        }
        const std::lock_guard lock(mutex_);
        replies_.push_back(std::move(reply));
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<HttpServer::Reply> replies_;  // guarded by mutex_
};

}  // namespace daemons
