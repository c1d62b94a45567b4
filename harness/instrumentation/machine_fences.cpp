// A compiler pass, loaded into clang.
//
// Code from before C++11, and code for one kernel, writes full barriers as instructions of the
// machine:
//
//     asm volatile("mfence" ::: "memory");
//     asm volatile("lock; addl $0, -4(%%rsp)" ::: "memory");
//     __builtin_ia32_mfence();
//
// ThreadSanitizer's pass does not know what they are. This one puts a fence in front of each, which
// it does know, and leaves the instruction where it is.

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>
#include <llvm/Support/Regex.h>

namespace {

/// As written in LLVM's assembly, where a dollar sign is two.
constexpr const char* kFullBarrier =
    "^[[:space:]]*(mfence|lock[;[:space:]]+(add|or)[bwlq]?[[:space:]]+\\$\\$0(x0)?,.*%[re]sp)";

struct AddFences : llvm::PassInfoMixin<AddFences> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
    bool changed = false;
    for (llvm::Instruction& instruction : llvm::instructions(function)) {
      const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
      if (call != nullptr && is_full_barrier(*call)) {
        llvm::IRBuilder<>(&instruction).CreateFence(llvm::AtomicOrdering::SequentiallyConsistent);
        changed = true;
      }
    }
    return changed ? llvm::PreservedAnalyses::none() : llvm::PreservedAnalyses::all();
  }

  static bool isRequired() { return true; }  // without optimisation, too

 private:
  static bool is_full_barrier(const llvm::CallInst& call) {
    if (const auto* code = llvm::dyn_cast<llvm::InlineAsm>(call.getCalledOperand())) {
      return llvm::Regex(kFullBarrier).match(code->getAsmString());
    }
    return call.getIntrinsicID() == llvm::Intrinsic::x86_sse2_mfence;
  }
};

}  // namespace

extern "C" LLVM_ATTRIBUTE_WEAK llvm::PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "heddle-machine-fences", "1", [](llvm::PassBuilder& builder) {
            builder.registerPipelineStartEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) {
                  passes.addPass(llvm::createModuleToFunctionPassAdaptor(AddFences()));
                });
          }};
}
