# Gives program.o's functions of the C library weak names, so that a program may have its own: a
# `time` or a `rand`. What is in the object goes on calling Heddle's, by a second name of each.
# Threads and locks are not for programs to replace: that would be an error of the link.
execute_process(COMMAND ${NM} --defined-only --extern-only --format=posix ${OBJECT}
                OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "(^|\n)([A-Za-z][A-Za-z0-9_]*|_exit|_Exit|__assert_fail) T" names "${symbols}")
list(TRANSFORM names REPLACE "^\n?([^ ]*) T" "\\1")
list(FILTER names EXCLUDE REGEX "^(heddle|pthread|sem)_")

set(renamed)
set(second_names)
set(weak)
foreach(name IN LISTS names)
  list(APPEND renamed --redefine-sym=${name}=__heddle_${name})
  list(APPEND second_names -Wl,--defsym=${name}=__heddle_${name})
  list(APPEND weak --weaken-symbol=${name})
endforeach()
execute_process(COMMAND ${OBJCOPY} ${renamed} ${OBJECT} ${OBJECT}.renamed COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${COMPILER} -r -nostdlib -fuse-ld=lld ${second_names} ${OBJECT}.renamed -o ${OBJECT}
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${OBJCOPY} ${weak} ${OBJECT} COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${OBJECT}.renamed)
