// A compiler pass, loaded into clang: at the beginning of its optimisations, and in front of
// ThreadSanitizer's own. There shall be the loads of the program, no fewer and no more.
//
// A load whose value nobody uses is gone before ThreadSanitizer's pass looks: in
//
//     int seen = shared;  // and never again
//
// with -O1 already, and in a function that returns what it has read to somebody who does not care,
// after that was inlined. It is a race all the same, and the next edit may use the value. On the
// other hand, up to clang 19 optimisations turn
//
//     const int& current = which == 0 ? left : right;
//     use(current);
//
// into loads of `left` and of `right`, and choose between the values: a race that is not there.
//
// So this pass gives the value of each load a use, an empty piece of assembly. At the end, a choice
// that has one was a load, and what it chooses from, but for loads with a use of their own, came
// with it: that becomes a choice between the addresses, and one load. Then the uses go, and loads
// without any other become volatile, so that they stay.

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

bool is_use(const llvm::Instruction& instruction) {
  const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
  const auto* use =
      call == nullptr ? nullptr : llvm::dyn_cast<llvm::InlineAsm>(call->getCalledOperand());
  return use != nullptr && use->getAsmString() == kUse;
}

/// The choice as a load, if that is what it was; else null.
llvm::LoadInst* joined(llvm::SelectInst& choice);

/// The operand, if it is a load that came with the choice, and may as well stand in its place.
llvm::LoadInst* speculated(llvm::Value* operand, const llvm::SelectInst& choice) {
  auto* inner = llvm::dyn_cast<llvm::SelectInst>(operand);
  auto* load = inner != nullptr && inner->hasOneUse() ? joined(*inner)
                                                      : llvm::dyn_cast<llvm::LoadInst>(operand);
  if (load == nullptr || !load->isSimple() || !load->hasOneUse() ||
      load->getPointerAddressSpace() != 0 || load->getParent() != choice.getParent()) {
    return nullptr;
  }
  for (const llvm::Instruction* next = load; next != &choice; next = next->getNextNode()) {
    if (next->mayWriteToMemory() && !is_use(*next)) {
      return nullptr;
    }
  }
  return load;
}

llvm::Value* in_memory(llvm::Value* value, llvm::Align align, llvm::IRBuilder<>& builder) {
  llvm::BasicBlock& entry = builder.GetInsertBlock()->getParent()->getEntryBlock();
  llvm::IRBuilder<> at_entry(&entry, entry.begin());
  llvm::AllocaInst* place = at_entry.CreateAlloca(value->getType());
  place->setAlignment(align);
  builder.CreateAlignedStore(value, place, align);
  return place;
}

llvm::LoadInst* joined(llvm::SelectInst& choice) {
  if (!choice.getCondition()->getType()->isIntegerTy(1)) {
    return nullptr;
  }
  llvm::LoadInst* loads[] = {speculated(choice.getTrueValue(), choice),
                             speculated(choice.getFalseValue(), choice)};
  if (loads[0] == nullptr && loads[1] == nullptr) {
    return nullptr;
  }
  const bool both = loads[0] != nullptr && loads[1] != nullptr;
  const llvm::Align align = both ? std::min(loads[0]->getAlign(), loads[1]->getAlign())
                                 : loads[loads[0] == nullptr]->getAlign();
  llvm::IRBuilder<> builder(&choice);
  llvm::Value* addresses[2];
  for (unsigned i = 0; i < 2; ++i) {
    addresses[i] = loads[i] != nullptr ? loads[i]->getPointerOperand()
                                       : in_memory(choice.getOperand(i + 1), align, builder);
  }
  llvm::Value* address = builder.CreateSelect(choice.getCondition(), addresses[0], addresses[1]);
  llvm::LoadInst* load = builder.CreateAlignedLoad(choice.getType(), address, align);
  choice.replaceAllUsesWith(load);
  choice.eraseFromParent();
  for (llvm::LoadInst* part : loads) {
    if (part != nullptr) {
      part->eraseFromParent();
    }
  }
  return load;
}

struct RestoreLoads : llvm::PassInfoMixin<RestoreLoads> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
    llvm::SmallVector<llvm::CallInst*> uses;
    for (llvm::Instruction& instruction : llvm::instructions(function)) {
      if (is_use(instruction)) {
        uses.push_back(llvm::cast<llvm::CallInst>(&instruction));
      }
    }
    for (llvm::CallInst* use : uses) {
      if (auto* choice = llvm::dyn_cast<llvm::SelectInst>(use->getArgOperand(0))) {
        joined(*choice);
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
  return {LLVM_PLUGIN_API_VERSION, "heddle-loads", "1", [](llvm::PassBuilder& builder) {
            builder.registerPipelineStartEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel level) {
                  if (level == llvm::OptimizationLevel::O0) {
                    return;  // nothing goes, nothing comes
                  }
                  // A local that only takes the value counts as a use until it is a register.
                  llvm::FunctionPassManager each;
                  each.addPass(llvm::SROAPass(llvm::SROAOptions::PreserveCFG));
                  each.addPass(UseLoads());
                  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(each)));
                });
            builder.registerOptimizerLastEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) {
                  passes.addPass(llvm::createModuleToFunctionPassAdaptor(RestoreLoads()));
                });
          }};
}
