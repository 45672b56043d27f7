#include "patroni_proxy/report/sessions_json.h"

#include <string>

#include <gtest/gtest.h>

#include "on_one_line.h"

namespace proxy {
namespace {

TEST(SessionsJsonTest, HasEveryKeyInItsOrder) {
    SessionList list;
    list.sessions.push_back(
        {.id = SessionId(1, 7),
         .cluster = "main",
         .port = "rw",
         .client = *net::SocketAddress::parse("10.1.2.3:4444"),
         .backend = BackendPtr(new Backend{"p1", *net::SocketAddress::parse("10.0.0.1:5432")}),
         .own = *net::SocketAddress::parse("10.0.0.5:33333"),
         .user = "app",
         .database = "shop",
         .application = "say \"hello\"",
         .state = "relaying",
         .busy = false,
         .age = 60.5,
         .idle = 30,
         .held = 0.5,
         .connecting = 0.125,
         .bytes_from_client = 6,
         .bytes_from_backend = 9,
         .by_fallback = true});
    list.total = 2;
    EXPECT_EQ(on_one_line(sessions_json(list, 1'795'000'060.5)), on_one_line(R"({
        "sessions": [{
            "id": "w1-7",
            "cluster": "main",
            "port": "rw",
            "client": "10.1.2.3:4444",
            "member": "p1",
            "backend": "10.0.0.1:5432",
            "own_address": "10.0.0.5:33333",
            "user": "app",
            "database": "shop",
            "application_name": "say \"hello\"",
            "state": "relaying",
            "busy": false,
            "started_at": 1795000000,
            "started_at_iso": "2026-11-18T11:06:40.000Z",
            "age": 60.5,
            "idle": 30,
            "bytes_from_client": 6,
            "bytes_from_backend": 9,
            "held_for": 0.5,
            "connected_in": 0.125,
            "by_fallback": true}],
        "total": 2,
        "truncated": true}
)"));
}

TEST(SessionsJsonTest, WhatIsNotKnownIsNull) {
    SessionList list;
    list.sessions.push_back({.id = SessionId(0, 1), .state = "holding"});
    list.total = 1;
    EXPECT_EQ(on_one_line(sessions_json(list, 1'795'000'000)), on_one_line(R"({
        "sessions": [{
            "id": "w0-1",
            "cluster": "",
            "port": "",
            "client": "unix",
            "member": null,
            "backend": null,
            "own_address": null,
            "user": null,
            "database": null,
            "application_name": null,
            "state": "holding",
            "busy": null,
            "started_at": 1795000000,
            "started_at_iso": "2026-11-18T11:06:40.000Z",
            "age": 0,
            "idle": 0,
            "bytes_from_client": 0,
            "bytes_from_backend": 0,
            "held_for": 0,
            "connected_in": 0,
            "by_fallback": false}],
        "total": 1,
        "truncated": false}
)"));
    EXPECT_EQ(on_one_line(sessions_json({}, 0)),
              R"({"sessions": [],"total": 0,"truncated": false})");
}

}  // namespace
}  // namespace proxy
