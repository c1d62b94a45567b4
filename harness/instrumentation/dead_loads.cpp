// A compiler pass, loaded into clang.
//
// A load whose value nobody uses is gone before ThreadSanitizer's pass looks: in
//
//     int seen = shared;  // and never again
//
// with -O1 already. It is a race all the same, and the next edit may use the value. This pass makes
// such loads volatile, so that they stay.

#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>
#include <llvm/Transforms/Scalar/SROA.h>

namespace {

struct KeepDeadLoads : llvm::PassInfoMixin<KeepDeadLoads> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
    for (llvm::Instruction& instruction : llvm::instructions(function)) {
      auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction);
      if (load != nullptr && load->use_empty() && load->isSimple() &&
          !llvm::isa<llvm::AllocaInst>(llvm::getUnderlyingObject(load->getPointerOperand()))) {
        load->setVolatile(true);
      }
    }
    return llvm::PreservedAnalyses::all();
  }
};

}  // namespace

extern "C" LLVM_ATTRIBUTE_WEAK llvm::PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "heddle-dead-loads", "1", [](llvm::PassBuilder& builder) {
            builder.registerPipelineStartEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel level) {
                  if (level == llvm::OptimizationLevel::O0) {
                    return;  // nothing goes
                  }
                  // A local that only takes the value counts as a use until it is a register.
                  llvm::FunctionPassManager each;
                  each.addPass(llvm::SROAPass(llvm::SROAOptions::PreserveCFG));
                  each.addPass(KeepDeadLoads());
                  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(each)));
                });
          }};
}
