#include "daemon/config/config_tree.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/yaml/yaml_mapping.h"

namespace daemons {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Files in memory. A directory is there if a file is in it.
class ConfigTreeTest : public testing::Test {
  protected:
    [[nodiscard]] Inputs inputs() {
        Inputs inputs;
        inputs.read = [this](const std::string& path) {
            const auto found = files_.find(path);
            if (found == files_.end())
                throw FileError(path + ": cannot be read: No such file or directory");
            return found->second;
        };
        inputs.list = [this](const std::string& path) -> std::optional<std::vector<std::string>> {
            const std::string prefix = path == "." ? "" : path + (path.ends_with('/') ? "" : "/");
            std::vector<std::string> names;
            for (const auto& [file, text] : files_)
                if (file.starts_with(prefix) && file != prefix &&
                    file.find('/', prefix.size()) == std::string::npos)
                    names.push_back(file.substr(prefix.size()));
            return names.empty() ? std::nullopt : std::optional(names);
        };
        inputs.variables = [](const std::string& name) {
            return name == "SITE" ? std::optional<std::string>("east") : std::nullopt;
        };
        return inputs;
    }

    YamlNode read(const std::string& path) {
        problems_ = {};
        return read_config_tree(path, {"clusters"}, inputs(), problems_);
    }

    /// "key" of every top-level entry, and "clusters/key" of every cluster.
    std::vector<std::string> keys(const std::string& path) {
        std::vector<std::string> found;
        const YamlNode root = read(path);
        EXPECT_THAT(problems_.lines(), IsEmpty());
        for (const auto& [key, value] : root.entries()) {
            found.push_back(key.text());
            if (key.text() == "clusters")
                for (const auto& [name, cluster] : value.entries())
                    found.push_back("clusters/" + name.text());
        }
        return found;
    }

