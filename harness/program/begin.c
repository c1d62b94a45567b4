// Linked before the program's own objects; end.c goes behind them. What lies between is the
// program's data, which each execution must find as new; the rest is Heddle's.
#define IN_SECTION(name) __attribute__((section(name), used, visibility("hidden")))

char heddle_data_begin[16] IN_SECTION(".data") = {1};
char heddle_bss_begin[16] IN_SECTION(".bss");
IN_SECTION(".text") void heddle_text_begin(void) {}

// How the command knows that a file can be driven: the version of how they talk, and the flavour.
const char heddle_program_mark[] IN_SECTION(".heddle_program") = "1 " HEDDLE_FLAVOUR_NAME;
