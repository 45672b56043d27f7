#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "daemon/http/http_server.h"

namespace daemons {

/// Answers requests from a report that another thread makes. One report is made at a time: requests
/// that arrive meanwhile share the next one, and requests for the same path share its text. So
/// however many requests come, the other thread makes one report after the other, with time for its
/// own work in between. answer(): any thread.
template <typename Report>
class ReportRequests {
  public:
    using Use = std::function<void(const Report&)>;
    /// Calls `use` with a report, now or later, on any thread. Must not block.
    using Get = std::function<void(Use use)>;
    using Render = std::function<HttpResponse(const Report&)>;

    explicit ReportRequests(Get get) : shared_(std::make_shared<Shared>(std::move(get))) {}
    ReportRequests(const ReportRequests&) = delete;
    ReportRequests& operator=(const ReportRequests&) = delete;
    /// Asks for no further report. A report that is under way may still be used.
    ~ReportRequests() {
        const base::MutexLock lock(shared_->mutex);
        shared_->closed = true;
    }

    /// `render` gives the same for equal paths.
    void answer(const std::string& path, Render render, HttpServer::Reply reply) {
        {
            const base::MutexLock lock(shared_->mutex);
            Asked& asked = shared_->waiting[path];
            asked.render = std::move(render);
            asked.replies.push_back(std::move(reply));
            if (std::exchange(shared_->is_asking, true))
                return;
        }
        ask(shared_);
    }

  private:
    struct Asked {
        Render render;
        std::vector<HttpServer::Reply> replies;
    };
    using ByPath = std::map<std::string, Asked>;
    struct Shared {
        explicit Shared(Get get_report) : get(std::move(get_report)) {}

        const Get get;
        base::Mutex mutex;
        ByPath waiting GUARDED_BY(mutex);  ///< for the next report
        bool is_asking GUARDED_BY(mutex) = false;
        bool closed GUARDED_BY(mutex) = false;
    };

    static void ask(const std::shared_ptr<Shared>& shared) {
        ByPath asked;
        {
            const base::MutexLock lock(shared->mutex);
            asked.swap(shared->waiting);
        }
        shared->get([shared, asked = std::move(asked)](const Report& report) {
            for (const auto& [path, each] : asked) {
                const HttpResponse response = each.render(report);
                for (const auto& reply : each.replies)
                    reply(response);
            }
            {
                const base::MutexLock lock(shared->mutex);
                shared->is_asking = !shared->waiting.empty() && !shared->closed;
                if (!shared->is_asking)
                    return;
            }
            ask(shared);
        });
    }

    const std::shared_ptr<Shared> shared_;
};

}  // namespace daemons
