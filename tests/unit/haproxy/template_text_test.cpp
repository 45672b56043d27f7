#include "haproxy/grammar/template_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "haproxy_text.h"

namespace haproxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(TemplateText, OfConfdHasOneServerForEveryMember) {
    const auto configuration = read_text(
        "listen primary\n"
        "  option httpchk /primary\n"
        "{{range gets \"/members/*\"}}  server {{base .Key}} {{$data := json .Value}}"
        "{{base (index (split $data.conn_url \"/\") 2)}} check port 8008\n"
        "{{end}}\n"
        "  maxconn 10\n");
    EXPECT_TRUE(configuration.from_template);
    EXPECT_THAT(lines_of(configuration),
                ElementsAre("2 listen: option httpchk /primary",
                            "3* listen: server {{ base .Key }} {{ base (index (split "
                            "$data.conn_url \"/\") 2) }} check port 8008",
                            "5 listen: maxconn 10"));
    const auto& server = configuration.sections[0].statements[1];
    EXPECT_EQ(server.words.size(), 6U);
    EXPECT_TRUE(server.words[1].symbolic);
    EXPECT_FALSE(server.words[5].symbolic);
}

TEST(TemplateText, OfConsulTemplateIsReadToo) {
    EXPECT_THAT(lines_of(read_text("listen a\n{{- range service \"pg\" -}}\n"
                                   "  server {{.Node}} {{.Address}}:{{.Port}} check\n"
                                   "{{- else }}\n  server none 127.0.0.1:1\n{{- end}}\n"
                                   "{{/* a\ncomment */}}  bind :5000\n")),
                ElementsAre("3* listen: server {{ .Node }} {{ .Address }}:{{ .Port }} check",
                            "8 listen: bind :5000"));
}

TEST(TemplateText, OfJinjaIsReadToo) {
    const auto configuration = read_text(
        "{# header #}\nlisten a\n"
        " bind *:{{ port | default(5000) }}\n"
        "{% for host in groups['pg'] %}\n"
        " server {{ host }} {{ hostvars[host].ip }}:5432 check port {{ api }}\n"
        "{% endfor %}\n"
        "{% if stats %}\n maxconn 5\n{% else %}\n maxconn 6\n{% endif %}\n"
        " log-format \"%{+Q}o %ci\"\n{% raw %} description {{ x }}\n{% endraw %}",
        {{"api", "8008"}});
    EXPECT_THAT(
        lines_of(configuration),
        ElementsAre("3 listen: bind *:5000",
                    "5* listen: server {{ host }} {{ hostvars[host].ip }}:5432 check port 8008",
                    "8 listen: maxconn 5", "12 listen: log-format %{+Q}o %ci",
                    "13 listen: description {{ x }}"));
    ASSERT_EQ(configuration.notes.size(), 2U);
    EXPECT_EQ(configuration.notes[0].kind, Note::Kind::assumed);
    EXPECT_EQ(configuration.notes[1].kind, Note::Kind::condition);
    EXPECT_EQ(configuration.notes[1].place.line, 7);
}

TEST(TemplateText, ThatIncludesAnotherSaysThatItWasNotRead) {
    const auto configuration = read_text("{% include 'x.j2' %}\n");
    ASSERT_EQ(configuration.notes.size(), 1U);
    EXPECT_EQ(configuration.notes[0].kind, Note::Kind::not_read);
    EXPECT_THAT(configuration.notes[0].text, HasSubstr("x.j2"));
}

TEST(TemplateText, WithoutAnyActionIsNoTemplate) {
    const auto configuration = read_text("global\n log-format '{%x} { src } {# a #}'\n");
    EXPECT_FALSE(configuration.from_template);
    EXPECT_THAT(lines_of(configuration), ElementsAre("2 global: log-format {%x} { src } {# a #}"));
}

TEST(TemplateText, WithoutAnEndIsRefused) {
    EXPECT_EQ(refusal_of("a\n{{range x}}\n"), "h.cfg:2: the template's 'range' has no end");
    EXPECT_EQ(refusal_of("{{end}}\n"), "h.cfg:1: the template's 'end' ends nothing");
    EXPECT_EQ(refusal_of("{{else}}\n"), "h.cfg:1: the template's 'else' belongs to nothing");
    EXPECT_EQ(refusal_of("\n{{ x"), "h.cfg:2: '{{' has no '}}'");
    EXPECT_EQ(refusal_of("{% raw %}"), "h.cfg:1: the template's 'raw' has no end");
    std::string deep;
    for (int depth = 0; depth < 65; ++depth)
        deep += "{{range x}}";
    EXPECT_EQ(refusal_of(deep), "h.cfg:1: more than 64 blocks within each other");
}

}  // namespace
}  // namespace haproxy
