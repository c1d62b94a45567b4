#include "agreement.hpp"

#include <algorithm>
#include <iterator>

#include "catalogue.hpp"
#include "families.hpp"
#include "litmus_body.hpp"
#include "random_litmus.hpp"

namespace heddle::litmus {
namespace {

void add_missing(std::string& text, const char* title, const Program& program,
                 const std::set<Outcome>& from, const std::set<Outcome>& in) {
  std::vector<Outcome> missing;
  std::ranges::set_difference(from, in, std::back_inserter(missing));
  for (const Outcome& outcome : missing) {
    text += std::string("\n  ") + title + ": " + to_text(program, outcome);
  }
}

void add_counts(std::string& text, const char* who, u64 complete, u64 blocked) {
  text += std::string("\n  ") + who + ": " + std::to_string(complete) + " complete, " +
          std::to_string(blocked) + " blocked";
}

std::string disagreement(const Program& program, const Behaviours& behaviours, Model model,
                         const Explorer& explore) {
  const Behaviour& truth = behaviours[static_cast<u8>(model)];
  OutcomeSet outcomes;
  const Explored explored = explore(body_of(program, outcomes), model);
  const std::set<Outcome> seen = outcomes.all();
  if (explored.complete == truth.complete && seen == truth.outcomes) {
    return "";
  }
  std::string text = std::string(name_of(model)) + ": " + to_text(program);
  add_counts(text, "enumerator", truth.complete, truth.blocked);
  add_counts(text, "explorer", explored.complete, explored.blocked);
  add_missing(text, "not explored", program, truth.outcomes, seen);
  add_missing(text, "impossible", program, seen, truth.outcomes);
  return text;
}

void add_disagreements(std::vector<std::string>& all, const std::string& title,
                       const Program& program, const Explorer& explore) {
  const Behaviours behaviours = enumerate(program);
  for (const Model model : kModels) {
    const std::string text = disagreement(program, behaviours, model, explore);
    if (!text.empty()) {
      all.push_back(title + ": " + text);
    }
  }
}

}  // namespace

std::string disagreement(const Program& program, Model model, const Explorer& explore) {
  return disagreement(program, enumerate(program), model, explore);
}

std::vector<std::string> disagreements_on_catalogue(const Explorer& explore) {
  std::vector<std::string> all;
  for (const Entry& entry : catalogue()) {
    add_disagreements(all, entry.name, parse(entry.program), explore);
  }
  return all;
}

std::vector<std::string> disagreements_on_random_programs(u64 programs, const Explorer& explore) {
  std::vector<std::string> all;
  for (u64 i = 0; i < programs; ++i) {
    const Flavour flavour = kFlavours[i % std::size(kFlavours)];
    add_disagreements(all, "program " + std::to_string(i), random_program(i, flavour), explore);
  }
  return all;
}

std::vector<std::string> disagreements_on_families(u64 executions, const Explorer& explore) {
  std::vector<std::string> all;
  for (const Member& member : members()) {
    for (const Model model : kModels) {
      const std::optional<u64> expected = member.complete[static_cast<u8>(model)];
      if (!expected || *expected > executions) {
        continue;
      }
      const Explored explored = explore(body_of(member), model);
      if (explored.complete != *expected) {
        std::string text = std::string(member.family) + "(" + std::to_string(member.n) +
                           ") under " + name_of(model) + ": " + std::to_string(*expected) +
                           " complete";
        add_counts(text, "explorer", explored.complete, explored.blocked);
        all.push_back(text);
      }
    }
  }
  return all;
}

}  // namespace heddle::litmus
