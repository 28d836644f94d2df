# The files of page/ as arrays: cmake -DPAGE=... -DOUT=... -P page.cmake

function(embed name text_hex)
    string(REGEX REPLACE "(................................)" "\\1\n    " lines "${text_hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," array "${lines}")
    string(LENGTH "${text_hex}" digits)
    math(EXPR length "${digits} / 2")
    file(APPEND ${OUT} "const unsigned char dash_page_${name}[] = {\n    ${array}\n};\n"
        "const size_t dash_page_${name}_length = ${length};\n\n")
endfunction()

file(GLOB scripts ${PAGE}/*.js)
list(SORT scripts)
set(script "(() => {\n\"use strict\";\n")
foreach(path IN LISTS scripts)
    file(READ ${path} text)
    string(APPEND script "${text}")
endforeach()
string(APPEND script "})();\n")
file(WRITE ${OUT}.js "${script}")

file(WRITE ${OUT} "/* Made by page.cmake. */\n#include \"client-lib/dash/dash_page.h\"\n\n")
file(READ ${PAGE}/index.html html HEX)
file(READ ${PAGE}/style.css style HEX)
file(READ ${OUT}.js script HEX)
embed(html ${html})
embed(style ${style})
embed(script ${script})
