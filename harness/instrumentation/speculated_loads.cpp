// A compiler pass, loaded into clang: at the beginning of its optimisations, and in front of
// ThreadSanitizer's own.
//
// Up to clang 19, optimisations turn
//
//     const int& current = which == 0 ? left : right;
//     use(current);
//
// into loads of `left` and of `right`, and choose between the values. The program reads one of
// them; a hook at the other one would tell of a race that is not there. Where both addresses are
// known to begin with, this pass makes the load volatile, which keeps it whole. Where inlining has
// brought them together, it puts the loads back to a choice between the addresses, and one load;
// loads that the program has itself come from other places of it than the choice.

#include <llvm/Analysis/Loads.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>

namespace {

struct KeepLoadsOfEither : llvm::PassInfoMixin<KeepLoadsOfEither> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
    for (llvm::Instruction& instruction : llvm::instructions(function)) {
      auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction);
      if (load != nullptr && load->isSimple() && may_be_split(*load)) {
        load->setVolatile(true);
      }
    }
    return llvm::PreservedAnalyses::all();
  }

 private:
  static bool may_be_split(llvm::LoadInst& load) {
    llvm::Value* address = load.getPointerOperand()->stripInBoundsOffsets();
    const auto can_be_loaded = [&](llvm::Value* from) {
      return llvm::isSafeToLoadUnconditionally(from, load.getType(), llvm::Align(1),
                                               load.getDataLayout(), &load);
    };
    if (auto* choice = llvm::dyn_cast<llvm::SelectInst>(address)) {
      return can_be_loaded(choice->getTrueValue()) && can_be_loaded(choice->getFalseValue());
    }
    auto* merged = llvm::dyn_cast<llvm::PHINode>(address);
    return merged != nullptr && llvm::all_of(merged->incoming_values(), can_be_loaded);
  }
};

struct JoinSpeculatedLoads : llvm::PassInfoMixin<JoinSpeculatedLoads> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
    llvm::SmallVector<llvm::SelectInst*> choices;
    for (llvm::Instruction& instruction : llvm::instructions(function)) {
      auto* choice = llvm::dyn_cast<llvm::SelectInst>(&instruction);
      if (choice != nullptr && choice->getCondition()->getType()->isIntegerTy(1)) {
        choices.push_back(choice);
      }
    }
    bool joined = false;
    for (llvm::SelectInst* choice : choices) {  // inner ones first: they are loads then
      joined |= join(*choice);
    }
    return joined ? llvm::PreservedAnalyses::none() : llvm::PreservedAnalyses::all();
  }

 private:
  static bool join(llvm::SelectInst& choice) {
    llvm::LoadInst* loads[] = {speculated(choice.getTrueValue(), choice),
                               speculated(choice.getFalseValue(), choice)};
    const bool both = loads[0] != nullptr && loads[1] != nullptr;
    const bool any = loads[0] != nullptr || loads[1] != nullptr;
    // Beside a value, only its place in the source tells where a load is from.
    if (!any || (!both && !choice.getDebugLoc())) {
      return false;
    }
    const llvm::Align align = both ? std::min(loads[0]->getAlign(), loads[1]->getAlign())
                                   : loads[loads[0] == nullptr]->getAlign();
    llvm::IRBuilder<> builder(&choice);
    llvm::Value* addresses[2];
    for (unsigned i = 0; i < 2; ++i) {
      addresses[i] = loads[i] != nullptr ? loads[i]->getPointerOperand()
                                         : in_memory(choice.getOperand(i + 1), align, builder);
    }
    llvm::Value* address = builder.CreateSelect(choice.getCondition(), addresses[0], addresses[1]);
    llvm::Value* value = builder.CreateAlignedLoad(choice.getType(), address, align);
    choice.replaceAllUsesWith(value);
    choice.eraseFromParent();
    for (llvm::LoadInst* load : loads) {
      if (load != nullptr) {
        load->eraseFromParent();
      }
    }
    return true;
  }

  /// The operand, if it is a load that may as well stand in the place of the choice, and came with
  /// it.
  static llvm::LoadInst* speculated(llvm::Value* operand, const llvm::SelectInst& choice) {
    auto* load = llvm::dyn_cast<llvm::LoadInst>(operand);
    if (load == nullptr || !load->isSimple() || !load->hasOneUse() ||
        load->getPointerAddressSpace() != 0 || load->getParent() != choice.getParent() ||
        load->getDebugLoc() != choice.getDebugLoc()) {
      return nullptr;
    }
    for (const llvm::Instruction* next = load; next != &choice; next = next->getNextNode()) {
      if (next->mayWriteToMemory()) {
        return nullptr;
      }
    }
    return load;
  }

  static llvm::Value* in_memory(llvm::Value* value, llvm::Align align, llvm::IRBuilder<>& builder) {
    llvm::BasicBlock& entry = builder.GetInsertBlock()->getParent()->getEntryBlock();
    llvm::IRBuilder<> at_entry(&entry, entry.begin());
    llvm::AllocaInst* place = at_entry.CreateAlloca(value->getType());
    place->setAlignment(align);
    builder.CreateAlignedStore(value, place, align);
    return place;
  }
};

}  // namespace

extern "C" LLVM_ATTRIBUTE_WEAK llvm::PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "heddle-speculated-loads", "1", [](llvm::PassBuilder& builder) {
            builder.registerPipelineStartEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel level) {
                  if (level != llvm::OptimizationLevel::O0) {  // there, loads stay what they are
                    passes.addPass(llvm::createModuleToFunctionPassAdaptor(KeepLoadsOfEither()));
                  }
                });
            builder.registerOptimizerLastEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) {
                  passes.addPass(llvm::createModuleToFunctionPassAdaptor(JoinSpeculatedLoads()));
                });
          }};
}
