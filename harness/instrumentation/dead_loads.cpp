// A compiler pass, loaded into clang: at the beginning of its optimisations, and in front of
// ThreadSanitizer's own.
//
// A load whose value nobody uses is gone before ThreadSanitizer's pass looks: in
//
//     int seen = shared;  // and never again
//
// with -O1 already, and in a function that returns what it has read to somebody who does not care,
// after that was inlined. It is a race all the same, and the next edit may use the value. So this
// pass gives each load a use, an empty piece of assembly, and takes these away at the end. Loads
// without any other use become volatile then, so that they stay.

#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>
#include <llvm/Transforms/Scalar/SROA.h>

namespace {

constexpr const char* kUse = "# used by heddle";

struct UseLoads : llvm::PassInfoMixin<UseLoads> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
    llvm::SmallVector<llvm::LoadInst*> loads;
    for (llvm::Instruction& instruction : llvm::instructions(function)) {
      auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction);
      if (load != nullptr && load->isSimple() && load->getType()->isSingleValueType() &&
          !llvm::isa<llvm::AllocaInst>(llvm::getUnderlyingObject(load->getPointerOperand()))) {
        loads.push_back(load);
      }
    }
    for (llvm::LoadInst* load : loads) {
      llvm::IRBuilder<> builder(load->getNextNode());
      auto* use = llvm::InlineAsm::get(
          llvm::FunctionType::get(builder.getVoidTy(), {load->getType()}, false), kUse, "X",
          /*hasSideEffects=*/true);
      llvm::CallInst* call = builder.CreateCall(use, {load});
      call->setDoesNotThrow();
      call->setMemoryEffects(llvm::MemoryEffects::inaccessibleMemOnly());
    }
    return loads.empty() ? llvm::PreservedAnalyses::all() : llvm::PreservedAnalyses::none();
  }
};

struct KeepDeadLoads : llvm::PassInfoMixin<KeepDeadLoads> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
    llvm::SmallVector<llvm::CallInst*> uses;
    for (llvm::Instruction& instruction : llvm::instructions(function)) {
      auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
      const auto* use =
          call == nullptr ? nullptr : llvm::dyn_cast<llvm::InlineAsm>(call->getCalledOperand());
      if (use != nullptr && use->getAsmString() == kUse) {
        uses.push_back(call);
      }
    }
    for (llvm::CallInst* use : uses) {
      auto* load = llvm::dyn_cast<llvm::LoadInst>(use->getArgOperand(0));
      use->eraseFromParent();
      if (load != nullptr && load->use_empty() && load->isSimple()) {
        load->setVolatile(true);
      }
    }
    return uses.empty() ? llvm::PreservedAnalyses::all() : llvm::PreservedAnalyses::none();
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
                  each.addPass(UseLoads());
                  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(each)));
                });
            builder.registerOptimizerLastEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) {
                  passes.addPass(llvm::createModuleToFunctionPassAdaptor(KeepDeadLoads()));
                });
          }};
}
