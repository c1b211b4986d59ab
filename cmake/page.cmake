# SPDX-License-Identifier: Apache-2.0
# Target `report-page`: page/report.html in the build folder, which `tools/traproom report` fills. The charting library
# and the bundler come from npm, as tools/page/package-lock.json pins them, with the hash of each.
set(page_source ${PROJECT_SOURCE_DIR}/tools/page)
set(page ${CMAKE_BINARY_DIR}/page)
file(GLOB page_parts CONFIGURE_DEPENDS ${page_source}/*.js ${page_source}/*.css ${page_source}/*.html)
add_custom_command(OUTPUT ${page}/node_modules/.package-lock.json
    COMMAND ${page_source}/fetch ${page}
    DEPENDS ${page_source}/fetch ${page_source}/package.json ${page_source}/package-lock.json
    COMMENT "Fetching the report page's library" VERBATIM)
add_custom_command(OUTPUT ${page}/report.html
    COMMAND ${page_source}/make ${page}/node_modules ${page}/report.html
    DEPENDS ${page}/node_modules/.package-lock.json ${page_source}/make ${page_parts}
    COMMENT "Bundling the report page" VERBATIM)
add_custom_target(report-page DEPENDS ${page}/report.html)
