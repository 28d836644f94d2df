# The at-most-once test: what `teplo-bench --faults` and tests/ledger are made of.
add_library(teplo_faults STATIC
    ${CMAKE_CURRENT_LIST_DIR}/faults.c
    ${CMAKE_CURRENT_LIST_DIR}/faults_client.c
    ${CMAKE_CURRENT_LIST_DIR}/faults_nemesis.c
    ${CMAKE_CURRENT_LIST_DIR}/faults_options.c
    ${CMAKE_CURRENT_LIST_DIR}/faults_plan.c
    ${CMAKE_CURRENT_LIST_DIR}/faults_process.c
    ${CMAKE_CURRENT_LIST_DIR}/faults_report.c
    ${CMAKE_CURRENT_LIST_DIR}/ledger_check.c)
target_link_libraries(teplo_faults PUBLIC teplo_proto teplo_flags)
