#include "simulation.h"

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include <gtest/gtest.h>

namespace simulation {
namespace {

#ifdef NDEBUG
constexpr std::uint64_t kSeeds = 2'000;
#else
constexpr std::uint64_t kSeeds = 200;  // it takes ten times as long without optimisation
#endif
constexpr std::uint64_t kParts = 8;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// The same once more, with its time line.
std::string replay(std::uint64_t seed) {
    Simulation simulation(seed, true);
    const std::string violation = simulation.run();
    return simulation.time_line() + "SIMULATION_SEED=" + std::to_string(seed) + ": " +
           (violation.empty() ? "nothing is wrong" : violation) + "\n";
}

/// A part of the seeds each, so that they run side by side.
class SimulationTest : public testing::TestWithParam<std::uint64_t> {};

// SIMULATION_SEEDS says how many there are, SIMULATION_SEED=N replays one and tells its course.
TEST_P(SimulationTest, NoCourseOfEventsBreaksARule) {
    if (const std::uint64_t seed = number_from("SIMULATION_SEED", 0); seed != 0) {
        if (seed % kParts != GetParam())
            return;
        std::cout << replay(seed);
        EXPECT_EQ(Simulation(seed, false).run(), "");
        return;
    }
    const std::uint64_t seeds = number_from("SIMULATION_SEEDS", kSeeds);
    int failures = 0;
    for (std::uint64_t seed = GetParam() + kParts; seed < seeds + kParts && failures < 2;
         seed += kParts)
        if (!Simulation(seed, false).run().empty()) {
            ++failures;
            ADD_FAILURE() << replay(seed);
        }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SimulationTest, testing::Range(std::uint64_t{0}, kParts));

}  // namespace
}  // namespace simulation
