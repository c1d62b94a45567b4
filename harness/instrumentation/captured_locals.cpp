// A compiler pass, loaded into clang in front of ThreadSanitizer's own.
//
// ThreadSanitizer leaves out accesses to stack objects that nobody else can know. Up to clang 19 it
// asks that of the accessed address and not of the object: in
//
//     struct { int asked, answer; } shared;
//     std::thread thread([&] { shared.answer = 42; });
//     use(shared.answer);
//
// `shared` is known to the thread, yet the address of `shared.answer` is computed, loaded from, and
// given to nobody. The access would come without a hook, and a race there without a report. This
// pass hides where such an address came from, behind an empty piece of assembly: no instruction
// more, and an address of unknown origin is instrumented.

#include <llvm/Analysis/CaptureTracking.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>

namespace {

struct HideCapturedLocals : llvm::PassInfoMixin<HideCapturedLocals> {
  // Functions that are not to be optimised are instrumented, too.
  static bool isRequired() { return true; }

  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
    llvm::DenseMap<const llvm::Value*, bool> captured;                        // by alloca
    llvm::SmallVector<std::pair<llvm::Instruction*, llvm::Value*>> accesses;  // with their address
    for (llvm::Instruction& instruction : llvm::instructions(function)) {
      llvm::Value* address = llvm::getLoadStorePointerOperand(&instruction);
      const llvm::Value* object = address == nullptr ? nullptr : llvm::getUnderlyingObject(address);
      // The object's own address is asked the right question.
      if (address == object || !llvm::isa<llvm::AllocaInst>(object)) {
        continue;
      }
      const auto [known, is_new] = captured.try_emplace(object, false);
      if (is_new) {
        known->second = llvm::PointerMayBeCaptured(object, true, true);
      }
      if (known->second) {
        accesses.emplace_back(&instruction, address);
      }
    }
    // One an address: two accesses of one address in a row stay recognisable as that.
    llvm::DenseMap<llvm::Value*, llvm::Value*> hidden;
    for (const auto& [access, address] : accesses) {
      llvm::Value*& at = hidden[address];
      auto* definition = llvm::cast<llvm::Instruction>(address);
      if (definition->isTerminator()) {  // a call that may throw: has no place right behind it
        at = hide(address, access);
      } else if (at == nullptr) {
        at = hide(address, &**definition->getInsertionPointAfterDef());
      }
      access->replaceUsesOfWith(address, at);
    }
    return hidden.empty() ? llvm::PreservedAnalyses::all() : llvm::PreservedAnalyses::none();
  }

 private:
  static llvm::Value* hide(llvm::Value* address, llvm::Instruction* before) {
    llvm::Type* pointer = address->getType();
    auto* same =
        llvm::InlineAsm::get(llvm::FunctionType::get(pointer, {pointer}, false), "", "=r,0",
                             /*hasSideEffects=*/false);
    return llvm::IRBuilder<>(before).CreateCall(same, {address});
  }
};

}  // namespace

extern "C" LLVM_ATTRIBUTE_WEAK llvm::PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "heddle-captured-locals", "1", [](llvm::PassBuilder& builder) {
            // Sanitizers stand at the same place of the pipeline, behind those who ask from
            // outside.
            builder.registerOptimizerLastEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) {
                  passes.addPass(llvm::createModuleToFunctionPassAdaptor(HideCapturedLocals()));
                });
          }};
}
