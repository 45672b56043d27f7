#include "daemon/text/html.h"

#include <gtest/gtest.h>

namespace daemons::html {
namespace {

TEST(HtmlTest, TextIsNoMarkup) {
    EXPECT_EQ(escaped("a <b c='d' e=\"f\"> & g"),
              "a &lt;b c=&#39;d&#39; e=&quot;f&quot;&gt; &amp; g");
    EXPECT_EQ(escaped(""), "");
}

}  // namespace
}  // namespace daemons::html
