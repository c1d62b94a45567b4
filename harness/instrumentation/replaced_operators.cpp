// A compiler pass, loaded into clang.
//
// A program may replace operator new and its kin. Heddle's command runs in the program's process
// and shares libraries with it, and its own blocks must not go through code under test. So the
// program's definitions get names of their own, and all calls reach Heddle's, which know who asks
// (intercept/operators.cpp).
//
// And no call of theirs goes: the optimiser may leave out what a new-expression asks for, and with
// it that it was never given back, or used afterwards.

#include <llvm/IR/InstrTypes.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>

namespace {

constexpr const char* kOperators[] = {
    "_Znwm",
    "_Znam",
    "_ZnwmRKSt9nothrow_t",
    "_ZnamRKSt9nothrow_t",
    "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t",
    "_ZnwmSt11align_val_tRKSt9nothrow_t",
    "_ZnamSt11align_val_tRKSt9nothrow_t",
    "_ZdlPv",
    "_ZdaPv",
    "_ZdlPvm",
    "_ZdaPvm",
    "_ZdlPvRKSt9nothrow_t",
    "_ZdaPvRKSt9nothrow_t",
    "_ZdlPvSt11align_val_t",
    "_ZdaPvSt11align_val_t",
    "_ZdlPvmSt11align_val_t",
    "_ZdaPvmSt11align_val_t",
    "_ZdlPvSt11align_val_tRKSt9nothrow_t",
    "_ZdaPvSt11align_val_tRKSt9nothrow_t",
};

struct RenameReplacedOperators : llvm::PassInfoMixin<RenameReplacedOperators> {
  static bool isRequired() { return true; }

  llvm::PreservedAnalyses run(llvm::Module& module, llvm::ModuleAnalysisManager&) {
    bool renamed = false;
    for (const char* name : kOperators) {
      llvm::Function* function = module.getFunction(name);
      if (function == nullptr) {
        continue;
      }
      for (llvm::User* user : function->users()) {
        if (auto* call = llvm::dyn_cast<llvm::CallBase>(user)) {
          call->removeFnAttr(llvm::Attribute::Builtin);
        }
      }
      if (!function->isDeclarationForLinker()) {
        rename(*function);
        renamed = true;
      }
    }
    return renamed ? llvm::PreservedAnalyses::none() : llvm::PreservedAnalyses::all();
  }

 private:
  static void rename(llvm::Function& function) {
    const std::string name = function.getName().str();
    function.setName("heddle_program" + name);
    if (function.hasComdat()) {
      function.setComdat(function.getParent()->getOrInsertComdat(function.getName()));
    }
    llvm::Function* called = llvm::Function::Create(
        function.getFunctionType(), llvm::GlobalValue::ExternalLinkage, name, function.getParent());
    called->setAttributes(function.getAttributes());
    function.replaceAllUsesWith(called);
  }
};

}  // namespace

extern "C" LLVM_ATTRIBUTE_WEAK llvm::PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "heddle-replaced-operators", "1",
          [](llvm::PassBuilder& builder) {
            // Before anything is inlined: templates that the command instantiates, too, may exist
            // once, with the program's calls in them.
            builder.registerPipelineStartEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) {
                  passes.addPass(RenameReplacedOperators());
                });
          }};
}
