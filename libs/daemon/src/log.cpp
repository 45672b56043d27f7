#include "daemon/log.h"

#include <iostream>

#include <Poco/AutoPtr.h>
#include <Poco/ConsoleChannel.h>
#include <Poco/FormattingChannel.h>
#include <Poco/Logger.h>
#include <Poco/PatternFormatter.h>

namespace daemons::log {
namespace {

Poco::Logger& logger() {
    static Poco::Logger& instance = []() -> Poco::Logger& {
        const Poco::AutoPtr<Poco::ConsoleChannel> console(new Poco::ConsoleChannel(std::cerr));
        Poco::AutoPtr<Poco::PatternFormatter> formatter(
            new Poco::PatternFormatter("%Y-%m-%d %H:%M:%S.%i %p %t"));
        formatter->setProperty("times", "local");
        const Poco::AutoPtr<Poco::FormattingChannel> channel(
            new Poco::FormattingChannel(formatter, console));
        return Poco::Logger::create("daemon", channel, Poco::Message::PRIO_INFORMATION);
    }();
    return instance;
}

}  // namespace

bool debug_enabled() {
    return logger().debug();
}
void debug(const std::string& message) {
    logger().debug(message);
}
void info(const std::string& message) {
    logger().information(message);
}
void warning(const std::string& message) {
    logger().warning(message);
}
void error(const std::string& message) {
    logger().error(message);
}

}  // namespace daemons::log
