# Read by cpack for each kind of package.
if(CPACK_GENERATOR STREQUAL "RPM")
    list(REMOVE_ITEM CPACK_COMPONENTS_ALL proxy_debian agent_debian)
else()
    list(REMOVE_ITEM CPACK_COMPONENTS_ALL proxy_rpm agent_rpm)
endif()
