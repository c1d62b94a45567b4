// A compiler pass, loaded into clang.
//
// Libraries that were compiled without instrumentation read and write the program's memory, too:
// the C library's memcmp and strlen, libstdc++'s trees and lists as far as they are no templates.
// What the optimiser has left of the calls of these goes to functions of Heddle's, which tell what
// they touch (intercept/c_library.cpp), or are instrumented (intercept/containers.cpp).

#include <llvm/IR/InstrTypes.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>

namespace {

// Of the C library, names that the C standard reserves, and one that compilers make calls of.
constexpr const char* kFunctions[] = {
    "memcmp",
    "bcmp",
    "memchr",
    "memrchr",
    "memmem",
    "mempcpy",
    "memccpy",
    "strlen",
    "strnlen",
    "strcmp",
    "strncmp",
    "strcasecmp",
    "strncasecmp",
    "strchr",
    "strchrnul",
    "strrchr",
    "strstr",
    "strpbrk",
    "strspn",
    "strcspn",
    "strcpy",
    "strncpy",
    "strcat",
    "strncat",
    "strtok_r",
    "strsep",
    "strdup",
    "strndup",
    "strtol",
    "strtoul",
    "strtoll",
    "strtoull",
    "strtof",
    "strtod",
    "atoi",
    "atol",
    "atoll",
    "atof",
    "wmemcmp",
    "wmemchr",
    "wmemcpy",
    "wmemmove",
    "wmemset",
    "wcslen",
    "wcsnlen",
    "wcscmp",
    "wcsncmp",
    "wcscpy",
    "snprintf",
    "vsnprintf",
    "sprintf",
    "vsprintf",
    "fread",
    "fwrite",
    "fgets",
    "fputs",
    "puts",
    "qsort",
    "__memcpy_chk",
    "__memmove_chk",
    "__memset_chk",
    "_ZSt11_Hash_bytesPKvmm",
    "_ZSt18_Rb_tree_incrementPSt18_Rb_tree_node_base",
    "_ZSt18_Rb_tree_incrementPKSt18_Rb_tree_node_base",
    "_ZSt18_Rb_tree_decrementPSt18_Rb_tree_node_base",
    "_ZSt18_Rb_tree_decrementPKSt18_Rb_tree_node_base",
    "_ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_",
    "_ZSt28_Rb_tree_rebalance_for_erasePSt18_Rb_tree_node_baseRS_",
    "_ZNSt8__detail15_List_node_base4swapERS0_S1_",
    "_ZNSt8__detail15_List_node_base11_M_transferEPS0_S1_",
    "_ZNSt8__detail15_List_node_base10_M_reverseEv",
    "_ZNSt8__detail15_List_node_base7_M_hookEPS0_",
    "_ZNSt8__detail15_List_node_base9_M_unhookEv",
};

struct RenameLibraryCalls : llvm::PassInfoMixin<RenameLibraryCalls> {
  static bool isRequired() { return true; }

  llvm::PreservedAnalyses run(llvm::Module& module, llvm::ModuleAnalysisManager&) {
    bool renamed = false;
    for (const char* name : kFunctions) {
      llvm::Function* function = module.getFunction(name);
      if (function != nullptr && function->isDeclarationForLinker() && !function->use_empty()) {
        rename(*function);
        renamed = true;
      }
    }
    return renamed ? llvm::PreservedAnalyses::none() : llvm::PreservedAnalyses::all();
  }

 private:
  static void rename(llvm::Function& function) {
    llvm::Function* called =
        llvm::Function::Create(function.getFunctionType(), llvm::GlobalValue::ExternalLinkage,
                               "heddle_checked_" + function.getName(), function.getParent());
    // Threads may switch there.
    called->setAttributes(function.getAttributes());
    called->removeFnAttr(llvm::Attribute::Memory);
    for (llvm::User* user : function.users()) {
      if (auto* call = llvm::dyn_cast<llvm::CallBase>(user)) {
        call->removeFnAttr(llvm::Attribute::Memory);
      }
    }
    function.replaceAllUsesWith(called);
  }
};

}  // namespace

extern "C" LLVM_ATTRIBUTE_WEAK llvm::PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "heddle-library-calls", "1", [](llvm::PassBuilder& builder) {
            builder.registerOptimizerLastEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) {
                  passes.addPass(RenameLibraryCalls());
                });
          }};
}