    std::map<std::string, std::string> files_;
    Problems problems_;
};

TEST_F(ConfigTreeTest, AFileWithoutIncludeIsItself) {
    files_["f.yaml"] = "workers: 1\nclusters: {a: 1}\n";
    EXPECT_THAT(keys("f.yaml"), ElementsAre("workers", "clusters", "clusters/a"));
}

TEST_F(ConfigTreeTest, ADirectoryIsReadInTheOrderOfItsNames) {
    files_["d/20.yaml"] = "clusters: {b: 1, a: 1}\n";
    files_["d/10.yml"] = "workers: 1\nclusters:\n  c: 1\n";
    files_["d/30.yaml"] = "log: {}\n";
    EXPECT_THAT(keys("d"), ElementsAre("workers", "log", "clusters", "clusters/c", "clusters/b",
                                       "clusters/a"));
}

TEST_F(ConfigTreeTest, HiddenFilesBackupsAndOthersAreNotRead) {
    for (const std::string name : {".a.yaml", ".a.yaml.swp", "a.yaml~", "#a.yaml#", "a.yaml.bak",
                                   "README", "a.yaml.dpkg-old", "#a.yaml"})
        files_["d/" + name] = "[broken";
    files_["d/a.yaml"] = "clusters: {a: 1}\n";
    EXPECT_THAT(keys("d"), ElementsAre("clusters", "clusters/a"));
}

TEST_F(ConfigTreeTest, ADirectoryWithoutAnyFileIsRefused) {
    files_["d/README"] = "";
    EXPECT_TRUE(read("d").is_null());
    EXPECT_THAT(
        problems_.lines(),
        ElementsAre("d: holds no configuration; files in it must be named *.yaml or *.yml"));
}

TEST_F(ConfigTreeTest, IncludesAFileADirectoryOrAPatternRelativeToTheFile) {
    files_["/etc/p/f.yaml"] =
        "workers: 1\ninclude: [one.conf, some, 'more/x*.yaml', /abs/y.yaml]\n";
    files_["/etc/p/one.conf"] = "clusters: {one: 1}\n";
    files_["/etc/p/some/a.yaml"] = "clusters: {a: 1}\n";
    files_["/etc/p/some/a.yaml~"] = "clusters: {z: 1}\n";
    files_["/etc/p/more/x1.yaml"] = "clusters: {x1: 1}\n";
    files_["/etc/p/more/y.yaml"] = "clusters: {y: 1}\n";
    files_["/etc/p/more/.x.yaml"] = "clusters: {z: 1}\n";
    files_["/abs/y.yaml"] = "clusters: {abs: 1}\n";
    EXPECT_THAT(keys("/etc/p/f.yaml"), ElementsAre("workers", "clusters", "clusters/one",
                                                   "clusters/a", "clusters/x1", "clusters/abs"));
}

TEST_F(ConfigTreeTest, APatternDoesNotMatchTheFileThatHasIt) {
    files_["f.yaml"] = "include: '*.yaml'\nclusters: {f: 1}\n";
    files_["g.yaml"] = "clusters: {g: 1}\n";
    EXPECT_THAT(keys("f.yaml"), ElementsAre("clusters", "clusters/f", "clusters/g"));
}

TEST_F(ConfigTreeTest, APlaceIsInTheFileThatHasIt) {
    files_["f.yaml"] = "include: d\nclusters: {a: 1}\n";
    files_["d/g.yaml"] = "\nclusters:\n  b: {port: 1}\n";
    const YamlNode root = read("f.yaml");
    const YamlNode clusters = root.entries().at(0).second;
    EXPECT_EQ(clusters.entries().at(0).second.place().to_string(), "f.yaml:2");
    EXPECT_EQ(clusters.entries().at(1).second.place().to_string(), "d/g.yaml:3");
    EXPECT_EQ(clusters.entries().at(1).second.place().seen_from(clusters.place()), "d/g.yaml:3");
}

TEST_F(ConfigTreeTest, WhatIsSetTwiceNamesBothPlaces) {
    files_["d/a.yaml"] = "workers: 1\nclusters:\n  x: 1\n";
    files_["d/b.yaml"] = "\nworkers: 1\nclusters: {y: 1,\n  x: 1}\n";
    EXPECT_TRUE(read("d").is_null());
    EXPECT_THAT(problems_.lines(),
                ElementsAre("d/b.yaml:2: 'workers' is set twice: d/a.yaml:1 has it already",
                            "d/b.yaml:4: 'x' in clusters is set twice: d/a.yaml:3 has it already"));
}

TEST_F(ConfigTreeTest, AnchorsAndMergeKeysWorkWithinEachFile) {
    files_["d/a.yaml"] = "clusters: {<<: &all {x: 1}, y: 1}\n";
    files_["d/b.yaml"] = "<<: {workers: 1}\n";
    EXPECT_THAT(keys("d"), ElementsAre("workers", "clusters", "clusters/y", "clusters/x"));
    files_["d/b.yaml"] = "clusters: {z: *all}\n";
    read("d");
    EXPECT_THAT(problems_.lines(),
                ElementsAre(HasSubstr("d/b.yaml:1: the referenced anchor is not defined")));
}

TEST_F(ConfigTreeTest, TellsTheProblemsOfAllFiles) {
    files_["d/a.yaml"] = "clusters: {a: [}\n";
    files_["d/b.yaml"] = "clusters: {b: '${NONE}'}\n";
    files_["d/c.yaml"] = "word\n";
    files_["d/d.yaml"] = "";
    EXPECT_TRUE(read("d").is_null());
    EXPECT_THAT(problems_.lines(),
                ElementsAre(HasSubstr("d/a.yaml:1: "),
                            HasSubstr("d/b.yaml:1: the variable NONE is not set"),
                            "d/c.yaml:1: the file must be a mapping of keys to values",
                            "d/d.yaml:1: the file is empty"));
}

TEST_F(ConfigTreeTest, WhatCannotBeIncludedNamesTheLineOfTheInclude) {
    files_["f.yaml"] = "include:\n  - none.yaml\n  - none/*.yaml\n  - '*/a.yaml'\n";
    EXPECT_TRUE(read("f.yaml").is_null());
    EXPECT_THAT(
        problems_.lines(),
        ElementsAre("f.yaml:2: include: none.yaml: cannot be read: No such file or directory",
                    "f.yaml:3: include: there is no directory none",
                    "f.yaml:4: include '*/a.yaml': only the last part may have *, ? or ["));
    for (const std::string wrong : {"{a: 1}", "[[a]]", "[]"}) {
        files_["f.yaml"] = "include: " + wrong + "\n";
        read("f.yaml");
        EXPECT_THAT(problems_.lines(), ElementsAre(HasSubstr("f.yaml:1: include takes a file")));
    }
}

TEST_F(ConfigTreeTest, APatternThatMatchesNothingIsAWarning) {
    files_["f.yaml"] = "clusters: {a: 1}\ninclude: d/*.yaml\n";
    files_["d/README"] = "";
    EXPECT_THAT(keys("f.yaml"), ElementsAre("clusters", "clusters/a"));
    EXPECT_THAT(problems_.warnings(),
                ElementsAre("f.yaml:2: warning: include 'd/*.yaml' matches no file"));
}

TEST_F(ConfigTreeTest, OnlyTheFileOfTheCommandLineIncludes) {
    files_["f.yaml"] = "include: d/a.yaml\n";
    files_["d/a.yaml"] = "workers: 1\ninclude: b.yaml\n";
    read("f.yaml");
    EXPECT_THAT(problems_.lines(), ElementsAre("d/a.yaml:2: include is allowed only in the file "
                                               "that the command line names"));
    read("d");
    EXPECT_EQ(problems_.lines().size(), 1U);
}

TEST_F(ConfigTreeTest, IncludeTakesVariables) {
    files_["f.yaml"] = "include: ${SITE}/*.yaml\n";
    files_["east/a.yaml"] = "clusters: {a: 1}\n";
    EXPECT_THAT(keys("f.yaml"), ElementsAre("clusters", "clusters/a"));
}

TEST_F(ConfigTreeTest, IsBoundedInFilesAndInSize) {
    for (int i = 0; i < 2'001; ++i)
        files_["d/" + std::to_string(10'000 + i) + ".yaml"] = "clusters: {}\n";
    read("d");
    EXPECT_THAT(problems_.lines(), ElementsAre("d/12000.yaml: there are more than 2000 files"));
    files_.clear();
    for (int i = 0; i < 6; ++i)
        files_["d/" + std::to_string(i) + ".yaml"] =
            "clusters: {}\n#" + std::string(std::size_t{3} * 1024 * 1024, 'x') + "\n";
    read("d");
    EXPECT_THAT(problems_.lines(), ElementsAre("d/5.yaml: with this file the configuration is "
                                               "larger than 16 MiB"));
}

}  // namespace
}  // namespace daemons
