// The files of tests/data/haproxy/import, and what becomes of them: expected/NAME.yaml. Each result
// passes the proxy's own check, and every directive is named in the report.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "haproxy/grammar/reader.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/migrate/convert/converter.h"
#include "patroni_proxy/migrate/source_files.h"
#include "support/fakes/certificates.h"
#include "support/process/temp_dir.h"

namespace proxy::migrate {
namespace {

const std::string kCorpus = TEST_DATA "/haproxy/import";

std::vector<std::string> files_of_corpus() {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(kCorpus)) {
        const std::string extension = entry.path().extension();
        if (extension == ".cfg" || extension == ".tmpl" || extension == ".ctmpl" ||
            extension == ".j2")
            files.push_back(entry.path().filename());
    }
    files.push_back("several");
    std::sort(files.begin(), files.end());
    return files;
}

struct Imported {
    haproxy::Configuration configuration;
    Conversion conversion;
};

std::unique_ptr<Imported> import_file(const std::string& name) {
    std::vector<std::string> paths{kCorpus + "/" + name};
    if (name == "several")
        paths = {kCorpus + "/several/haproxy.cfg", kCorpus + "/several/conf.d"};
    auto imported = std::make_unique<Imported>();
    imported->configuration =
        haproxy::read(read_sources(paths, daemons::read_file),
                      [](const std::string&) { return std::optional<std::string>(); });
    imported->conversion = convert(imported->configuration, {});
    return imported;
}

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

class Corpus : public testing::TestWithParam<std::string> {};

TEST_P(Corpus, BecomesWhatIsExpected) {
    const auto imported = import_file(GetParam());
    const std::string expected = kCorpus + "/expected/" + GetParam() + ".yaml";
    if (!imported->conversion.draft) {
        EXPECT_FALSE(std::filesystem::exists(expected));
        return;
    }
    EXPECT_EQ(yaml_of(*imported->conversion.draft), text_of(expected)) << expected;
}

TEST_P(Corpus, PassesOurOwnCheck) {
    const auto imported = import_file(GetParam());
    if (!imported->conversion.draft)
        return;
    const support::TempDir directory;
    const support::CertificateAuthority authority(directory);
    const auto client = authority.issue({.name = "client"});
    daemons::Inputs inputs;
    inputs.read = [&](const std::string& path) {
        return daemons::read_file(path.ends_with("ca.pem") ? authority.certificate() : client.both);
    };
    const std::string yaml = yaml_of(*imported->conversion.draft);
    EXPECT_NO_THROW((void)parse_config(yaml, "result", inputs)) << yaml;
}

TEST_P(Corpus, HasEveryDirectiveInItsReport) {
    const auto imported = import_file(GetParam());
    std::set<std::string> named;
    for (const auto& line : imported->conversion.ledger.lines())
        named.insert(line.place.text());
    for (const auto& section : imported->configuration.sections)
        for (const auto& statement : section.statements)
            EXPECT_TRUE(named.contains(statement.place.text()))
                << statement.place.text() << ": " << statement.text();
}

TEST_P(Corpus, HasNoSecretInItsReport) {
    EXPECT_THAT(import_file(GetParam())->conversion.ledger.text(),
                testing::AllOf(testing::Not(testing::HasSubstr("hunter2")),
                               testing::Not(testing::HasSubstr("secretword"))));
}

INSTANTIATE_TEST_SUITE_P(Import, Corpus, testing::ValuesIn(files_of_corpus()),
                         [](const auto& file) {
                             std::string name = file.param;
                             std::replace(name.begin(), name.end(), '.', '_');
                             return name;
                         });

}  // namespace
}  // namespace proxy::migrate
