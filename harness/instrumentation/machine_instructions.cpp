// A compiler pass, loaded into clang.
//
// Code from before C++11, and code for one kernel, asks the machine itself for what the language
// has no words for: full barriers,
//
//     asm volatile("mfence" ::: "memory");
//     asm volatile("lock; addl $0, -4(%%rsp)" ::: "memory");
//     __builtin_ia32_mfence();
//
// and the time,
//
//     __rdtsc();
//     asm volatile("rdtsc" : "=a"(low), "=d"(high));
//
// ThreadSanitizer's pass does not know what these are. This one puts a fence in front of each
// barrier, which it does know, and leaves the instruction where it is; the time is that of the
// execution.

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>
#include <llvm/Support/Regex.h>

namespace {

using llvm::CallInst;
using llvm::InlineAsm;
using llvm::IRBuilder;
using llvm::Regex;
using llvm::Type;
using llvm::Value;

// As written in LLVM's assembly, where a dollar sign is two.
constexpr const char* kFullBarrier =
    "^[[:space:]]*(mfence|lock[;[:space:]]+(add|or)[bwlq]?[[:space:]]+\\$\\$0(x0)?,.*%[re]sp)";
constexpr const char* kCounter =
    "^([[:space:];]|[lm]fence|cpuid)*(rdtscp?|\\.byte[[:space:]]+0x0f,[[:space:]]*0x31)"
    "([[:space:];]|[lm]fence)*$";
// The same, and both halves put together.
constexpr const char* kWholeCounter =
    "^([[:space:];]|[lm]fence|cpuid)*rdtscp?[[:space:];]+(shl|sal)q?[[:space:]]+\\$\\$(32|0x20),"
    "[[:space:]]*%rdx[[:space:];]+orq?[[:space:]]+%rdx,[[:space:]]*(%rax|\\$0)"
    "([[:space:];]|[lm]fence)*$";

/// The runtime's, which says what time it is in cycles.
constexpr const char* kReadCycles = "__heddle_read_cycles";

bool is_full_barrier(const CallInst& call) {
  if (const auto* code = llvm::dyn_cast<InlineAsm>(call.getCalledOperand())) {
    return Regex(kFullBarrier).match(code->getAsmString());
  }
  return call.getIntrinsicID() == llvm::Intrinsic::x86_sse2_mfence;
}

/// The counter's halves, low and high, as the registers that the code names first.
bool gives_halves(const InlineAsm& code, const Type& result) {
  return Regex(kCounter).match(code.getAsmString()) && result.isStructTy() &&
         llvm::StringRef(code.getConstraintString()).starts_with("={ax},={dx}");
}

bool gives_whole(const InlineAsm& code, const Type& result) {
  return Regex(kWholeCounter).match(code.getAsmString()) && result.isIntegerTy() &&
         llvm::StringRef(code.getConstraintString()).starts_with("={ax}");
}

bool reads_counter(const CallInst& call) {
  if (const auto* code = llvm::dyn_cast<InlineAsm>(call.getCalledOperand())) {
    return gives_halves(*code, *call.getType()) || gives_whole(*code, *call.getType());
  }
  switch (call.getIntrinsicID()) {
    case llvm::Intrinsic::x86_rdtsc:
    case llvm::Intrinsic::x86_rdtscp:
    case llvm::Intrinsic::readcyclecounter: return true;
    default: return false;
  }
}

/// What `call` would return if the counter had the value `now`; the processor is number 0.
Value* result_of(const CallInst& call, Value* now, IRBuilder<>& builder) {
  Type* type = call.getType();
  if (!type->isStructTy()) {
    return builder.CreateZExtOrTrunc(now, type);
  }
  const bool halved = call.isInlineAsm();
  Value* result = llvm::Constant::getNullValue(type);
  const auto put = [&](Value* value, unsigned index) {
    value = builder.CreateZExtOrTrunc(value, type->getStructElementType(index));
    result = builder.CreateInsertValue(result, value, index);
  };
  put(halved ? builder.CreateAnd(now, 0xffff'ffffu) : now, 0);
  if (halved) {
    put(builder.CreateLShr(now, 32), 1);
  }
  return result;
}

struct Translate : llvm::PassInfoMixin<Translate> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
    bool changed = false;
    for (llvm::Instruction& instruction :
         llvm::make_early_inc_range(llvm::instructions(function))) {
      auto* call = llvm::dyn_cast<CallInst>(&instruction);
      if (call != nullptr && is_full_barrier(*call)) {
        IRBuilder<>(call).CreateFence(llvm::AtomicOrdering::SequentiallyConsistent);
        changed = true;
      }
      if (call != nullptr && reads_counter(*call)) {
        IRBuilder<> builder(call);
        Value* now = builder.CreateCall(
            function.getParent()->getOrInsertFunction(kReadCycles, builder.getInt64Ty()));
        call->replaceAllUsesWith(result_of(*call, now, builder));
        call->eraseFromParent();
        changed = true;
      }
    }
    return changed ? llvm::PreservedAnalyses::none() : llvm::PreservedAnalyses::all();
  }

  static bool isRequired() { return true; }  // without optimisation, too
};

}  // namespace

extern "C" LLVM_ATTRIBUTE_WEAK llvm::PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "heddle-machine-instructions", "1",
          [](llvm::PassBuilder& builder) {
            builder.registerPipelineStartEPCallback(
                [](llvm::ModulePassManager& passes, llvm::OptimizationLevel) {
                  passes.addPass(llvm::createModuleToFunctionPassAdaptor(Translate()));
                });
          }};
}
