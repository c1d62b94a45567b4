// Linked behind the program's own objects; see begin.c.
#define IN_SECTION(name) __attribute__((section(name), used, visibility("hidden")))

char heddle_data_end[16] IN_SECTION(".data") = {1};
char heddle_bss_end[16] IN_SECTION(".bss");
IN_SECTION(".text") void heddle_text_end(void) {}

// The program's static constructors have run; those of what is linked behind it come next.
extern _Bool heddle_makes_own_objects;
__attribute__((constructor)) static void end_constructors(void) { heddle_makes_own_objects = 1; }
