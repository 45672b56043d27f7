#include "daemon/http/report_requests.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace daemons {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A report is a number: how many were made before it. The test makes them.
class ReportRequestsTest : public testing::Test {
  protected:
    void ask(const std::string& path) {
        requests_->answer(
            path,
            [this, path](int report) {
                ++rendered_;
                return HttpResponse{200, path + " of " + std::to_string(report), {}};
            },
            [this](const HttpResponse& response) { replies_.push_back(response.body.str()); });
    }
    void make_report() {
        const auto use = std::move(asked_.front());
        asked_.pop_front();
        use(made_++);
    }
    std::vector<std::string> take_replies() { return std::exchange(replies_, {}); }

    std::deque<ReportRequests<int>::Use> asked_;  ///< reports that are to be made
    int made_ = 0;
    int rendered_ = 0;
    std::vector<std::string> replies_;
    std::unique_ptr<ReportRequests<int>> requests_ = std::make_unique<ReportRequests<int>>(
        [this](ReportRequests<int>::Use use) { asked_.push_back(std::move(use)); });
};

TEST_F(ReportRequestsTest, EachRequestHasAReportThatIsMadeAfterIt) {
    ask("/status");
    ASSERT_EQ(asked_.size(), 1U);
    ask("/status");  // this report may be half made
    make_report();
    EXPECT_THAT(take_replies(), ElementsAre("/status of 0"));
    make_report();
    EXPECT_THAT(take_replies(), ElementsAre("/status of 1"));
    EXPECT_THAT(asked_, IsEmpty());
    ask("/status");
    make_report();
    EXPECT_THAT(take_replies(), ElementsAre("/status of 2"));
}

TEST_F(ReportRequestsTest, AThousandRequestsCostTwoReportsAndTheirTextsOnce) {
    for (int i = 0; i < 1'000; ++i)
        ask(i % 2 == 0 ? "/status" : "/metrics");
    while (!asked_.empty())
        make_report();
    EXPECT_EQ(replies_.size(), 1'000U);
    EXPECT_EQ(made_, 2);
    EXPECT_EQ(rendered_, 3);  // the first was asked for alone
    EXPECT_EQ(replies_.front(), "/status of 0");
    EXPECT_EQ(replies_.back(), "/status of 1");
}

TEST_F(ReportRequestsTest, AsksForNoReportOnceItIsDestroyed) {
    ask("/status");
    ask("/metrics");
    requests_.reset();
    make_report();
    EXPECT_THAT(take_replies(), ElementsAre("/status of 0"));
    EXPECT_THAT(asked_, IsEmpty());
}

}  // namespace
}  // namespace daemons
